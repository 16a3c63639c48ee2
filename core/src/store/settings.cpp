#include "switchgear/store/settings.hpp"

namespace switchgear {

std::optional<std::string> SettingStore::find(const std::string& name) {
  const auto row = store_.read().query_one<std::string>("select value from api_settings where name = :name", {{"name", name}});
  return row ? std::optional(std::get<0>(*row)) : std::nullopt;
}

void SettingStore::put(const std::string& name, const std::string& value) {
  store_.write([&](DatabaseSession& session) {
    session.execute("insert into api_settings (name, value) values (:name, :value) on conflict (name) do update set value = :value",
                    {{"name", name}, {"value", value}});
  });
}

void SettingStore::erase(const std::string& name) {
  if (!find(name)) return;
  store_.write([&](DatabaseSession& session) { session.execute("delete from api_settings where name = :name", {{"name", name}}); });
}

}  // namespace switchgear

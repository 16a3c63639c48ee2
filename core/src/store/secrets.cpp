#include "switchgear/store/secrets.hpp"

#include "sealed_box.hpp"
#include "store_key.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

/// A sealed text opens in its own row only.
std::string context_of(const std::string& name) { return "switchgear secret " + name; }

void write_sealed(DatabaseSession& session, const std::string& name, const std::string& key_id, const std::string& sealed,
                  std::int64_t now) {
  session.execute(
      "insert into secrets (name, key_id, sealed, updated_at) values (:name, :key_id, :sealed, :now) on conflict (name) do update set "
      "key_id = :key_id, sealed = :sealed, updated_at = :now",
      {{"name", name}, {"key_id", key_id}, {"sealed", sealed}, {"now", now}});
}

}  // namespace

SecretStore::Key SecretStore::key(bool may_make) {
  const std::lock_guard lock(mutex_);
  if (!key_) {
    auto found = store_detail::find_store_key(store_, given_, may_make);
    key_ = Key{found.bytes, store_detail::key_id(found.bytes), found.source};
  }
  return *key_;
}

std::string SecretStore::opened(const Key& key, const std::string& name, const std::string& key_id, const std::string& sealed) const {
  if (key_id != key.id) {
    throw Error(Category::config, "store_key",
                "the secret '" + name + "' in the store " + store_.display() + " was sealed with the key " + key_id + "; " + key.source +
                    " is the key " + key.id)
        .with_hint("give the key that the store was used with before; without it the secret must be put anew (sign in again)");
  }
  auto text = store_detail::open_sealed(key.bytes, context_of(name), sealed);
  if (!text) {
    throw Error(Category::store, "corrupt", "the secret '" + name + "' in the store " + store_.display() + " was changed or damaged")
        .with_hint("restore the store from a backup, or put the secret anew (sign in again)");
  }
  return std::move(*text);
}

void SecretStore::put(const std::string& name, const std::string& value) {
  // A store that has secrets has a key: making a second one would hide that the first is lost.
  const Key with = key(names().empty());
  const std::string sealed = store_detail::seal(with.bytes, context_of(name), value);
  store_.write([&](DatabaseSession& session) {
    const auto other = session.query_one<std::string>("select key_id from secrets where key_id <> :id limit 1", {{"id", with.id}});
    if (other) {
      throw Error(Category::config, "store_key",
                  "the store " + store_.display() + " has secrets under the key " + std::get<0>(*other) + "; " + with.source +
                      " is the key " + with.id)
          .with_hint("give the key that the store was used with before, or erase the secrets that it sealed");
    }
    write_sealed(session, name, with.id, sealed, store_.now());
  });
}

std::optional<std::string> SecretStore::find(const std::string& name) {
  auto session = store_.read();
  const auto row = session.query_one<std::string, std::string>("select key_id, sealed from secrets where name = :name", {{"name", name}});
  if (!row) return std::nullopt;
  const auto& [key_id, sealed] = *row;
  return opened(key(false), name, key_id, sealed);
}

void SecretStore::erase(const std::string& name) {
  store_.write([&](DatabaseSession& session) { session.execute("delete from secrets where name = :name", {{"name", name}}); });
}

std::vector<std::string> SecretStore::names() {
  auto session = store_.read();
  std::vector<std::string> names;
  for (auto& [name] : session.query<std::string>("select name from secrets order by name")) names.push_back(std::move(name));
  return names;
}

void SecretStore::change_key(const Secret& secret) {
  const auto found = store_detail::find_store_key(store_, secret, false);
  const Key next{found.bytes, store_detail::key_id(found.bytes), found.source};
  const Key present = key(names().empty());
  store_.write([&](DatabaseSession& session) {
    for (const auto& [name, key_id, sealed] :
         session.query<std::string, std::string, std::string>("select name, key_id, sealed from secrets")) {
      const std::string text = opened(present, name, key_id, sealed);
      write_sealed(session, name, next.id, store_detail::seal(next.bytes, context_of(name), text), store_.now());
    }
  });
  const std::lock_guard lock(mutex_);
  key_ = next;
}

}  // namespace switchgear

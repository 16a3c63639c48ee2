#include "switchgear/paging/continuation.hpp"

#include <nlohmann/json.hpp>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

constexpr int version = 1;

Error bad_token(const std::string& why) {
  return Error(Category::config, "token", "this is no continuation token: " + why)
      .with_hint("use what reader.token or page.token gave, unchanged, or leave it out to read from the beginning");
}

}  // namespace

std::string Continuation::to_text() const {
  nlohmann::ordered_json json = {{"v", version}, {"entity", entity}};
  if (ended) {
    json["ended"] = true;
  } else {
    json["token"] = token;
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Continuation Continuation::from_text(std::string_view text, std::string_view entity) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("v") || !json.contains("entity") || !json["entity"].is_string())
    throw bad_token("it is not one of ours");
  if (json["v"] != version) throw bad_token("it is of version " + json["v"].dump() + ", this is version " + std::to_string(version));
  Continuation place;
  place.entity = json["entity"].get<std::string>();
  if (place.entity != entity) throw bad_token("it is of '" + place.entity + "', not of '" + std::string(entity) + "'");
  place.ended = json.value("ended", nlohmann::json(false)) == true;
  if (!place.ended) {
    if (!json.contains("token") || !json["token"].is_string()) throw bad_token("it has no place in it");
    place.token = json["token"].get<std::string>();
  }
  return place;
}

}  // namespace switchgear

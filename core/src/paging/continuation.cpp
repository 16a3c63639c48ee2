#include "switchgear/paging/continuation.hpp"

#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

constexpr int version = 1;

Error bad_token(const std::string& why) {
  return Error(Category::config, "token", "this is no continuation token: " + why)
      .with_hint("use what reader.token or page.token gave, unchanged, or leave it out to read from the beginning");
}

template <class Json>
void write(Json& json, const Place& place) {
  json["token"] = place.token;
  if (place.seen.empty()) return;
  std::string bytes(place.seen.size() * sizeof(std::uint64_t), '\0');
  std::memcpy(bytes.data(), place.seen.data(), bytes.size());
  json["seen"] = base64_encode(bytes);
}

Place read(const nlohmann::json& json) {
  Place place;
  if (!json.is_object() || !json.contains("token") || !json["token"].is_string()) throw bad_token("it has no place in it");
  place.token = json["token"].get<std::string>();
  if (!json.contains("seen")) return place;
  const std::optional<std::string> bytes = json["seen"].is_string() ? base64_decode(json["seen"].get<std::string>()) : std::nullopt;
  if (!bytes || bytes->size() % sizeof(std::uint64_t) != 0) throw bad_token("what it says of the page before is damaged");
  place.seen.resize(bytes->size() / sizeof(std::uint64_t));
  std::memcpy(place.seen.data(), bytes->data(), bytes->size());
  return place;
}

}  // namespace

std::string Continuation::to_text() const {
  nlohmann::ordered_json json = {{"v", version}, {"entity", entity}};
  if (places.empty()) {
    json["ended"] = true;
  } else if (places.size() == 1 && places.front().partition.empty()) {
    write(json, places.front());
  } else {
    nlohmann::ordered_json parts = nlohmann::ordered_json::array();
    for (const Place& place : places) {
      nlohmann::ordered_json part = {{"part", place.partition}};
      write(part, place);
      parts.push_back(std::move(part));
    }
    json["parts"] = std::move(parts);
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Continuation Continuation::from_text(std::string_view text, std::string_view entity) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("v") || !json.contains("entity") || !json["entity"].is_string())
    throw bad_token("it is not one of ours");
  if (json["v"] != version) throw bad_token("it is of version " + json["v"].dump() + ", this is version " + std::to_string(version));
  Continuation result;
  result.entity = json["entity"].get<std::string>();
  if (result.entity != entity) throw bad_token("it is of '" + result.entity + "', not of '" + std::string(entity) + "'");
  result.places.clear();
  if (json.value("ended", nlohmann::json(false)) == true) return result;
  if (!json.contains("parts")) {
    result.places.push_back(read(json));
    return result;
  }
  if (!json["parts"].is_array() || json["parts"].empty()) throw bad_token("it has no place in it");
  for (const auto& part : json["parts"]) {
    result.places.push_back(read(part));
    if (!part.contains("part") || !part["part"].is_string()) throw bad_token("a part of it has no name");
    result.places.back().partition = part["part"].get<std::string>();
  }
  return result;
}

}  // namespace switchgear

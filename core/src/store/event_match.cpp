#include "event_match.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/store/events.hpp"

namespace switchgear {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> comparisons = {"=", "!=", "<", "<=", ">", ">="};

bool is_word(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

/// How many words with full stops between them; 0 where one is none.
std::size_t words_of(std::string_view text) {
  std::size_t words = 0;
  for (;;) {
    const std::size_t stop = text.find('.');
    if (!is_word(text.substr(0, stop))) return 0;
    ++words;
    if (stop == std::string_view::npos) return words;
    text.remove_prefix(stop + 1);
  }
}

[[noreturn]] void refuse(std::string what, std::string hint) {
  throw Error(Category::config, "endpoint", std::move(what)).with_hint(std::move(hint));
}

/// What stands at "error.category"; null where there is nothing.
const json* at_place(const json& data, std::string_view place) {
  const json* here = &data;
  while (!place.empty()) {
    const std::size_t stop = place.find('.');
    if (!here->is_object()) return nullptr;
    const auto found = here->find(std::string(place.substr(0, stop)));
    if (found == here->end()) return nullptr;
    here = &*found;
    place.remove_prefix(stop == std::string_view::npos ? place.size() : stop + 1);
  }
  return here;
}

bool compares(std::string_view how, const json* value, const json& with) {
  if (how == "!=") return value == nullptr || *value != with;
  if (value == nullptr) return false;
  if (how == "=") return *value == with;
  const bool comparable = (value->is_number() && with.is_number()) || (value->is_string() && with.is_string());
  if (!comparable) return false;
  if (how == "<") return *value < with;
  if (how == "<=") return *value <= with;
  if (how == ">") return *value > with;
  return *value >= with;
}

bool holds(const json& condition, const json* value) {
  if (condition.is_array()) return value != nullptr && std::find(condition.begin(), condition.end(), *value) != condition.end();
  if (!condition.is_object()) return compares("=", value, condition);
  return std::all_of(condition.items().begin(), condition.items().end(),
                     [&](const auto& each) { return compares(each.key(), value, each.value()); });
}

bool has_match(const json& events, const std::string& connection, std::string_view type) {
  const auto found = events.find(connection);
  if (found == events.end() || !found->is_array()) return false;
  return std::any_of(found->begin(), found->end(), [&](const json& pattern) {
    return pattern.is_string() && matches_event_pattern(pattern.get_ref<const std::string&>(), type);
  });
}

}  // namespace

bool is_event_type(std::string_view text) noexcept { return text.size() <= 200 && words_of(text) >= 2; }

bool is_event_pattern(std::string_view text) noexcept {
  if (text == "*" || is_event_type(text)) return true;
  return text.size() <= 200 && text.ends_with(".*") && words_of(text.substr(0, text.size() - 2)) >= 1;
}

bool matches_event_pattern(std::string_view pattern, std::string_view type) noexcept {
  if (pattern == "*" || pattern == type) return true;
  return pattern.ends_with(".*") && type.starts_with(pattern.substr(0, pattern.size() - 1));
}

namespace store_detail {

std::string checked_events(std::string_view text) {
  const json events = json::parse(text, nullptr, false);
  const char* shape = R"(such as {"plant": ["sync.failed"], "*": ["connection.*"]})";
  if (!events.is_object() || events.empty()) refuse("an endpoint's events are no table of types by connection", shape);
  for (const auto& [connection, patterns] : events.items()) {
    if (connection.empty() || !patterns.is_array()) refuse("the events of '" + connection + "' are no list of types", shape);
    for (const json& pattern : patterns) {
      if (pattern.is_string() && is_event_pattern(pattern.get_ref<const std::string&>())) continue;
      refuse("the events of '" + connection + "' have " + pattern.dump(-1, ' ', false, json::error_handler_t::replace) +
                 ", which is no type of an event",
             R"(a type ("sync.failed"), all below one ("connection.*"), or "*")");
    }
  }
  return events.dump();
}

std::string checked_filter(std::string_view text) {
  const json filter = json::parse(text, nullptr, false);
  const char* shape = R"(such as {"error.category": ["offline", "timeout"], "counts.rejected": {">": 0}})";
  if (!filter.is_object()) refuse("an endpoint's filter is no table of conditions by place in the data", shape);
  for (const auto& [place, condition] : filter.items()) {
    if (place.empty()) refuse("a condition of an endpoint's filter names no place in the data", shape);
    if (!condition.is_object()) continue;
    if (condition.empty()) refuse("the filter's condition on '" + place + "' is empty", shape);
    for (const auto& [how, with] : condition.items()) {
      if (std::find(comparisons.begin(), comparisons.end(), how) != comparisons.end()) continue;
      std::string what = "the filter compares '";
      what.append(place).append("' by '").append(how).append("', which is unknown");
      refuse(std::move(what), "one of =, !=, <, <=, >, >=");
    }
  }
  return filter.dump();
}

bool wants_event(const json& events, std::string_view connection_id, std::string_view type) {
  if (!events.is_object()) return false;
  return has_match(events, "*", type) || (!connection_id.empty() && has_match(events, std::string(connection_id), type));
}

bool passes_filter(const json& filter, const json& data) {
  if (!filter.is_object()) return false;
  return std::all_of(filter.items().begin(), filter.items().end(),
                     [&](const auto& each) { return holds(each.value(), at_place(data, each.key())); });
}

}  // namespace store_detail
}  // namespace switchgear

// An error that travels as a success: {"error": ...}, {"success": false}, SAP's RETURN. Found without parsing the page: the keys at the
// top of the object are walked over as text, through all of a small body and the first bytes of a large one.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "error_body.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using Json = nlohmann::json;

constexpr std::size_t small_body = 4096;
constexpr std::size_t window_of_large_body = 512;
constexpr std::size_t largest_value = 64U << 10U;

constexpr std::string_view blanks = " \t\r\n";

/// The position behind the string that starts at `at`; npos if it does not end.
std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

/// The position behind the value that starts at `at`; npos if it does not end in `text`.
std::size_t skip_value(std::string_view text, std::size_t at) {
  if (at >= text.size()) return std::string_view::npos;
  if (text[at] == '"') return skip_string(text, at);
  if (text[at] != '{' && text[at] != '[') return text.find_first_of(",}", at);
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      if (at == std::string_view::npos) return at;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
    ++at;
  }
  return std::string_view::npos;
}

bool is_error_key(std::string_view key) {
  return equal_ignoring_case(key, "error") || equal_ignoring_case(key, "oslc:error") || key == "odata.error" ||
         equal_ignoring_case(key, "fault");
}

bool is_return_key(std::string_view key) { return equal_ignoring_case(key, "return") || equal_ignoring_case(key, "et_return"); }

/// What an envelope consists of. An object with other keys beside a text in `error` is a record that has such a column.
bool only_envelope_keys(const Json& root) {
  constexpr std::array<std::string_view, 27> known = {
      "error",      "errors",    "message",      "msg",       "code",       "error_code", "errorcode", "status",
      "statuscode", "success",   "ok",           "jsonrpc",   "id",         "detail",     "details",   "error_description",
      "error_uri",  "timestamp", "path",         "requestid", "request_id", "traceid",    "reason",    "hint",
      "data",       "result",    "correlationid"};
  return std::all_of(root.items().begin(), root.items().end(), [&](const auto& item) {
    return std::find(known.begin(), known.end(), to_lower_ascii(item.key())) != known.end() || is_error_key(item.key());
  });
}

bool is_nothing(const Json& value) {
  return value.is_null() || value == false || value == 0 || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         ((value.is_object() || value.is_array()) && value.empty());
}

bool has_any(const Json& object, std::initializer_list<const char*> keys) {
  return std::any_of(keys.begin(), keys.end(), [&](const char* key) { return object.contains(key); });
}

bool error_member_fails(const Json& root, const Json& value, bool first_key) {
  if (is_nothing(value)) return false;
  const Json& sample = value.is_array() ? value.front() : value;
  if (sample.is_object() &&
      has_any(sample, {"code", "message", "Message", "name", "reasonCode", "spi:reasonCode", "oslc:message", "faultstring"}))
    return true;
  return first_key || only_envelope_keys(root);
}

bool success_member_fails(const Json& root, const Json& value, bool first_key) {
  if (value != false && value != "false") return false;
  return first_key || has_any(root, {"error", "errors", "message", "msg", "reason", "code", "error_code", "errorMessage"});
}

/// The first message of type E or A in a BAPI's RETURN: a structure, a table, or a table as OData or SOAP tools wrap it.
std::optional<SourceError> failed_return(const Json& value) {
  const Json* rows = &value;
  for (const char* wrapper : {"results", "item"}) {
    if (rows->is_object() && rows->contains(wrapper)) rows = &(*rows)[wrapper];
  }
  const Json table = rows->is_array() ? *rows : Json::array({*rows});
  for (const Json& row : table) {
    if (!row.is_object()) continue;
    const auto text = [&](const char* upper, const char* mixed) {
      const Json& found = row.contains(upper) ? row[upper] : row.value(mixed, Json());
      return found.is_string() ? found.get<std::string>() : std::string();
    };
    const std::string type = text("TYPE", "Type");
    if (type != "E" && type != "A") continue;
    SourceError error;
    error.aborted = type == "A";
    const std::string number = text("NUMBER", "Number");
    error.code = one_line(number.empty() ? text("CODE", "Code") : text("ID", "Id") + "/" + number, 100);
    error.message = one_line(text("MESSAGE", "Message"), 500);
    return error;
  }
  return std::nullopt;
}

class EnvelopeFinder {
 public:
  explicit EnvelopeFinder(std::string_view body) : body_(body), window_(body.size() <= small_body ? body.size() : window_of_large_body) {}

  std::optional<SourceError> find() {
    std::size_t at = body_.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    at = body_.find_first_not_of(blanks, at);
    if (at == std::string_view::npos || body_[at] != '{') return std::nullopt;
    ++at;
    for (bool first = true;; first = false) {
      at = next(at, " \t\r\n,}");
      if (at >= window_ || body_[at] != '"') return std::nullopt;
      const std::size_t end = skip_string(body_.substr(0, window_), at);
      if (end == std::string_view::npos) return std::nullopt;
      const std::string_view key = body_.substr(at + 1, end - at - 2);
      at = next(end, " \t\r\n:");
      if (at >= window_) return std::nullopt;
      if (std::optional<SourceError> error = judge(key, at, first)) return error;
      if (key == "d" && body_[at] == '{') {  // OData V2 wraps every reply
        ++at;
        continue;
      }
      at = skip_value(body_.substr(0, window_), at);
      if (at >= window_) return std::nullopt;
    }
  }

 private:
  std::size_t next(std::size_t at, std::string_view skipped) const {
    const std::size_t found = body_.substr(0, window_).find_first_not_of(skipped, at);
    return std::min(found, window_);
  }

  std::optional<SourceError> judge(std::string_view key, std::size_t at, bool first) const {
    const bool success = equal_ignoring_case(key, "success") && (body_.substr(at, 5) == "false" || body_.substr(at, 7) == "\"false\"");
    const bool error = is_error_key(key) && body_.substr(at, 4) != "null" && body_.substr(at, 5) != "false";
    const bool sap_return = is_return_key(key) && (body_[at] == '{' || body_[at] == '[');
    if (!success && !error && !sap_return) return std::nullopt;
    const Json root = root_around(key, at);
    if (root.is_discarded() || !root.is_object()) return std::nullopt;
    const Json* holder = &root;
    if (!root.contains(key) && root.contains("d") && root["d"].is_object()) holder = &root["d"];
    if (!holder->contains(key)) return std::nullopt;
    const Json& value = (*holder)[std::string(key)];
    if (sap_return) return failed_return(value);
    const bool fails = success ? success_member_fails(*holder, value, first) : error_member_fails(*holder, value, first);
    return fails ? std::optional(read_error_json(*holder)) : std::nullopt;
  }

  /// The whole object if it is small, else one with this member alone.
  Json root_around(std::string_view key, std::size_t at) const {
    if (body_.size() <= largest_value) return parse_bounded(body_);
    const std::string_view head = body_.substr(at, largest_value);
    const std::size_t end = skip_value(head, 0);
    if (end == std::string_view::npos) return Json(Json::value_t::discarded);
    return parse_bounded("{\"" + std::string(key) + "\":" + std::string(head.substr(0, end)) + "}");
  }

  std::string_view body_;
  std::size_t window_;
};

}  // namespace

std::optional<SourceError> find_envelope(std::string_view body) { return EnvelopeFinder(body).find(); }

}  // namespace switchgear

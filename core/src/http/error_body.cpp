#include "error_body.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <vector>

#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using Json = nlohmann::json;

constexpr std::size_t largest_parsed = 256U << 10U;
constexpr std::size_t longest_message = 500;
constexpr std::size_t longest_code = 100;
constexpr int deepest = 64;
constexpr std::size_t most_details = 5;

bool nested_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > deepest) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

/// A fixed table of keys, or a list in braces.
using KeyList = std::initializer_list<std::string_view>;

template <class Keys = KeyList>
const Json* first_member(const Json& object, const Keys& keys) {
  for (const std::string_view key : keys) {
    if (const Json* value = member(object, key); value != nullptr && !value->is_null()) return value;
  }
  return nullptr;
}

std::string scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  return {};
}

/// The first of the keys that holds a text or a whole number; OData V2 wraps its texts as {"lang", "value"}.
template <class Keys = KeyList>
std::string text_of(const Json& object, const Keys& keys) {
  for (const std::string_view key : keys) {
    const Json* value = member(object, key);
    if (value != nullptr && value->is_object()) value = member(*value, "value");
    if (value == nullptr) continue;
    if (std::string text = scalar_text(*value); !text.empty()) return text;
  }
  return {};
}

constexpr std::string_view message_keys[] = {"message", "Message",   "MESSAGE",      "oslc:message", "error_description",
                                             "detail",  "errorText", "errorMessage", "description",  "msg",
                                             "reason",  "title",     "faultstring"};
constexpr std::string_view code_keys[] = {"code", "reasonCode", "spi:reasonCode", "errorCode", "error_code", "o:errorCode", "name", "CODE"};
constexpr std::string_view error_keys[] = {"error", "Error", "oslc:Error", "odata.error", "fault", "Fault"};

int status_in(const std::string& text) {
  int status = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), status);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && status >= 100 && status <= 599 ? status : 0;
}

/// "target: message" for each entry of `details` that says something new.
void append_details(const Json* details, std::string& message) {
  if (details == nullptr || !details->is_array()) return;
  std::size_t taken = 0;
  for (const Json& entry : *details) {
    const std::string text = text_of(entry, message_keys);
    if (text.empty() || message.find(text) != std::string::npos) continue;
    if (++taken > most_details) break;
    const std::string target = text_of(entry, {"target", "propertyref"});
    message.append(message.empty() ? "" : "; ").append(target.empty() ? "" : target + ": ").append(text);
  }
}

SourceError tidy(SourceError error) {
  error.code = one_line(error.code, longest_code);
  error.message = one_line(error.message, longest_message);
  error.request_id = one_line(error.request_id, longest_code);
  return error;
}

SourceError from_object(const Json& object, const Json& root) {
  SourceError error;
  error.code = text_of(object, code_keys);
  error.message = text_of(object, message_keys);
  if (const std::string target = text_of(object, {"target"}); !target.empty() && !error.message.empty())
    error.message = target + ": " + error.message;
  error.status = status_in(text_of(object, {"statusCode", "oslc:statusCode", "status"}));
  error.request_id = text_of(object, {"correlationid", "requestId", "request_id"});
  append_details(first_member(object, {"details", "o:errorDetails", "errors"}), error.message);
  if (const Json* inner = member(object, "innererror"); inner != nullptr && inner->is_object()) {
    append_details(member(*inner, "errordetails"), error.message);
    if (error.request_id.empty()) error.request_id = text_of(*inner, {"transactionid", "request-id"});
  }
  // JSON-RPC as Odoo speaks it: the outer code is always the same, what happened is inside.
  if (const Json* data = member(object, "data"); data != nullptr && data->is_object()) {
    if (std::string name = text_of(*data, {"name"}); !name.empty()) error.code = std::move(name);
    if (std::string message = text_of(*data, {"message"}); !message.empty()) error.message = std::move(message);
  }
  if (error.message.empty()) error.message = text_of(root, message_keys);
  return error;
}

bool is_code_like(std::string_view text) {
  return !text.empty() && text.size() <= longest_code && text.find(' ') == std::string_view::npos;
}

// ------------------------------------------------------------------------------------------------------------------ XML, HTML, text

std::string decode_entities(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> entities = {
      {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}}};
  std::string result;
  while (!text.empty()) {
    const auto* found = std::find_if(entities.begin(), entities.end(), [&](const auto& entity) { return text.starts_with(entity.first); });
    result.push_back(found == entities.end() ? text.front() : found->second);
    text.remove_prefix(found == entities.end() ? 1 : found->first.size());
  }
  return result;
}

/// The text of the first element of that name, whatever its namespace prefix and letter case.
std::string element_text(std::string_view xml, std::string_view wanted) {
  for (std::size_t open = xml.find('<'); open != std::string_view::npos; open = xml.find('<', open + 1)) {
    const std::size_t end = xml.find_first_of(" \t\r\n/>", open + 1);
    if (end == std::string_view::npos) return {};
    std::string_view name = xml.substr(open + 1, end - open - 1);
    if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) name.remove_prefix(colon + 1);
    if (!equal_ignoring_case(name, wanted)) continue;
    const std::size_t start = xml.find('>', end);
    if (start == std::string_view::npos || xml[start - 1] == '/') return {};
    const std::size_t close = xml.find('<', start);
    return decode_entities(xml.substr(start + 1, close == std::string_view::npos ? std::string_view::npos : close - start - 1));
  }
  return {};
}

SourceError from_markup(std::string_view body) {
  body = body.substr(0, std::min<std::size_t>(body.size(), 16U << 10U));
  SourceError error;
  if (looks_like_html(body)) {
    error.message = element_text(body, "title");
    if (error.message.empty()) error.message = element_text(body, "h1");
    return error;
  }
  error.code = element_text(body, "code");
  for (const std::string_view name : {"message", "faultstring", "description"}) {
    if (error.message.empty()) error.message = element_text(body, name);
  }
  return error;
}

std::string_view without_bom(std::string_view body) {
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : body.substr(first);
}

/// How many bytes of valid UTF-8 start here; 0 if none do.
std::size_t utf8_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) return 0;
  }
  const auto second = length > 1 ? static_cast<unsigned char>(text[1]) : 0U;
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second >= 0xA0;
  const bool beyond = lead == 0xF4 && second >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

}  // namespace

std::string one_line(std::string_view text, std::size_t longest) {
  std::string line;
  bool blank = false;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = length == 0 ? std::string_view("?") : text.substr(0, length);
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(std::max<std::size_t>(1, length));
    if (byte <= ' ' || byte == 0x7F) {
      blank = !line.empty();
      continue;
    }
    if (line.size() + character.size() + 4 > longest) return line + "...";
    if (blank) line.push_back(' ');
    blank = false;
    line.append(character);
  }
  return line;
}

bool looks_like_html(std::string_view body) {
  body = without_bom(body.substr(0, std::min<std::size_t>(body.size(), 512)));
  return equal_ignoring_case(body.substr(0, 14), "<!doctype html") || equal_ignoring_case(body.substr(0, 5), "<html");
}

bool looks_like_login_page(std::string_view html) {
  const std::string start = to_lower_ascii(html.substr(0, std::min<std::size_t>(html.size(), 16U << 10U)));
  for (const std::string_view sign :
       {"type=\"password\"", "type='password'", "type=password", "name=\"samlrequest\"", "j_security_check"}) {
    if (start.find(sign) != std::string::npos) return true;
  }
  const std::string title = element_text(start, "title");
  for (const std::string_view word : {"log in", "login", "logon", "sign in", "sign-in", "signin", "anmeld", "single sign"}) {
    if (title.find(word) != std::string::npos) return true;
  }
  return false;
}

nlohmann::json parse_bounded(std::string_view body) {
  body = without_bom(body);
  if (body.size() > largest_parsed || nested_too_deep(body)) return Json(Json::value_t::discarded);
  return Json::parse(body, nullptr, false);
}

SourceError read_error_json(const nlohmann::json& root) {
  if (root.is_array()) return root.empty() ? SourceError() : read_error_json(root.front());  // Salesforce
  if (!root.is_object()) {
    SourceError plain;
    plain.message = scalar_text(root);
    return tidy(std::move(plain));
  }
  const Json* inner = first_member(root, error_keys);
  if (inner != nullptr && inner->is_array() && !inner->empty()) inner = &inner->front();
  if (inner != nullptr && inner->is_object()) return tidy(from_object(*inner, root));
  SourceError error = from_object(root, root);
  const Json* errors = member(root, "errors");  // JSON:API
  if (errors != nullptr && errors->is_array() && !errors->empty() && errors->front().is_object()) {
    const SourceError first = from_object(errors->front(), errors->front());
    if (error.code.empty()) error.code = first.code;
    if (error.message.empty()) error.message = first.message;
  }
  if (inner != nullptr && inner->is_string()) {  // OAuth: {"error": "invalid_token", "error_description": "..."}
    const std::string text = inner->get<std::string>();
    if (is_code_like(text) && error.code.empty()) error.code = text;
    if (error.message.empty() || !is_code_like(text)) error.message = text;
  }
  return tidy(std::move(error));
}

SourceError read_error_body(std::string_view body) {
  body = without_bom(body);
  if (body.empty()) return {};
  if (body.front() == '{' || body.front() == '[') {
    const Json root = parse_bounded(body);
    if (!root.is_discarded()) return read_error_json(root);
  }
  if (body.front() == '<') return tidy(from_markup(body));
  SourceError error;
  error.message = body.substr(0, std::min(body.find_first_of("\r\n"), std::size_t{300}));
  return tidy(std::move(error));
}

}  // namespace switchgear

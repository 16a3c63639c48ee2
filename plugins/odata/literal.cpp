#include "literal.hpp"

#include <algorithm>
#include <array>

#include "literal_v2.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::odata {
namespace {

using Kind = Value::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_alphanumeric(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// '9' stands for a digit, 'h' for a hexadecimal one, anything else for itself.
bool matches(std::string_view text, std::string_view pattern) {
  return std::equal(text.begin(), text.end(), pattern.begin(), pattern.end(), [](char c, char p) {
    return p == '9' ? is_digit(c) : p == 'h' ? is_hex(c) : c == p;
  });
}

void skip_digits(std::string_view& text) { text.remove_prefix(std::min(text.size(), text.find_first_not_of("0123456789"))); }

bool skip(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool is_integer(std::string_view text) {
  skip(text, "-");
  const bool digits = !text.empty();
  skip_digits(text);
  return digits && text.empty();
}

bool is_number(std::string_view text) {
  skip(text, "-");
  if (text.empty() || !is_digit(text.front())) return false;
  skip_digits(text);
  if (skip(text, ".")) {
    if (text.empty() || !is_digit(text.front())) return false;
    skip_digits(text);
  }
  if (!skip(text, "eE")) return text.empty();
  skip(text, "+-");
  return is_integer(text) && is_digit(text.front());
}

bool is_date(std::string_view text) { return matches(text, "9999-99-99"); }

/// "13:20", "13:20:00", "13:20:00.123" with its seconds, which the ABNF leaves out but SAP CAP insists on. Empty if it is none.
std::string time_of_day(std::string_view text) {
  if (matches(text, "99:99")) return std::string(text) + ":00";
  const bool fraction = text.size() > 9 && matches(text.substr(0, 9), "99:99:99.") && std::all_of(text.begin() + 9, text.end(), is_digit);
  return fraction || matches(text, "99:99:99") ? std::string(text) : std::string();
}

/// "2026-01-01", "2026-01-01 13:20", "2026-01-01T13:20:00.5+02:00" as an instant; without a zone it is UTC. Empty if it is none.
std::string instant(std::string_view text) {
  if (is_date(text)) return std::string(text) + "T00:00:00Z";
  if (text.size() < 16 || !is_date(text.substr(0, 10)) || (text[10] != 'T' && text[10] != ' ')) return {};
  std::string_view time = text.substr(11);
  std::string zone = "Z";
  if (time.back() == 'Z') {
    time.remove_suffix(1);
  } else if (time.size() > 6 && (matches(time.substr(time.size() - 6), "+99:99") || matches(time.substr(time.size() - 6), "-99:99"))) {
    zone = time.substr(time.size() - 6);
    time.remove_suffix(6);
  }
  const std::string seconds = time_of_day(time);
  return seconds.empty() ? seconds : std::string(text.substr(0, 10)).append("T").append(seconds).append(zone);
}

std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result.append(c == '\'' ? 2 : 1, c);
  return result + "'";
}

bool only(std::string_view text, std::string_view others) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
}

bool is_whole(std::string_view edm) {
  constexpr std::array<std::string_view, 5> whole = {"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"};
  return std::find(whole.begin(), whole.end(), edm) != whole.end();
}

std::string by_json_type(const Value& value) { return value.is(Kind::text) ? quoted(value.text) : value.text; }

/// The literal, or "" if the value is none of that type.
std::string typed(const Value& value, std::string_view edm) {
  const std::string& text = value.text;
  const bool is_text = value.is(Kind::text);
  const auto when = [&](bool fits, std::string result) { return fits ? std::move(result) : std::string(); };
  if (edm == "Edm.Boolean") return when((value.is(Kind::boolean) || is_text) && (text == "true" || text == "false"), text);
  if (value.is(Kind::boolean)) return {};
  if (edm == "Edm.String") return quoted(text);
  if (is_whole(edm)) return when(is_integer(text), text);
  if (edm == "Edm.Decimal") return when(is_number(text), text);
  if (edm == "Edm.Double" || edm == "Edm.Single") return when(is_number(text) || text == "INF" || text == "-INF" || text == "NaN", text);
  if (edm.substr(0, 4) != "Edm.") return quoted(text).insert(0, edm);  // an enumeration's member, by name or number
  if (!is_text) return {};
  if (edm == "Edm.Guid") return when(matches(text, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"), text);
  if (edm == "Edm.DateTimeOffset") return instant(text);
  if (edm == "Edm.Date") return when(is_date(text) || matches(text.substr(0, 19), "9999-99-99T00:00:00"), text.substr(0, 10));
  if (edm == "Edm.TimeOfDay") return time_of_day(text);
  if (edm == "Edm.Duration") return when(only(text, "-."), "duration'" + text + "'");
  if (edm == "Edm.Binary") return when(text.empty() || only(text, "-_="), "binary'" + text + "'");
  return {};
}

std::string shown(const Value& value) {
  if (value.is(Kind::list) || value.is(Kind::object)) return "a nested value";
  return "'" + (value.text.size() > 60 ? value.text.substr(0, 60) + "…" : value.text) + "'";
}

}  // namespace

Dialect dialect_of(const sdk::Entity& entity) {
  const std::string version = entity.property("odata_version");
  return version.empty() || version >= "4" ? Dialect::v4 : Dialect::v2;
}

std::string literal(const Value& value, std::string_view edm, std::string_view field, Dialect dialect) {
  if (value.is(Kind::null)) return "null";
  std::string result;
  if (!value.is(Kind::list) && !value.is(Kind::object)) {
    result = dialect == Dialect::v2 && is_of_v2(edm) ? v2_literal(value, edm) : edm.empty() ? by_json_type(value) : typed(value, edm);
  }
  if (!result.empty()) return result;
  throw sdk::Error(sdk::Category::bad_request, "filter",
                   shown(value) + " can't be compared with '" + std::string(field) + "'" +
                       (edm.empty() ? "" : ", which is of the type " + std::string(edm)))
      .with_hint(edm == "Edm.DateTimeOffset" || edm == "Edm.Date" ? "give times as 2026-01-31T13:20:00Z, dates as 2026-01-31"
                                                                  : "give a value of that type, or write the condition with raw()");
}

std::string bound_literal(std::string_view text, std::string_view edm, std::string_view field, Dialect dialect) {
  if (edm.empty()) {
    if (is_number(text)) return std::string(text);
    if (std::string time = instant(text); !time.empty()) return time;
  }
  if (edm == "Edm.Date" && !instant(text).empty()) text = text.substr(0, 10);
  return literal(text_value(text), edm, field, dialect);
}

}  // namespace switchgear::odata

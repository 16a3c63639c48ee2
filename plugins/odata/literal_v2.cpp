#include "literal_v2.hpp"

#include <algorithm>
#include <array>

#include "literal.hpp"
#include "v2_time.hpp"

namespace switchgear::odata {
namespace {

struct Form {
  std::string_view edm;
  std::string_view prefix;  ///< of a value in quotes
  std::string_view suffix;  ///< of a number
};

constexpr std::array<Form, 9> forms = {{
    {"Edm.DateTime", "datetime", ""},
    {"Edm.DateTimeOffset", "datetimeoffset", ""},
    {"Edm.Time", "time", ""},
    {"Edm.Guid", "guid", ""},
    {"Edm.Binary", "X", ""},
    {"Edm.Int64", "", "L"},
    {"Edm.Decimal", "", "M"},
    {"Edm.Double", "", "d"},
    {"Edm.Single", "", "f"},
}};

const Form* form_of(std::string_view edm) {
  const auto* const found = std::find_if(forms.begin(), forms.end(), [&](const Form& each) { return each.edm == edm; });
  return found == forms.end() ? nullptr : found;
}

bool only(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

/// "PT13H20M00S" as it stands in JSON, and "13:20".
std::string duration(std::string_view text) {
  if (text.size() > 1 && text.front() == 'P' && only(text, "PYMDTHS.0123456789")) return std::string(text);
  return v2_duration(text);
}

std::string quoted_value(std::string_view text, std::string_view edm) {
  if (edm == "Edm.Time") return duration(text);
  if (edm == "Edm.Guid") return only(text, "0123456789abcdefABCDEF-") ? std::string(text) : std::string();
  if (edm == "Edm.Binary") return only(text, "0123456789abcdefABCDEF") ? std::string(text) : std::string();
  const std::string instant = v2_instant_text(text);
  return instant.empty() || edm == "Edm.DateTime" ? instant : instant + "Z";
}

}  // namespace

bool is_of_v2(std::string_view edm) { return form_of(edm) != nullptr; }

std::string v2_literal(const Value& value, std::string_view edm) {
  const Form* form = form_of(edm);
  if (form == nullptr) return {};
  if (form->suffix.empty()) {
    if (!value.is(Value::Kind::text)) return {};
    const std::string inside = quoted_value(value.text, edm);
    return inside.empty() ? inside : std::string(form->prefix).append("'").append(inside).append("'");
  }
  if (!value.is(Value::Kind::text) && !value.is(Value::Kind::number)) return {};
  const bool is_number = only(value.text, edm == "Edm.Int64" ? "-0123456789" : "-+.eE0123456789");
  return is_number ? value.text + std::string(form->suffix) : std::string();
}

}  // namespace switchgear::odata

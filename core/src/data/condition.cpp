#include "switchgear/data/condition.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using Kind = ConditionValue::Kind;

constexpr std::array<std::pair<std::string_view, Comparison>, 7> operators = {{
    {"=", Comparison::equal},
    {"!=", Comparison::not_equal},
    {"<", Comparison::less},
    {"<=", Comparison::less_or_equal},
    {">", Comparison::greater},
    {">=", Comparison::greater_or_equal},
    {"in", Comparison::in},
}};

Error refused(std::string message) { return {Category::config, "where", std::move(message)}; }

std::string_view word_of(Comparison comparison) {
  return std::find_if(operators.begin(), operators.end(), [&](const auto& known) { return known.second == comparison; })->first;
}

ConditionValue parse_value(const nlohmann::json& json, const std::string& field) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return {Kind::boolean, json.get<bool>() ? "true" : "false"};
  if (json.is_number()) return {Kind::number, json.dump()};
  if (json.is_string()) return {Kind::text, json.get<std::string>()};
  throw refused("'" + field + "' is compared with " + json.dump().substr(0, 80) + ", which is no single value")
      .with_hint("compare with a text, a number, true, false or null; several values with `in`");
}

Condition parse_condition(const nlohmann::json& json) {
  if (!json.is_array() || json.size() != 3 || !json[0].is_string() || !json[1].is_string()) {
    throw refused(json.dump().substr(0, 80) + " is no condition").with_hint(R"(a condition is ["Status", "=", "OPEN"])");
  }
  Condition condition;
  condition.field = json[0].get<std::string>();
  const auto word = json[1].get<std::string>();
  const auto* known = std::find_if(operators.begin(), operators.end(), [&](const auto& each) { return each.first == word; });
  if (known == operators.end()) {
    throw refused("'" + word.substr(0, 40) + "' is no operator of a condition").with_hint("there are = != < <= > >= in");
  }
  condition.comparison = known->second;
  if (condition.comparison != Comparison::in) {
    condition.values.push_back(parse_value(json[2], condition.field));
    const bool ordered = condition.comparison != Comparison::equal && condition.comparison != Comparison::not_equal;
    if (ordered && condition.values.front().kind == Kind::null) {
      throw refused("'" + condition.field + "' " + word + " null never holds").with_hint("compare null with = or !=");
    }
    return condition;
  }
  if (!json[2].is_array())
    throw refused("'" + condition.field + "' in … needs a list of values").with_hint(R"(["Priority", "in", [1, 2]])");
  for (const nlohmann::json& value : json[2]) condition.values.push_back(parse_value(value, condition.field));
  return condition;
}

}  // namespace

std::string_view Condition::op() const noexcept { return word_of(comparison); }

std::string Condition::describe() const {
  std::string text;
  for (const ConditionValue& value : values) {
    text += text.empty() ? "" : ", ";
    text += value.kind == Kind::null ? "null" : value.kind == Kind::text ? "'" + value.text + "'" : value.text;
  }
  return field + " " + std::string(word_of(comparison)) + " " + (comparison == Comparison::in ? "(" + text + ")" : text);
}

std::vector<Condition> parse_conditions(std::string_view json) {
  std::vector<Condition> conditions;
  if (json.empty()) return conditions;
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_array()) {
    throw refused("'" + std::string(json.substr(0, 80)) + "' is no list of conditions").with_hint(R"([["Status", "=", "OPEN"]])");
  }
  for (const nlohmann::json& condition : parsed) conditions.push_back(parse_condition(condition));
  return conditions;
}

std::string to_json(const std::vector<Condition>& conditions) {
  if (conditions.empty()) return {};
  std::string json = "[";
  for (const Condition& condition : conditions) {
    json += (json.size() > 1 ? ",[" : "[") + nlohmann::json(condition.field).dump() + ",\"" + std::string(condition.op()) + "\",";
    std::string values;
    for (const ConditionValue& value : condition.values) {
      values += values.empty() ? "" : ",";
      values += value.kind == Kind::null ? "null" : value.kind == Kind::text ? nlohmann::json(value.text).dump() : value.text;
    }
    json += condition.comparison == Comparison::in ? "[" + values + "]]" : values + "]";
  }
  return json + "]";
}

}  // namespace switchgear

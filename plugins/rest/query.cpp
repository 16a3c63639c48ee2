#include "query.hpp"

#include <algorithm>

#include "instant.hpp"
#include "json_text.hpp"
#include "switchgear/sdk/error.hpp"
#include "table.hpp"

namespace switchgear::rest {
namespace {

using sdk::Category;

struct Condition {
  std::string field, op;
  std::string_view value;  ///< as it stands in the JSON
};

[[noreturn]] void refuse(Category category, const char* part, const std::string& message, const std::string& hint = {}) {
  throw sdk::Error(category, part, message).with_hint(hint);
}

/// The other spellings that a host lets users write.
std::string canonical(std::string op) {
  std::transform(op.begin(), op.end(), op.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (op == "==" || op == "is") return "=";
  if (op == "<>" || op == "is not") return "!=";
  return op;
}

std::vector<Condition> conditions(const std::string& json) {
  std::vector<Condition> found;
  if (json.empty()) return found;
  try {
    for (const std::string_view item : items(json)) {
      const auto parts = items(item);
      if (parts.size() != 3) throw JsonError("a condition is not [field, operator, value]");
      found.push_back({text_of(parts[0]), canonical(text_of(parts[1])), parts[2]});
    }
  } catch (const JsonError& error) {
    refuse(Category::bad_request, "filter", "the filter '" + json.substr(0, 80) + "' can't be read: " + error.what());
  }
  return found;
}

const Filter& rule_for(const Entity& entity, const Condition& condition) {
  std::vector<std::string> offered;
  for (const Filter& rule : entity.filters) {
    const bool named = rule.fields.empty() || std::find(rule.fields.begin(), rule.fields.end(), condition.field) != rule.fields.end();
    if (!named) continue;
    if (std::find(rule.operators.begin(), rule.operators.end(), condition.op) != rule.operators.end()) return rule;
    offered.insert(offered.end(), rule.operators.begin(), rule.operators.end());
  }
  refuse(Category::unsupported, "filter",
         "the description of '" + entity.name + "' does not say how to ask for '" + condition.field + "' " + condition.op + " …",
         offered.empty() ? "read without it, and select in pandas, polars or DuckDB" : "for this field it offers " + listed(offered));
}

/// A value as it goes into a parameter. A text that could end its quotes would become a part of the source's language.
std::string written(const Filter& rule, const Condition& condition, std::string_view value) {
  if (value.substr(0, 1) == "{" || value.substr(0, 1) == "[")
    refuse(Category::bad_request, "filter", "'" + condition.field + "' " + condition.op + " … can't be compared with a list or an object");
  std::string text = value == "null" ? "null" : text_of(value);
  if (value.substr(0, 1) != "\"") return text;
  if (const std::size_t bad = text.find_first_of(rule.refuse); bad != std::string::npos)
    refuse(Category::bad_request, "filter",
           "the value of '" + condition.field + "' holds '" + text.substr(bad, 1) + "', which the source has no way to write",
           "read without this condition, and select in pandas, polars or DuckDB");
  return rule.quote + text + rule.quote;
}

std::string filled(const Template& form, const std::string& field, const std::string& value) {
  return form.render([&](std::string_view place) { return std::optional(place == "field" ? field : value); });
}

void add_joined(Parameters& found, Parameter made, const Filter& rule, const Condition& condition) {
  const auto same = std::find_if(found.begin(), found.end(), [&](const Parameter& each) { return each.name == made.name; });
  if (same == found.end()) {
    found.push_back(std::move(made));
    return;
  }
  if (rule.join.empty())
    refuse(Category::unsupported, "filter",
           "two conditions on '" + condition.field + "' would need the parameter '" + made.name + "' twice",
           "ask for one of them, and select in pandas, polars or DuckDB");
  same->text += rule.join + made.text;
  same->json = quoted(same->text);
}

void add_condition(const Entity& entity, const Condition& condition, Parameters& found) {
  const Filter& rule = rule_for(entity, condition);
  const bool list = condition.op == "in" || condition.op == "not in";
  if (!list) {
    const std::string text = filled(rule.value, condition.field, written(rule, condition, condition.value));
    const bool plain = rule.value.sole_name() == "value" && rule.quote.empty();
    add_joined(found, {filled(rule.param, condition.field, ""), text, plain ? std::string(condition.value) : quoted(text)}, rule,
               condition);
    return;
  }
  if (condition.value.substr(0, 1) != "[")
    refuse(Category::bad_request, "filter", "'" + condition.field + "' " + condition.op + " … needs a list of values");
  const auto values = items(condition.value);
  if (values.empty()) refuse(Category::bad_request, "filter", "'" + condition.field + "' " + condition.op + " … has an empty list");
  std::string all;
  for (const std::string_view value : values) {
    std::string text = written(rule, condition, value);
    if (!rule.join.empty() && text.find(rule.join) != std::string::npos)
      refuse(Category::bad_request, "filter", "a value of '" + condition.field + "' holds '" + rule.join + "', which parts the values");
    if (rule.join.empty() && values.size() > 1)
      refuse(Category::unsupported, "filter",
             "the description of '" + entity.name + "' does not say what parts the values of '" + condition.field + "' " + condition.op +
                 " … ('join')");
    all += (all.empty() ? "" : rule.join) + text;
  }
  add_joined(found, text_parameter(filled(rule.param, condition.field, ""), filled(rule.value, condition.field, all)), rule, condition);
}

void add_order(const Entity& entity, const std::string& json, Parameters& found) {
  if (json.empty()) return;
  if (!entity.order)
    refuse(Category::unsupported, "order", "the description of '" + entity.name + "' does not say how to ask for an order",
           "sort in pandas, polars or DuckDB");
  std::string text;
  for (const std::string_view item : items(json)) {
    const auto parts = items(item);
    if (parts.empty()) refuse(Category::bad_request, "order", "the order '" + json.substr(0, 80) + "' is not [[field, direction], …]");
    const bool down = parts.size() > 1 && canonical(text_of(parts[1])) == "desc";
    if (down && entity.order->descending.empty())
      refuse(Category::unsupported, "order", "the description of '" + entity.name + "' does not say how to ask for a falling order");
    const Template& form = down ? entity.order->descending : entity.order->ascending;
    text += (text.empty() ? "" : entity.order->join) + filled(form, text_of(parts[0]), "");
  }
  if (!text.empty()) found.push_back(text_parameter(entity.order->param, text));
}

void add_bounds(const Entity& entity, const sdk::Position& at, Parameters& found) {
  // A time window asks for its own bounds.
  if (entity.paging.style == Style::window) return;
  const std::string field = at.watermark.empty() && at.upper.empty() ? "" : entity.cursor;
  const auto add = [&](const Forms& forms, const std::string& bound) {
    for (const auto& [name, form] : forms)
      found.push_back(text_parameter(name, filled(form, field, converted_instant(bound, entity.changes->time))));
  };
  if (at.watermark.empty() && at.upper.empty()) return;
  if (!entity.changes)
    refuse(Category::unsupported, "changes", "the description of '" + entity.name + "' does not say how to ask for changes",
           "describe it under [entities.changes]");
  if (!at.watermark.empty()) add(entity.changes->since, at.watermark);
  // Without words for it, later records come as well: more than was asked for, and known as such by their cursor.
  if (!at.upper.empty()) add(entity.changes->until, at.upper);
}

/// The wished ones, and those by which the listing goes on.
std::vector<std::string> asked_columns(const Entity& entity, std::vector<std::string> columns) {
  const auto add = [&](const std::string& name) {
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
  };
  for (const std::string& pointer : entity.paging.fields) add(pointer_tokens(pointer)->front());
  if (entity.paging.overlap > 0) std::for_each(entity.key.begin(), entity.key.end(), add);
  return columns;
}

}  // namespace

Parameter text_parameter(std::string name, std::string text) {
  std::string json = quoted(text);
  return {std::move(name), std::move(text), std::move(json)};
}

Parameter number_parameter(std::string name, std::int64_t number) {
  const std::string digits = std::to_string(number);
  return {std::move(name), digits, digits};
}

Parameters query_parameters(const Entity& entity, const sdk::Position& at) {
  Parameters found;
  for (const Condition& condition : conditions(at.filter)) add_condition(entity, condition, found);
  if (!at.raw_filter.empty()) {
    if (entity.raw_filter.empty())
      refuse(Category::unsupported, "raw_filter", "the description of '" + entity.name + "' names no parameter for a raw filter");
    if (std::any_of(found.begin(), found.end(), [&](const Parameter& each) { return each.name == entity.raw_filter; }))
      refuse(Category::unsupported, "raw_filter", "the raw filter and a condition share the parameter '" + entity.raw_filter + "'",
             "write the condition into the raw filter");
    found.push_back(text_parameter(entity.raw_filter, at.raw_filter));
  }
  add_order(entity, at.order, found);
  if (!at.columns.empty() && entity.columns) {
    const std::vector<std::string> columns = asked_columns(entity, at.columns);
    std::string text;
    for (const std::string& column : columns) text += (text.empty() ? "" : entity.columns->join) + column;
    found.push_back({entity.columns->param, text, json_list(columns)});
  }
  add_bounds(entity, at, found);
  return found;
}

}  // namespace switchgear::rest

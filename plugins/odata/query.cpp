#include "query.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "literal.hpp"
#include "switchgear/sdk/error.hpp"
#include "value.hpp"

namespace switchgear::odata {
namespace {

using Kind = Value::Kind;
using sdk::Category;

Value parsed(const std::string& json, const char* part) {
  try {
    return parse_json(json);
  } catch (const std::invalid_argument& error) {
    throw sdk::Error(Category::bad_request, part, std::string(part) + " '" + json.substr(0, 80) + "' is " + error.what());
  }
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : separator).append(part);
  return text;
}

/// A property's name, or a path to one ("Address/City"); nothing that could go on as an expression.
void check_name(const std::string& name, const char* part) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' || c == '.' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  if (!name.empty() && std::all_of(name.begin(), name.end(), fits) && (name.front() < '0' || name.front() > '9')) return;
  throw sdk::Error(Category::bad_request, part, std::string(part) + ": '" + name.substr(0, 80) + "' is no name of a property")
      .with_hint("names are letters, digits and _, with / between the parts of a path");
}

/// The EDM types of an entity's properties, as the catalog says.
class Types {
 public:
  explicit Types(const sdk::Entity& entity) : dialect(dialect_of(entity)) {
    const std::string text = entity.property("types");
    if (!text.empty()) types_ = parsed(text, "types");
  }
  std::string_view of(std::string_view field) const {
    const Value* found = types_.find(field);
    return found == nullptr ? std::string_view() : std::string_view(found->text);
  }

  const Dialect dialect;

 private:
  Value types_;
};

struct Operator {
  std::string_view given, odata;
};

constexpr std::array<Operator, 10> comparisons = {{
    {"=", "eq"},
    {"==", "eq"},
    {"is", "eq"},
    {"!=", "ne"},
    {"<>", "ne"},
    {"is not", "ne"},
    {"<", "lt"},
    {"<=", "le"},
    {">", "gt"},
    {">=", "ge"},
}};
constexpr std::array<std::string_view, 3> functions = {"contains", "startswith", "endswith"};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// `in` is of 4.01: an or-chain is understood by all. Nothing is in an empty list.
std::string membership(const std::string& field, const Value& values, bool negated, const Types& types) {
  if (!values.is(Kind::list)) throw sdk::Error(Category::bad_request, "filter", "'" + field + "' in … needs a list of values");
  if (values.items.empty()) return negated ? "1 eq 1" : "1 eq 2";
  std::vector<std::string> parts;
  parts.reserve(values.items.size());
  for (const Value& value : values.items)
    parts.push_back(field + (negated ? " ne " : " eq ") + literal(value, types.of(field), field, types.dialect));
  return "(" + joined(parts, negated ? " and " : " or ") + ")";
}

/// V2 has no `contains`, but the same the other way round.
std::string matching(const std::string& function, const std::string& field, const std::string& text, Dialect dialect) {
  if (dialect == Dialect::v2 && function == "contains") return "substringof(" + text + "," + field + ")";
  return function + "(" + field + "," + text + ")";
}

std::string condition(const Value& given, const Types& types) {
  if (!given.is(Kind::list) || given.items.size() != 3 || !given.items[0].is(Kind::text) || !given.items[1].is(Kind::text))
    throw sdk::Error(Category::bad_request, "filter", "a condition is not [field, operator, value]");
  const std::string& field = given.items[0].text;
  check_name(field, "filter");
  const std::string op = lower(given.items[1].text);
  const Value& value = given.items[2];
  const std::string_view type = types.of(field);
  if (op == "in" || op == "not in") return membership(field, value, op != "in", types);
  if (std::find(functions.begin(), functions.end(), op) != functions.end() && value.is(Kind::text))
    return matching(op, field, literal(value, "Edm.String", field), types.dialect);
  const auto* const found = std::find_if(comparisons.begin(), comparisons.end(), [&](const Operator& each) { return each.given == op; });
  if (found == comparisons.end())
    throw sdk::Error(Category::unsupported, "filter",
                     "the operator '" + given.items[1].text.substr(0, 40) + "' on '" + field + "' is not offered")
        .with_hint("offered: = != < <= > >= in, not in, contains, startswith, endswith; anything else with raw()");
  if (value.is(Kind::null) && found->odata != "eq" && found->odata != "ne")
    throw sdk::Error(Category::bad_request, "filter", "'" + field + "' " + op + " null is never true")
        .with_hint("compare null with = or !=");
  return field + " " + std::string(found->odata) + " " + literal(value, type, field, types.dialect);
}

/// The values of the key in its order, from [v, …], {"name": v, …} or, for a key of one field, v alone.
std::vector<Value> key_values(const sdk::Entity& entity, const Value& after) {
  std::vector<Value> values;
  if (after.is(Kind::object)) {
    for (const std::string& name : entity.key)
      if (const Value* found = after.find(name)) values.push_back(*found);
  } else if (after.is(Kind::list)) {
    values = after.items;
  } else {
    values.push_back(after);
  }
  if (entity.key.empty() || values.size() != entity.key.size())
    throw sdk::Error(Category::bad_request, "after_key",
                     "the key to go on after has " + std::to_string(values.size()) + " values, the key of '" + entity.name + "' " +
                         std::to_string(entity.key.size()));
  return values;
}

/// (k1 gt a or (k1 eq a and (k2 gt b)))
std::string beyond(const sdk::Entity& entity, const std::vector<Value>& after, const Types& types) {
  std::string text;
  for (std::size_t i = after.size(); i-- > 0;) {
    const std::string& name = entity.key[i];
    check_name(name, "after_key");
    const std::string value = literal(after[i], types.of(name), name, types.dialect);
    std::string here = "(";
    here.append(name).append(" gt ").append(value);
    if (!text.empty()) here.append(" or (").append(name).append(" eq ").append(value).append(" and ").append(text).append(")");
    text = here.append(")");
  }
  return text;
}

void add_bounds(const sdk::Entity& entity, const sdk::Position& at, const Types& types, std::vector<std::string>& conditions) {
  if (at.watermark.empty() && at.upper.empty()) return;
  if (entity.cursor.empty())
    throw sdk::Error(Category::config, "'" + entity.name + "' has no field by which changes can be asked for")
        .with_hint("name one: cursor={\"" + entity.name + "\": \"<a field that grows with each change>\"}");
  const std::string& cursor = entity.cursor;
  check_name(cursor, "cursor");
  const std::string_view type = types.of(cursor);
  if (!at.watermark.empty()) {
    const std::string bound = bound_literal(at.watermark, type, cursor, types.dialect);
    if (at.after_key.empty()) {
      conditions.push_back(cursor + " ge " + bound);
    } else {
      const std::string key = beyond(entity, key_values(entity, parsed(at.after_key, "after_key")), types);
      conditions.push_back("(" + cursor + " gt " + bound + " or (" + cursor + " eq " + bound + " and " + key + "))");
    }
  }
  if (!at.upper.empty()) conditions.push_back(cursor + " le " + bound_literal(at.upper, type, cursor, types.dialect));
}

std::string filter(const sdk::Entity& entity, const sdk::Position& at) {
  const Types types(entity);
  std::vector<std::string> conditions;
  if (!at.filter.empty()) {
    const Value given = parsed(at.filter, "filter");
    if (!given.is(Kind::list)) throw sdk::Error(Category::bad_request, "filter", "the filter is not a list of conditions");
    for (const Value& each : given.items) conditions.push_back(condition(each, types));
  }
  add_bounds(entity, at, types, conditions);
  if (!at.raw_filter.empty()) conditions.push_back(conditions.empty() ? at.raw_filter : "(" + at.raw_filter + ")");
  return joined(conditions, " and ");
}

std::string order(const std::string& json) {
  if (json.empty()) return {};
  std::vector<std::string> parts;
  for (const Value& each : parsed(json, "order").items) {
    const std::string direction = each.items.size() == 2 ? lower(each.items[1].text) : "";
    if (direction != "asc" && direction != "desc")
      throw sdk::Error(Category::bad_request, "order", "an order is not [field, \"asc\" or \"desc\"]");
    check_name(each.items[0].text, "order");
    parts.push_back(each.items[0].text + " " + direction);
  }
  return joined(parts, ",");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> query_options(const sdk::Entity& entity, const sdk::Position& at) {
  std::vector<std::string> columns;
  for (const std::string& column : at.columns) {
    if (column == etag_column) continue;  // comes with every record
    check_name(column, "columns");
    columns.push_back(column);
  }
  const bool v2 = dialect_of(entity) == Dialect::v2;
  // V2 sends a link for each association with each record, unless the fields are named.
  const std::string selected = columns.empty() && at.columns.empty() ? entity.property("select") : joined(columns, ",");
  return {{"$select", selected},
          {"$filter", filter(entity, at)},
          {"$orderby", order(at.order)},
          {"$top", at.limit < 0 ? "" : std::to_string(at.limit)},
          {v2 ? "$inlinecount" : "$count", !at.count ? ""
                                           : v2      ? "allpages"
                                                     : "true"}};
}

std::string encoded_path(std::string_view path) {
  constexpr std::string_view kept = "-._~/$";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kept.find(c) != std::string_view::npos;
    if (plain) {
      text.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text.append("%").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    }
  }
  return text;
}

}  // namespace switchgear::odata

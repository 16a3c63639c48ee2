// JSON that is about to be written as OData literals: like any JSON tree, but numbers keep the digits that they were given with.
//
// Plain values; thread-safety as any value type.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace switchgear::odata {

struct Value {
  enum class Kind { null, boolean, number, text, list, object };
  Kind kind = Kind::null;
  std::string text;                ///< of text; of numbers and booleans as they stand in the JSON
  std::vector<Value> items;        ///< of lists and objects
  std::vector<std::string> names;  ///< of objects, beside `items`

  bool is(Kind other) const noexcept { return kind == other; }
  const Value* find(std::string_view name) const noexcept;
};

inline Value text_value(std::string_view text) { return {Value::Kind::text, std::string(text), {}, {}}; }

/// Throws std::invalid_argument saying what is wrong where: for what is no JSON, or nests deeper than 32.
Value parse_json(std::string_view json);

}  // namespace switchgear::odata

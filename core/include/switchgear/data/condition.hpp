// Conditions on columns as users ask for them: a field, an operator and a value, or several for `in`.
//
// Plain values. parse_conditions() throws Error(config, "where") for what is no condition.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace switchgear {

enum class Comparison { equal, not_equal, less, less_or_equal, greater, greater_or_equal, in };

struct ConditionValue {
  enum class Kind { null, boolean, number, text };
  Kind kind = Kind::null;
  std::string text;  ///< a number as it is written in JSON; "true", "false"
};

struct Condition {
  std::string field;
  Comparison comparison = Comparison::equal;
  std::vector<ConditionValue> values;  ///< one; of `in` any number

  std::string_view op() const noexcept;  ///< "="
  std::string describe() const;          ///< "Priority in (1, 2)"
};

/// The other way; "" for none.
std::string to_json(const std::vector<Condition>& conditions);

/// JSON: [["Status", "=", "OPEN"], ["Priority", "in", [1, 2]], ...], with = != < <= > >= in; "" is no condition.
std::vector<Condition> parse_conditions(std::string_view json);

}  // namespace switchgear

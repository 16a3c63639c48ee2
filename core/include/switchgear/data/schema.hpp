// The columns of an entity, as Arrow sees them. Plain values; thread-safety as any value type.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchgear {

enum class DataType {
  boolean,
  int64,
  uint64,
  float64,
  utf8,
  binary,     ///< from base64 text
  date,       ///< days since 1970-01-01 (date32)
  time,       ///< microseconds since midnight (time64)
  timestamp,  ///< microseconds since 1970-01-01T00:00:00Z; with or without time zone, see Field::utc
  decimal,    ///< decimal128, exact; see Field::precision and scale
  json,       ///< any value, kept as its JSON text
  structure,  ///< Field::children are its members
  list,       ///< Field::children[0] is its item
};

std::string_view to_string(DataType type) noexcept;
std::optional<DataType> data_type_from(std::string_view word) noexcept;

struct Field {
  std::string name;
  DataType type = DataType::utf8;
  bool nullable = true;
  int precision = 38;  ///< decimal: 1..38
  int scale = 0;       ///< decimal: 0..precision
  bool utc = true;     ///< timestamp: values are instants; false: local, without zone
  std::vector<Field> children;

  bool operator==(const Field&) const = default;
};

struct Schema {
  std::vector<Field> fields;

  const Field* find(std::string_view name) const noexcept;
  bool operator==(const Schema&) const = default;
};

/// The column that holds, as a JSON object, what a record had that did not fit its columns.
inline constexpr std::string_view rescued_column = "_rescued";

}  // namespace switchgear

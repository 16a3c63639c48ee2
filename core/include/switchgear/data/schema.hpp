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

/// How a timestamp may stand in JSON as a bare number.
enum class Epoch {
  none,          ///< it does not: text only
  seconds,       ///< since 1970-01-01T00:00:00Z, as a number or as text of digits
  milliseconds,  ///< the same
};

struct Field {
  std::string name;
  DataType type = DataType::utf8;
  bool nullable = true;
  int precision = 38;  ///< decimal: 1..38
  int scale = 0;       ///< decimal: 0..precision
  bool utc = true;     ///< timestamp: values are instants; false: local, without zone
  std::vector<Field> children;
  Epoch epoch = Epoch::none;  ///< timestamp: what a number means
  /// Guessed from values, not declared, so that it may widen. A float64 then takes only numbers that it holds exactly, and no text; json is
  /// what was always null.
  bool inferred = false;

  bool operator==(const Field&) const = default;
};

/// A type as users and connectors write it: "int64", "decimal(12,3)", "timestamp" (an instant), "timestamp_local", "epoch_s", "epoch_ms",
/// "list<utf8>", "struct<Site: utf8, Floor: int64>". Throws Error(config, "schema") naming the place and the nearest known word.
Field parse_type(std::string_view name, std::string_view text);

/// The other way.
std::string type_text(const Field& field);

struct Schema {
  std::vector<Field> fields;

  const Field* find(std::string_view name) const noexcept;
  bool operator==(const Schema&) const = default;
};

/// The column that holds, as a JSON object, what a record had that did not fit its columns.
inline constexpr std::string_view rescued_column = "_rescued";

}  // namespace switchgear

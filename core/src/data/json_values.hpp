// The scalar texts that sources write into JSON, each parsed exactly or not at all.
//
// Every function takes the text between the quotes (or a bare token) and returns nothing where the value does not fit its type
// without loss; the caller then rescues the original. No allocation, no locale; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "column_builder.hpp"

namespace switchgear {

std::optional<std::int64_t> parse_int64(std::string_view text) noexcept;
std::optional<std::uint64_t> parse_uint64(std::string_view text) noexcept;

/// JSON's numbers (whole ones only if a double holds every digit), and NaN, INF, -INF, Infinity, -Infinity as OData and JavaScript write
/// them.
std::optional<double> parse_float64(std::string_view text) noexcept;

/// The unscaled value; nothing when a digit would be lost or the precision (at most 38) exceeded.
std::optional<int128> parse_decimal(std::string_view text, int precision, int scale) noexcept;

/// "2026-11-24" -> days since 1970-01-01 (proleptic Gregorian, years 0001-9999).
std::optional<std::int32_t> parse_date(std::string_view text) noexcept;

/// "13:45:59.5" -> microseconds since midnight. Seconds may be missing.
std::optional<std::int64_t> parse_time(std::string_view text) noexcept;

struct Timestamp {
  std::int64_t us;  ///< since 1970-01-01T00:00:00, UTC where there is a zone
  bool has_zone;
};

/// ISO 8601 / RFC 3339 "2026-11-24T13:45:59.123456Z" with Z, an offset or no zone, and OData V2's "/Date(1511518000000+0060)/" (whose
/// offset, in minutes, is for display only: the milliseconds are UTC). Digits beyond the microsecond must be zero.
std::optional<Timestamp> parse_timestamp(std::string_view text) noexcept;

/// Whether `text` is exactly one JSON value (RFC 8259) of at most `max_depth` levels. UTF-8 is taken as checked.
bool is_json(std::string_view text, int max_depth = 512) noexcept;

/// Whether `token` is a number by JSON's grammar.
bool is_json_number(std::string_view token) noexcept;

}  // namespace switchgear

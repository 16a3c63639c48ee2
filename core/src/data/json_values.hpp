// The scalar texts that sources write into JSON, each parsed exactly or not at all.
//
// Every function takes the text between the quotes (or a bare token) and returns nothing where the value does not fit its type
// without loss; the caller then rescues the original. No locale; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "column_builder.hpp"

namespace switchgear {

std::optional<std::int64_t> parse_int64(std::string_view text) noexcept;
std::optional<std::uint64_t> parse_uint64(std::string_view text) noexcept;

/// JSON's numbers (whole ones only if a double holds every digit), and NaN, INF, -INF, Infinity, -Infinity as OData and JavaScript write
/// them.
std::optional<double> parse_float64(std::string_view text) noexcept;

/// As parse_float64, but JSON's numbers only, and only those that the double gives back: its shortest text is the same number.
std::optional<double> parse_exact_float64(std::string_view text) noexcept;

/// What a number's text says about the types that can hold it.
struct NumberFacts {
  bool whole = false;                   ///< neither point nor exponent
  bool in_float64 = false;              ///< parse_exact_float64 takes it
  std::optional<std::int64_t> int64;    ///< where it is whole and fits
  std::optional<std::uint64_t> uint64;  ///< the same
  std::int64_t whole_digits = 0;        ///< before the point, without leading zeros
  std::int64_t scale = 0;               ///< behind it, without trailing zeros
};

/// Nothing for what is no number by JSON's grammar.
std::optional<NumberFacts> number_facts(std::string_view text) noexcept;

/// A word that is written for a number that JSON has no text for: NaN, INF, Infinity, with or without sign.
bool is_non_finite(std::string_view token) noexcept;

/// `json` with quotes around such words, wherever they stand for a value.
std::string with_words_quoted(std::string_view json);

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

/// A number of seconds (`per_second` 1) or milliseconds (1000) since 1970-01-01T00:00:00Z -> microseconds; exactly, in the years 0001-9999.
std::optional<std::int64_t> parse_epoch(std::string_view text, int per_second) noexcept;

/// Whether `text` is exactly one JSON value (RFC 8259) of at most `max_depth` levels. UTF-8 is taken as checked.
bool is_json(std::string_view text, int max_depth = 512) noexcept;

/// Whether `token` is a number by JSON's grammar.
bool is_json_number(std::string_view token) noexcept;

}  // namespace switchgear

// Instants as RFC 3339 writes them. Any thread; throws nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "switchgear/base/clock.hpp"

namespace switchgear::webhook_detail {

struct Instant {
  std::int64_t seconds = 0;  ///< since 1970-01-01T00:00:00Z
  std::int32_t nanoseconds = 0;
};

/// With a zone, in the years 0000 to 9999; digits beyond the nanosecond are cut off. Nothing for any other text.
std::optional<Instant> parse_rfc3339(std::string_view text) noexcept;

/// Nothing for a time that the clock cannot count to: before 1678 or after 2261.
std::optional<WallTime> to_wall_time(Instant instant) noexcept;

/// "2026-11-27T04:00:00Z", with as many digits behind the second as there are, in groups of three.
std::string format_rfc3339(WallTime time);

}  // namespace switchgear::webhook_detail

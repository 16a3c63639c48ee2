// Times as sources write them. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "description.hpp"

namespace switchgear::rest {

/// Microseconds since 1970 in UTC, of an ISO 8601 time with a zone ("2026-01-31T12:00:00.5+02:00"), without one (taken as UTC) or of a
/// date. Nothing for other text, and for times before the year 1 or after 9999.
std::optional<std::int64_t> parse_instant(std::string_view text);

/// "2026-01-31T12:00:00Z", with as many decimals as are needed; "2026-01-31"; seconds or milliseconds since 1970. Rounded down.
std::string format_instant(std::int64_t microseconds, TimeForm form);

/// A time as the host writes it, in another form; what is no time stays as it is.
std::string converted_instant(const std::string& text, TimeForm form);

}  // namespace switchgear::rest

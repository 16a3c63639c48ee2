// What a source says in its headers about how fast it may be called, and when again.
//
// Read: `Retry-After` (RFC 9110, 10.2.3), `RateLimit` and `RateLimit-Policy` (IETF httpapi drafts: the structured list of -08 and later,
// the dictionary of -07), `RateLimit-Limit|Remaining|Reset` (drafts up to -06), `X-RateLimit-*` and `X-Rate-Limit-*`. The first that gives
// a value wins, in that order. What is malformed, negative, past or absurdly long counts as absent; every wait is cut to a cap. Pure
// functions; any thread; nothing is thrown.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "switchgear/base/clock.hpp"
#include "switchgear/http/message.hpp"

namespace switchgear {

inline constexpr std::chrono::milliseconds default_retry_after_cap{300'000};

struct RateHeaders {
  std::optional<std::chrono::milliseconds> retry_after;  ///< Retry-After alone
  std::optional<std::uint64_t> limit;                    ///< requests in a window
  std::optional<std::uint64_t> remaining;                ///< requests left in it; of several policies the scarcest
  std::optional<std::chrono::milliseconds> reset_after;  ///< until that window is full again

  bool exhausted() const noexcept { return remaining == std::uint64_t{0}; }

  /// How long to send nothing: Retry-After, else the reset of an exhausted window.
  std::optional<std::chrono::milliseconds> wait() const noexcept;
};

/// `now` is this machine's time; the reply's own `Date`, where it has one, is used instead, which cancels the skew of the clocks.
RateHeaders read_rate_headers(const Headers& headers, WallTime now, std::chrono::milliseconds cap = default_retry_after_cap);

/// Digits are seconds; otherwise a strict HTTP-date, of which the wait is rounded up to whole seconds.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, WallTime now,
                                                           std::chrono::milliseconds cap = default_retry_after_cap);

/// IMF-fixdate, RFC 850 date or asctime (RFC 9110, 5.6.7), letter for letter. The two-digit year of RFC 850 is the one nearest to `now`
/// that is not more than 50 years ahead.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text, WallTime now);

}  // namespace switchgear

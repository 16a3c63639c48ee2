// Keeps requests to a rate: GCRA (the leaky bucket as a meter, ITU-T I.371) over one atomic, with waiters served in the order in
// which they came; on top of it a rate that adapts when the source throttles all the same.
//
// GCRA: with t = period / count and tau = t x (burst - 1), a request at `now` is refused while now < tat - tau, and otherwise moves
// tat to max(tat, now) + t. A waiting acquire reserves its place at once and sleeps until then; a throttle voids all reservations.
// Any thread; nothing is locked unless the rate is being adapted. Throws Error(config) for a bad rate, burst, or more permits than burst.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/policy/adaptive_rate.hpp"

namespace switchgear {

struct Rate {
  std::uint64_t count = 100;                                  ///< 1 to 1e9 requests
  std::chrono::nanoseconds period = std::chrono::seconds(1);  ///< in this time; above 0, at most 365 days

  /// "100/s", "6000/5min", "10/h", "5/100ms". Throws Error(config).
  static Rate parse(std::string_view text);

  double per_second() const noexcept { return static_cast<double>(count) / std::chrono::duration<double>(period).count(); }
};

struct RateLimiterOptions {
  std::optional<Rate> rate;  ///< unset: no limit but the adaptive one
  std::uint64_t burst = 1;   ///< 1 to 1,000,000: how many may pass at once after a pause
  bool adaptive = true;      ///< learn from throttles
};

/// A place in the line: its owner may pass after `wait`, unless a throttle has voided it meanwhile.
struct RateReservation {
  std::chrono::nanoseconds wait{0};
  std::int64_t cost_ns = 0;  ///< what it has moved the line by
  std::uint64_t epoch = 0;
};

struct RateLimiterMetrics {
  std::optional<double> per_second;  ///< in force now
  bool adapted = false;              ///< a throttle has been seen
  std::uint64_t throttles = 0;
  std::chrono::nanoseconds waiting{0};  ///< until a request could pass
};

/// What a limiter has learnt from throttles, for one in another process.
struct RateMemory {
  double per_second = 0;                       ///< in force; 0: no limit
  double rate_at_throttle = 0, measured = 0;   ///< see AdaptiveRate; 0: not adaptive
  std::chrono::nanoseconds since_throttle{0};  ///< the last one
  std::chrono::nanoseconds blocked{0};         ///< nothing passes for this long
};

class RateLimiter {
 public:
  explicit RateLimiter(RateLimiterOptions options = {}, Clock& clock = Clock::system());
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  /// 0: `n` permits are taken. Otherwise none is, and this is how long it takes until they could be.
  std::chrono::nanoseconds try_acquire(std::uint64_t n = 1);

  /// Waits for `n` permits and returns how long. Throws Error(cancelled) on a stop request, and Error(timeout.limiter), before it waits at
  /// all, if the wait would be longer than `timeout`; nothing is taken then.
  std::chrono::nanoseconds acquire(std::stop_token stop = {}, std::optional<std::chrono::nanoseconds> timeout = {}, std::uint64_t n = 1);

  /// What acquire() does, for callers that wait by themselves (an event loop): takes the next place in the line, without waiting. Throws
  /// Error(timeout.limiter) as acquire() does. After the wait the place is to be checked: a void one has to be taken anew.
  RateReservation reserve(std::optional<std::chrono::nanoseconds> timeout = {}, std::uint64_t n = 1);
  bool is_valid(const RateReservation& place) const noexcept;
  /// Gives a place up that will not be used.
  void withdraw(const RateReservation& place) noexcept;

  /// A reply came that was no throttle.
  void success();

  /// The source throttled: nothing passes before `retry_after`, and less often from then on.
  void throttle(std::optional<std::chrono::nanoseconds> retry_after = {});

  /// Nothing: no throttle was met, or its traces are gone: an hour has passed since, or the rate is the configured one again.
  std::optional<RateMemory> memory() const;
  void restore(const RateMemory& memory);

  RateLimiterMetrics metrics() const;
  const RateLimiterOptions& options() const noexcept { return options_; }

 private:
  std::int64_t now_ns() const noexcept { return clock_.now().time_since_epoch().count(); }
  void check_count(std::uint64_t n) const;
  void set_rate(double per_second) noexcept;
  void block(std::int64_t until_ns) noexcept;

  const RateLimiterOptions options_;
  Clock& clock_;
  std::atomic<std::int64_t> tat_;          // theoretical arrival time, ns of the steady clock
  std::atomic<std::int64_t> interval_ns_;  // t; 0: no limit
  std::atomic<std::uint64_t> epoch_{0};    // of throttles: a reservation of an earlier one is void
  mutable std::mutex mutex_;               // guards the rest
  std::int64_t paused_until_;
  SteadyTime throttled_at_{};
  AdaptiveRate adaptive_;
};

}  // namespace switchgear

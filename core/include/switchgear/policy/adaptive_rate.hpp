// The rate that a source seems to bear, learnt from its throttles: cut on each one, then grown along the cubic curve of TCP CUBIC
// (RFC 9438) in the form that the AWS SDKs' adaptive retry mode uses. Not thread-safe: its owner locks. Nothing is thrown.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "switchgear/base/clock.hpp"

namespace switchgear {

/// Requests per second, `since_throttle` after a throttle at `w_max` requests per second: 0.4 (dt - k)^3 + w_max, k = cbrt(0.75 w_max).
double cubic_rate(double w_max, std::chrono::duration<double> since_throttle) noexcept;

class AdaptiveRate {
 public:
  static constexpr double least_per_second = 0.5;

  /// A reply has come; `per_second` is the rate in force (nothing: no limit). Returns the new one; nothing before the first throttle.
  std::optional<double> on_success(SteadyTime now) noexcept;
  double on_throttle(SteadyTime now, std::optional<double> per_second) noexcept;

  /// Replies per second, smoothed over half-second buckets.
  double measured() const noexcept { return measured_; }

  /// The last throttle, and the rate at which it came; nothing before the first.
  std::optional<SteadyTime> throttled_at() const noexcept { return throttled_at_; }
  double rate_at_throttle() const noexcept { return w_max_; }

  /// Goes on as one that has learnt this.
  void restore(SteadyTime throttled_at, double rate_at_throttle, double measured) noexcept;

 private:
  void measure(SteadyTime now) noexcept;

  std::optional<SteadyTime> bucket_start_;
  std::uint64_t in_bucket_ = 0;
  double measured_ = 0;
  bool has_bucket_ = false;  // one was completed
  std::optional<SteadyTime> throttled_at_;
  double w_max_ = 0;
};

}  // namespace switchgear

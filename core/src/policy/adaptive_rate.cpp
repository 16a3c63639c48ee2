#include "switchgear/policy/adaptive_rate.hpp"

#include <algorithm>
#include <cmath>

namespace switchgear {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double cut = 0.7;
constexpr double scale = 0.4;
constexpr double smoothing = 0.8;  // the share of the newest bucket
constexpr Seconds bucket{0.5};

}  // namespace

double cubic_rate(double w_max, Seconds since_throttle) noexcept {
  const double k = std::cbrt(w_max * (1 - cut) / scale);
  return scale * std::pow(since_throttle.count() - k, 3) + w_max;
}

void AdaptiveRate::measure(SteadyTime now) noexcept {
  if (!bucket_start_) bucket_start_ = now;
  ++in_bucket_;
  const Seconds elapsed = now - *bucket_start_;
  if (elapsed < bucket) {
    // Before the first bucket is full, what it holds is all that is known.
    if (!has_bucket_) measured_ = static_cast<double>(in_bucket_) / bucket.count();
    return;
  }
  const double rate = static_cast<double>(in_bucket_) / elapsed.count();
  measured_ = has_bucket_ ? rate * smoothing + measured_ * (1 - smoothing) : rate;
  has_bucket_ = true;
  in_bucket_ = 0;
  bucket_start_ = now;
}

std::optional<double> AdaptiveRate::on_success(SteadyTime now) noexcept {
  measure(now);
  if (!throttled_at_) return std::nullopt;
  return std::max(least_per_second, std::min(cubic_rate(w_max_, now - *throttled_at_), 2 * measured_));
}

double AdaptiveRate::on_throttle(SteadyTime now, std::optional<double> per_second) noexcept {
  measure(now);
  // Requests that were under way together are throttled together: one sign, not many.
  if (throttled_at_ && per_second && now - *throttled_at_ < bucket) return *per_second;
  w_max_ = per_second ? std::min(*per_second, measured_) : measured_;
  throttled_at_ = now;
  return std::max(least_per_second, cut * w_max_);
}

void AdaptiveRate::restore(SteadyTime throttled_at, double rate_at_throttle, double measured) noexcept {
  throttled_at_ = throttled_at;
  w_max_ = rate_at_throttle;
  measured_ = measured;
  has_bucket_ = true;
}

}  // namespace switchgear

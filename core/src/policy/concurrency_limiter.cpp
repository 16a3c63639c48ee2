#include "switchgear/policy/concurrency_limiter.hpp"

#include <algorithm>

#include "option_check.hpp"

namespace switchgear {
namespace {

ConcurrencyLimiterOptions checked(ConcurrencyLimiterOptions options) {
  check_number("concurrency.most", options.most, 1, 100'000);
  check_number("concurrency.least", options.least, 1, options.most);
  check_number("concurrency.initial", options.initial, options.least, options.most);
  return options;
}

}  // namespace

ConcurrencyLimiter::ConcurrencyLimiter(ConcurrencyLimiterOptions options) : options_(checked(options)) { now_.limit = options_.initial; }

std::optional<ConcurrencyLimiter::Slot> ConcurrencyLimiter::try_acquire() {
  const std::lock_guard lock(mutex_);
  if (now_.in_flight >= now_.limit) return std::nullopt;
  ++now_.in_flight;
  return Slot(this);
}

ConcurrencyLimiter::Slot ConcurrencyLimiter::acquire(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  ++now_.waiting;
  const bool free = freed_.wait(lock, stop, [&] { return now_.in_flight < now_.limit; });
  --now_.waiting;
  if (!free) throw Error(Category::cancelled, "cancelled while waiting for another request of this connection to end");
  ++now_.in_flight;
  return Slot(this);
}

std::optional<ConcurrencyLimiter::Slot> ConcurrencyLimiter::acquire_for(std::chrono::nanoseconds longest) {
  std::unique_lock lock(mutex_);
  ++now_.waiting;
  const bool free = freed_.wait_for(lock, longest, [&] { return now_.in_flight < now_.limit; });
  --now_.waiting;
  if (!free) return std::nullopt;
  ++now_.in_flight;
  return Slot(this);
}

void ConcurrencyLimiter::finish(int verdict) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (verdict > 0 && 2 * now_.in_flight >= now_.limit) now_.limit = std::min(options_.most, now_.limit + 1);
    if (verdict < 0) {
      ++now_.drops;
      now_.limit = std::max(options_.least, now_.limit * 9 / 10);
    }
    --now_.in_flight;
    if (now_.waiting == 0) return;
  }
  freed_.notify_all();  // the limit may have grown with the slot
}

ConcurrencyMetrics ConcurrencyLimiter::metrics() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

}  // namespace switchgear

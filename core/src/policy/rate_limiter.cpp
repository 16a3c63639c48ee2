#include "switchgear/policy/rate_limiter.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "option_check.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using std::chrono::nanoseconds;

/// Rounded up: the rate is a promise not to be faster.
std::int64_t interval_of(const Rate& rate) {
  const auto count = static_cast<std::int64_t>(rate.count);
  return std::max<std::int64_t>(1, (rate.period.count() + count - 1) / count);
}

RateLimiterOptions checked(RateLimiterOptions options) {
  if (options.rate) {
    check_number("rate_limit.count", static_cast<double>(options.rate->count), 1, 1e9);
    check_time("rate_limit.period", options.rate->period);
  }
  check_number("rate_limit.burst", static_cast<double>(options.burst), 1, 1e6);
  if (options.rate) {
    // What a full burst is worth in time is added to times.
    const auto most = static_cast<std::uint64_t>(longest_time.count() / interval_of(*options.rate));
    if (options.burst > most) {
      refuse_option("rate_limit.burst", std::to_string(options.burst), "at most " + std::to_string(most) + ", a year's worth at this rate");
    }
  }
  return options;
}

std::optional<nanoseconds> unit_named(std::string_view name) {
  using namespace std::chrono_literals;
  constexpr std::array<std::pair<std::string_view, nanoseconds>, 14> units = {{{"ms", 1ms},
                                                                               {"s", 1s},
                                                                               {"sec", 1s},
                                                                               {"second", 1s},
                                                                               {"seconds", 1s},
                                                                               {"m", 1min},
                                                                               {"min", 1min},
                                                                               {"minute", 1min},
                                                                               {"minutes", 1min},
                                                                               {"h", 1h},
                                                                               {"hour", 1h},
                                                                               {"hours", 1h},
                                                                               {"d", 24h},
                                                                               {"day", 24h}}};
  const auto* found = std::find_if(units.begin(), units.end(), [&](const auto& unit) { return unit.first == name; });
  return found == units.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return value;
}

}  // namespace

Rate Rate::parse(std::string_view text) {
  constexpr std::uint64_t most = 1'000'000'000;
  const auto refuse = [&] {
    refuse_option("rate_limit", "\"" + std::string(text.substr(0, 40)) + "\"", "like \"100/s\", \"6000/5min\" or \"10/h\"");
  };
  std::string_view rest = trim(text);
  const auto count = take_number(rest);
  rest = trim(rest);
  if (!count || *count == 0 || *count > most || !rest.starts_with('/')) refuse();
  rest = trim(rest.substr(1));
  const std::uint64_t units = take_number(rest).value_or(1);
  const auto unit = unit_named(trim(rest));
  if (!unit || units == 0 || units > static_cast<std::uint64_t>(longest_time / *unit)) refuse();
  return {*count, *unit * static_cast<std::int64_t>(units)};
}

RateLimiter::RateLimiter(RateLimiterOptions options, Clock& clock)
    : options_(checked(options)),
      clock_(clock),
      tat_(now_ns()),
      interval_ns_(options_.rate ? interval_of(*options_.rate) : 0),
      paused_until_(now_ns()) {}

void RateLimiter::check_count(std::uint64_t n) const {
  if (n >= 1 && n <= options_.burst) return;
  refuse_option("permits", std::to_string(n),
                "from 1 to the burst of " + std::to_string(options_.burst) + ": more could never pass at once");
}

nanoseconds RateLimiter::try_acquire(std::uint64_t n) {
  check_count(n);
  const std::int64_t now = now_ns();
  const std::int64_t t = interval_ns_.load(std::memory_order_relaxed);
  const auto count = static_cast<std::int64_t>(n);
  std::int64_t tat = tat_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t next = std::max(tat, now) + count * t;
    const std::int64_t wait = next - static_cast<std::int64_t>(options_.burst) * t - now;
    if (wait > 0) return nanoseconds(wait);
    if (t == 0 || tat_.compare_exchange_weak(tat, next, std::memory_order_relaxed)) return nanoseconds(0);
  }
}

RateReservation RateLimiter::reserve(std::optional<nanoseconds> timeout, std::uint64_t n) {
  check_count(n);
  RateReservation place;
  place.epoch = epoch_.load(std::memory_order_acquire);
  const std::int64_t now = now_ns();
  const std::int64_t t = interval_ns_.load(std::memory_order_relaxed);
  place.cost_ns = static_cast<std::int64_t>(n) * t;
  std::int64_t tat = tat_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t next = std::max(tat, now) + place.cost_ns;
    place.wait = nanoseconds(std::max<std::int64_t>(0, next - static_cast<std::int64_t>(options_.burst) * t - now));
    if (timeout && place.wait > *timeout) {
      Error error(Category::timeout, "limiter", "the rate limit lets this request through in " + seconds_text(place.wait) + " only");
      error.nothing_sent = true;
      error.retryable = true;
      error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(place.wait);
      throw std::move(error).with_hint("wait longer, call less often or raise rate_limit");
    }
    if (t == 0 || tat_.compare_exchange_weak(tat, next, std::memory_order_relaxed)) return place;
  }
}

bool RateLimiter::is_valid(const RateReservation& place) const noexcept {
  // Without a limit only a pause can have been waited for, which another may have followed.
  return place.wait.count() == 0 || (place.cost_ns != 0 && epoch_.load(std::memory_order_acquire) == place.epoch);
}

void RateLimiter::withdraw(const RateReservation& place) noexcept {
  if (epoch_.load(std::memory_order_acquire) == place.epoch) tat_.fetch_sub(place.cost_ns, std::memory_order_relaxed);
}

nanoseconds RateLimiter::acquire(std::stop_token stop, std::optional<nanoseconds> timeout, std::uint64_t n) {
  nanoseconds waited(0);
  for (;;) {
    const RateReservation place = reserve(timeout ? std::optional(*timeout - waited) : std::nullopt, n);
    if (place.wait.count() != 0 && !clock_.sleep_for(place.wait, stop)) {
      withdraw(place);
      throw Error(Category::cancelled, "cancelled while waiting for the rate limit");
    }
    waited += place.wait;
    if (is_valid(place)) return waited;
  }
}

void RateLimiter::set_rate(double per_second) noexcept {
  if (options_.rate) per_second = std::min(per_second, options_.rate->per_second());
  const auto interval = static_cast<std::int64_t>(std::ceil(1e9 / per_second));
  interval_ns_.store(std::max<std::int64_t>(options_.rate ? interval_of(*options_.rate) : 1, interval), std::memory_order_relaxed);
}

void RateLimiter::success() {
  if (!options_.adaptive) return;
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  if (const auto per_second = adaptive_.on_success(now)) set_rate(*per_second);
}

void RateLimiter::throttle(std::optional<nanoseconds> retry_after) {
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  if (options_.adaptive) {
    const std::int64_t t = interval_ns_.load(std::memory_order_relaxed);
    set_rate(adaptive_.on_throttle(now, t == 0 ? std::nullopt : std::optional(1e9 / static_cast<double>(t))));
  }
  throttled_at_ = now;
  const nanoseconds pause = std::clamp(retry_after.value_or(nanoseconds(0)), nanoseconds(0), longest_time);
  const std::int64_t now_count = now.time_since_epoch().count();
  block(std::max(now_count, now_count + pause.count()));
}

void RateLimiter::block(std::int64_t until_ns) noexcept {
  const std::int64_t t = interval_ns_.load(std::memory_order_relaxed);
  paused_until_ = std::max(paused_until_, until_ns);
  // At the end of the pause one request passes, then one every t: a burst would be throttled again.
  tat_.store(paused_until_ + t * (static_cast<std::int64_t>(options_.burst) - 1), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
}

std::optional<RateMemory> RateLimiter::memory() const {
  if (epoch_.load(std::memory_order_acquire) == 0) return std::nullopt;
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  const std::int64_t t = interval_ns_.load(std::memory_order_relaxed);
  RateMemory memory;
  memory.per_second = t == 0 ? 0 : 1e9 / static_cast<double>(t);
  memory.since_throttle = now - throttled_at_;
  memory.blocked = nanoseconds(std::max<std::int64_t>(0, paused_until_ - now.time_since_epoch().count()));
  if (options_.adaptive) {
    memory.rate_at_throttle = adaptive_.rate_at_throttle();
    memory.measured = adaptive_.measured();
  }
  const bool slower = options_.adaptive && !(options_.rate && t == interval_of(*options_.rate));
  if (memory.blocked.count() == 0 && (!slower || memory.since_throttle > std::chrono::hours(1))) return std::nullopt;
  return memory;
}

void RateLimiter::restore(const RateMemory& memory) {
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  throttled_at_ = now - std::clamp(memory.since_throttle, nanoseconds(0), longest_time);
  if (options_.adaptive && memory.per_second > 0) {
    adaptive_.restore(throttled_at_, memory.rate_at_throttle, memory.measured);
    set_rate(std::max(AdaptiveRate::least_per_second, memory.per_second));
  }
  block(now.time_since_epoch().count() + std::clamp(memory.blocked, nanoseconds(0), longest_time).count());
}

RateLimiterMetrics RateLimiter::metrics() const {
  RateLimiterMetrics metrics;
  const std::int64_t t = interval_ns_.load(std::memory_order_relaxed);
  if (t != 0) metrics.per_second = 1e9 / static_cast<double>(t);
  metrics.throttles = epoch_.load(std::memory_order_relaxed);
  metrics.adapted = options_.adaptive && metrics.throttles != 0;
  const std::int64_t tau = t * (static_cast<std::int64_t>(options_.burst) - 1);
  metrics.waiting = nanoseconds(std::max<std::int64_t>(0, tat_.load(std::memory_order_relaxed) - tau - now_ns()));
  return metrics;
}

}  // namespace switchgear

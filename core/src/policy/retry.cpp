#include "switchgear/policy/retry.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "option_check.hpp"

namespace switchgear {
namespace {

RetryOptions checked(RetryOptions options) {
  check_number("retry.attempts", options.attempts, 1, 100);
  check_time("retry.cap", options.cap, std::chrono::hours(1));
  check_time("retry.base", options.base, options.cap);
  check_number("retry.quota", options.quota, 0, 1'000'000);
  check_number("retry.retry_cost", options.retry_cost, 0, options.quota);
  check_number("retry.timeout_cost", options.timeout_cost, 0, options.quota);
  return options;
}

}  // namespace

UniformRandom system_random() {
  return [] {
    thread_local std::mt19937_64 generator{[] {
      std::random_device device;
      return (std::uint64_t{device()} << 32U) | device();
    }()};
    return static_cast<double>(generator() >> 11U) * 0x1.0p-53;
  };
}

Retry::Retry(RetryOptions options, UniformRandom random)
    : options_(checked(options)), random_(std::move(random)), tokens_(options_.quota) {}

std::chrono::nanoseconds Retry::delay(std::uint32_t retry) {
  const double grown = static_cast<double>(options_.base.count()) * std::exp2(static_cast<double>(retry) - 1);
  const double longest = std::min(grown, static_cast<double>(options_.cap.count()));
  const double share = random_();
  return std::chrono::nanoseconds(share > 0 && share < 1 ? static_cast<std::int64_t>(share * longest) : 0);
}

bool Retry::take(std::uint32_t cost) {
  const std::lock_guard lock(mutex_);
  if (options_.quota == 0 || tokens_ < cost) return false;
  tokens_ -= cost;
  return true;
}

void Retry::give(std::uint32_t tokens) {
  const std::lock_guard lock(mutex_);
  tokens_ = std::min(options_.quota, tokens_ + tokens);
}

std::uint32_t Retry::tokens() const {
  const std::lock_guard lock(mutex_);
  return tokens_;
}

std::optional<std::chrono::nanoseconds> RetryRun::next(const Error& error, const RetrySubject& subject) {
  if (retries_ + 1 >= retry_.options_.attempts || !may_retry(error, subject.method, subject.idempotency_key)) return std::nullopt;
  const std::uint32_t cost = error.category == Category::timeout ? retry_.options_.timeout_cost : retry_.options_.retry_cost;
  if (!retry_.take(cost)) return std::nullopt;
  last_cost_ = cost;
  ++retries_;
  const std::chrono::nanoseconds jittered = retry_.delay(retries_);
  return std::max(jittered, wait_asked_for(error).value_or(std::chrono::nanoseconds(0)));
}

void RetryRun::success() { retry_.give(retries_ == 0 ? 1 : last_cost_); }

}  // namespace switchgear

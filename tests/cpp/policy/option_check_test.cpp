// Configuration that contradicts itself is refused when it is made, naming field, value and range.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "switchgear/policy/guard.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

std::string refusal(const std::function<void()>& make) {
  try {
    make();
  } catch (const Error& error) {
    EXPECT_EQ(error.category, Category::config);
    EXPECT_FALSE(error.hint.empty());
    return error.message;
  }
  return "accepted";
}

std::string breaker(const std::function<void(CircuitBreakerOptions&)>& change) {
  CircuitBreakerOptions options;
  change(options);
  return refusal([&] { const CircuitBreaker made(options); });
}

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

TEST(BadOptions, OfABreaker) {
  EXPECT_EQ(breaker([](auto&) {}), "accepted");
  EXPECT_EQ(breaker([](auto& o) { o.failure_rate = 1.5; }), "failure_rate is 1.5; it must be above 0 and at most 1");
  for (const double rate : {0.0, -0.1, nan, inf}) {
    EXPECT_NE(breaker([&](auto& o) { o.failure_rate = rate; }), "accepted") << rate;
    EXPECT_NE(breaker([&](auto& o) { o.slow_rate = rate; }), "accepted") << rate;
  }
  EXPECT_EQ(breaker([](auto& o) { o.min_calls = 101; }), "min_calls is 101; it must be from 1 to the window's 100 calls");
  EXPECT_EQ(breaker([](auto& o) { o.min_calls = 0; }), "min_calls is 0; it must be at least 1");
  EXPECT_EQ(breaker([](auto& o) { o.min_calls = 101, o.window = TimeWindow{1s}; }), "accepted");
  EXPECT_EQ(breaker([](auto& o) { o.window = CountWindow{0}; }), "window is 0; it must be from 1 to 1e+06");
  EXPECT_EQ(breaker([](auto& o) { o.window = TimeWindow{0s}; }), "window is 0 s; it must be from 1 s to 86400 s");
  EXPECT_NE(breaker([](auto& o) { o.window = TimeWindow{-5s}; }), "accepted");
  EXPECT_EQ(breaker([](auto& o) { o.half_open_calls = 0; }), "half_open_calls is 0; it must be from 1 to 10000");
  EXPECT_EQ(breaker([](auto& o) { o.slow_call = -1s; }), "slow_call is -1 s; it must be above 0 s and at most 3.1536e+07 s");
  EXPECT_NE(breaker([](auto& o) { o.half_open_max_wait = 0s; }), "accepted");
  EXPECT_NE(breaker([](auto& o) { o.open_for.initial = -1s; }), "accepted");
  EXPECT_NE(breaker([](auto& o) { o.open_for.initial = std::chrono::nanoseconds::max(); }), "accepted");
  EXPECT_EQ(breaker([](auto& o) { o.open_for.initial = 10s, o.open_for.cap = 5s; }),
            "open_for.initial is 10 s; it must be above 0 s and at most 5 s");
  for (const double factor : {0.5, nan, inf, -1.0}) EXPECT_NE(breaker([&](auto& o) { o.open_for.factor = factor; }), "accepted");
}

TEST(BadOptions, OfARateLimiter) {
  const auto rate = [](Rate r, std::uint64_t burst = 1) {
    return refusal([&] { RateLimiter made({.rate = r, .burst = burst, .adaptive = false}); });
  };
  EXPECT_EQ(rate({100, 1s}), "accepted");
  EXPECT_EQ(rate({0, 1s}), "rate_limit.count is 0; it must be from 1 to 1e+09");
  EXPECT_EQ(rate({100, 0s}), "rate_limit.period is 0 s; it must be above 0 s and at most 3.1536e+07 s");
  EXPECT_NE(rate({100, -1s}), "accepted");
  EXPECT_EQ(rate({100, 1s}, 0), "rate_limit.burst is 0; it must be from 1 to 1e+06");
  EXPECT_EQ(rate({1, std::chrono::hours(24)}, 366), "rate_limit.burst is 366; it must be at most 365, a year's worth at this rate");
  EXPECT_EQ(rate({1, std::chrono::hours(24)}, 365), "accepted");
  EXPECT_NE(rate({1, std::chrono::hours(24 * 365)}, 1'000'000), "accepted") << "it would overflow 64 bits of nanoseconds";
  for (const char* text : {"", "0/s", "-1/s", "1.5/s", "100", "100/", "/s", "100/x", "100/s/s", "100/0s", "99999999999999999999/s",
                           "1/99999999999d", "NaN/s"}) {
    EXPECT_NE(refusal([&] { (void)Rate::parse(text); }), "accepted") << text;
  }
  EXPECT_NE(refusal([&] { (void)Rate::parse("fast"); }).find("\"fast\""), std::string::npos);
}

TEST(BadOptions, OfAConcurrencyLimiterAndRetry) {
  EXPECT_NE(refusal([] { ConcurrencyLimiter made({.initial = 0, .least = 0, .most = 5}); }), "accepted");
  EXPECT_EQ(refusal([] { ConcurrencyLimiter made({.initial = 9, .least = 1, .most = 5}); }),
            "concurrency.initial is 9; it must be from 1 to 5");
  EXPECT_NE(refusal([] { ConcurrencyLimiter made({.initial = 3, .least = 6, .most = 5}); }), "accepted");
  const auto retry = [](const std::function<void(RetryOptions&)>& change) {
    RetryOptions options;
    change(options);
    return refusal([&] { Retry made(options); });
  };
  EXPECT_EQ(retry([](auto& o) { o.attempts = 0; }), "retry.attempts is 0; it must be from 1 to 100");
  EXPECT_EQ(retry([](auto& o) { o.base = 30s; }), "retry.base is 30 s; it must be above 0 s and at most 20 s");
  EXPECT_NE(retry([](auto& o) { o.base = -1s; }), "accepted");
  EXPECT_EQ(retry([](auto& o) { o.quota = 3; }), "retry.retry_cost is 5; it must be from 0 to 3");
}

TEST(BadOptions, AGuardRefusesTheBreakersItWouldMakeLater) {
  GuardOptions options;
  options.operation_breaker->half_open_calls = 0;
  EXPECT_NE(refusal([&] { Guard made("x", options); }), "accepted");
}

}  // namespace
}  // namespace switchgear

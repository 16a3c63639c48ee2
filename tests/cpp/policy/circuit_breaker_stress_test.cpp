// Many threads, exact counts. SWITCHGEAR_STRESS_CALLS sets the calls of each thread; SWITCHGEAR_STRESS_CALLS=1000000 is the full run.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "switchgear/policy/circuit_breaker.hpp"
#include "switchgear/policy/concurrency_limiter.hpp"
#include "switchgear/policy/rate_limiter.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t thread_count = 64;

std::uint64_t calls_each() {
  const char* wanted = std::getenv("SWITCHGEAR_STRESS_CALLS");
  return wanted == nullptr ? 5'000 : std::strtoull(wanted, nullptr, 10);
}

template <class F>
void on_all_threads(F work) {
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < thread_count; ++i) threads.emplace_back([i, &work] { work(i); });
  for (auto& thread : threads) thread.join();
}

TEST(Stress, ManyThreadsKeepExactCounts) {
  ManualClock clock;
  CircuitBreakerOptions options;
  options.failure_rate = 1.0;
  options.window = CountWindow{1000};
  CircuitBreaker breaker(options, clock);
  const std::uint64_t calls = calls_each();
  on_all_threads([&](std::uint64_t) {
    for (std::uint64_t i = 0; i < calls; ++i) {
      auto permit = breaker.acquire();
      ASSERT_TRUE(permit);
      i % 4 == 3 ? permit->failure(0s) : permit->success(0s);
    }
  });
  const BreakerMetrics metrics = breaker.metrics();
  EXPECT_EQ(metrics.total_calls, thread_count * calls);
  EXPECT_EQ(metrics.total_failures, thread_count * (calls / 4));
  EXPECT_EQ(metrics.calls, 1000U);
  EXPECT_EQ(metrics.dropped, 0U);
  EXPECT_EQ(breaker.state(), BreakerState::closed);
}

TEST(Stress, ATimeWindowKeepsExactCountsWhileTimeGoesOn) {
  ManualClock clock;
  CircuitBreakerOptions options;
  options.failure_rate = 1.0;
  options.window = TimeWindow{std::chrono::hours(24)};
  CircuitBreaker breaker(options, clock);
  const std::uint64_t calls = calls_each();
  on_all_threads([&](std::uint64_t) {
    for (std::uint64_t i = 0; i < calls; ++i) {
      if (i % 100 == 0) clock.advance(1ms);
      auto permit = breaker.acquire();
      i % 2 == 1 ? permit->failure(0s) : permit->success(0s);
    }
  });
  EXPECT_EQ(breaker.metrics().calls, thread_count * calls);
  EXPECT_EQ(breaker.metrics().failures, thread_count * (calls / 2));
}

TEST(Stress, StatesMayChangeUnderTheCallersFeet) {
  ManualClock clock;
  CircuitBreakerOptions options;
  options.window = CountWindow{10};
  options.min_calls = 2;
  options.half_open_calls = 3;
  options.open_for.initial = 1ms;
  CircuitBreaker breaker(options, clock);
  std::atomic<std::uint64_t> events{0};
  breaker.on_event([&](const BreakerEvent&) { ++events; });
  std::atomic<std::uint64_t> admitted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> given_back{0};
  on_all_threads([&](std::uint64_t thread) {
    for (std::uint64_t i = 0; i < 500; ++i) {
      clock.advance(10us);
      auto permit = breaker.acquire();
      if (!permit) {
        ++refused;
        continue;
      }
      ++admitted;
      if ((i + thread) % 5 == 0) {
        ++given_back;
      } else if ((i + thread) % 3 == 0) {
        permit->failure();
      } else {
        permit->success();
      }
      if (i == 250 && thread == 0) breaker.reset();
    }
  });
  const BreakerMetrics metrics = breaker.metrics();
  EXPECT_EQ(admitted + refused, thread_count * 500);
  EXPECT_EQ(metrics.refused, refused.load());
  EXPECT_LE(metrics.total_calls, admitted - given_back);
  EXPECT_GE(metrics.total_calls + metrics.dropped, admitted - given_back) << "each result was counted or dropped";
  EXPECT_GT(events, 0U);
}

TEST(Stress, HalfOpenNeverGivesMorePermitsThanItHas) {
  ManualClock clock;
  CircuitBreakerOptions options;
  options.window = CountWindow{10};
  options.min_calls = 1;
  options.failure_rate = 0.01;
  options.half_open_calls = 3;
  options.open_for.initial = 1s;
  CircuitBreaker breaker(options, clock);
  for (int round = 0; round < 20; ++round) {
    breaker.reset();
    breaker.acquire()->failure();
    clock.advance(1s);
    std::vector<std::optional<Permit>> permits(thread_count);
    on_all_threads([&](std::uint64_t i) { permits[i] = breaker.acquire(); });
    EXPECT_EQ(std::count_if(permits.begin(), permits.end(), [](const auto& permit) { return permit.has_value(); }), 3);
  }
}

TEST(Stress, TheRateLimiterAdmitsExactlyItsRate) {
  ManualClock clock;
  RateLimiter limiter({.rate = Rate{1000, 1s}, .burst = 10, .adaptive = false}, clock);
  std::atomic<int> admitted{0};
  for (int step = 0; step < 10; ++step) {
    on_all_threads([&](std::uint64_t) {
      for (int i = 0; i < 50; ++i) {
        if (limiter.try_acquire().count() == 0) ++admitted;
      }
    });
    EXPECT_EQ(admitted, 10 + 5 * step);
    clock.advance(5ms);
  }
}

TEST(Stress, TheConcurrencyLimiterNeverExceedsItsLimit) {
  ConcurrencyLimiter limiter({.initial = 7, .least = 7, .most = 7});
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  on_all_threads([&](std::uint64_t) {
    for (int i = 0; i < 200; ++i) {
      auto slot = limiter.acquire();
      const int here = ++inside;
      int seen = most;
      while (here > seen && !most.compare_exchange_weak(seen, here)) {
      }
      --inside;
      slot.success();
    }
  });
  EXPECT_LE(most, 7);
  EXPECT_EQ(limiter.metrics().in_flight, 0U);
  EXPECT_EQ(limiter.metrics().waiting, 0U);
}

}  // namespace
}  // namespace switchgear

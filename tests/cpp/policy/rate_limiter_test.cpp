#include "switchgear/policy/rate_limiter.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace switchgear {
namespace {

using namespace std::chrono_literals;

RateLimiterOptions fixed(Rate rate, std::uint64_t burst = 1) { return {.rate = rate, .burst = burst, .adaptive = false}; }

TEST(Rate, IsReadFromText) {
  const auto same = [](std::string_view text, std::uint64_t count, std::chrono::nanoseconds period) {
    const Rate rate = Rate::parse(text);
    EXPECT_EQ(rate.count, count) << text;
    EXPECT_EQ(rate.period, period) << text;
  };
  same("100/s", 100, 1s);
  same(" 6000 / 5min ", 6000, 5min);
  same("6000/300 s", 6000, 300s);
  same("10/hour", 10, 1h);
  same("1/d", 1, 24h);
  same("5/100ms", 5, 100ms);
  EXPECT_DOUBLE_EQ(Rate::parse("6000/5min").per_second(), 20.0);
}

TEST(RateLimiter, TheVectorOfGcra) {
  ManualClock clock;
  RateLimiter limiter(fixed({1000, 1s}, 3), clock);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.try_acquire(), 0ns) << i;
  EXPECT_EQ(limiter.try_acquire(), 1ms);
  EXPECT_EQ(limiter.try_acquire(), 1ms) << "a refusal takes nothing";
  clock.advance(1500us);
  EXPECT_EQ(limiter.try_acquire(), 0ns);
  EXPECT_EQ(limiter.try_acquire(), 500us);
  clock.advance(500us - 1ns);
  EXPECT_EQ(limiter.try_acquire(), 1ns);
  clock.advance(1ns);
  EXPECT_EQ(limiter.try_acquire(), 0ns);
  clock.advance(1h);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.try_acquire(), 0ns) << "idle time saves up one burst, no more";
  EXPECT_EQ(limiter.try_acquire(), 1ms);
}

TEST(RateLimiter, SeveralAtOnce) {
  ManualClock clock;
  RateLimiter limiter(fixed({1000, 1s}, 3), clock);
  EXPECT_EQ(limiter.try_acquire(3), 0ns);
  EXPECT_EQ(limiter.try_acquire(2), 2ms);
  clock.advance(2ms);
  EXPECT_EQ(limiter.try_acquire(2), 0ns);
  EXPECT_THROW(limiter.try_acquire(4), Error);
  EXPECT_THROW(limiter.try_acquire(0), Error);
  EXPECT_THROW(limiter.acquire({}, {}, UINT64_MAX), Error);
}

TEST(RateLimiter, TheRateIsNeverExceededByRounding) {
  ManualClock clock;
  RateLimiter limiter(fixed({3, 1s}), clock);
  const SteadyTime start = clock.now();
  for (int i = 0; i < 4; ++i) limiter.acquire();
  EXPECT_GE(clock.now() - start, 1s);
  EXPECT_LT(clock.now() - start, 1s + 10ns);
}

TEST(RateLimiter, AcquireWaitsAndSaysHowLong) {
  ManualClock clock;
  RateLimiter limiter(fixed({10, 1s}), clock);
  EXPECT_EQ(limiter.acquire(), 0ns);
  EXPECT_EQ(limiter.acquire(), 100ms);
  EXPECT_EQ(limiter.acquire(), 100ms);
  EXPECT_EQ(clock.slept(), 200ms);
}

TEST(RateLimiter, ATooLongWaitIsRefusedAtOnceAndTakesNothing) {
  ManualClock clock;
  RateLimiter limiter(fixed({1, 1s}), clock);
  limiter.acquire();
  try {
    limiter.acquire({}, 500ms);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "timeout.limiter");
    EXPECT_EQ(error.retry_after, 1000ms);
    EXPECT_TRUE(error.nothing_sent);
  }
  EXPECT_EQ(clock.slept(), 0ns);
  EXPECT_EQ(limiter.try_acquire(), 1s);
  EXPECT_EQ(limiter.acquire({}, 1s), 1s);
}

TEST(RateLimiter, ACancelledWaiterGivesItsPlaceBack) {
  ManualClock clock;
  RateLimiter limiter(fixed({1, 1s}), clock);
  limiter.acquire();
  std::stop_source stopped;
  stopped.request_stop();
  try {
    limiter.acquire(stopped.get_token());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category, Category::cancelled);
  }
  EXPECT_EQ(limiter.try_acquire(), 1s);
}

TEST(RateLimiter, WithoutARateNothingWaits) {
  ManualClock clock;
  RateLimiter limiter({.rate = {}, .burst = 1, .adaptive = true}, clock);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.acquire(), 0ns);
  EXPECT_FALSE(limiter.metrics().per_second);
  for (int i = 0; i < 1000; ++i) limiter.success();
  EXPECT_FALSE(limiter.metrics().per_second) << "successes alone never limit";
}

TEST(RateLimiter, AThrottlePausesEverybody) {
  ManualClock clock;
  RateLimiter limiter({.rate = {}, .burst = 1, .adaptive = false}, clock);
  limiter.throttle(7s);
  EXPECT_EQ(limiter.try_acquire(), 7s);
  limiter.throttle(1s);
  EXPECT_EQ(limiter.try_acquire(), 7s) << "a shorter pause does not end a longer one";
  limiter.throttle();
  EXPECT_EQ(limiter.metrics().waiting, 7s);
  EXPECT_EQ(limiter.acquire(), 7s);
  EXPECT_EQ(limiter.acquire(), 0ns);
  EXPECT_EQ(limiter.metrics().throttles, 3U);
  limiter.throttle(std::chrono::nanoseconds::max());
  EXPECT_EQ(limiter.try_acquire(), 24h * 365) << "no overflow";
}

TEST(RateLimiter, NoBurstAfterAPause) {
  ManualClock clock;
  RateLimiter limiter(fixed({10, 1s}, 5), clock);
  limiter.throttle(2s);
  EXPECT_EQ(limiter.try_acquire(), 2s);
  clock.advance(2s);
  EXPECT_EQ(limiter.try_acquire(), 0ns);
  EXPECT_EQ(limiter.try_acquire(), 100ms);
}

/// Throttles the limiter while somebody sleeps, as another thread would.
class ThrottlingClock final : public Clock {
 public:
  SteadyTime now() const noexcept override { return inner.now(); }
  WallTime wall() const noexcept override { return inner.wall(); }
  bool sleep_for(std::chrono::nanoseconds duration, std::stop_token stop) override {
    if (limiter != nullptr) std::exchange(limiter, nullptr)->throttle(5s);
    return inner.sleep_for(duration, stop);
  }
  ManualClock inner;
  RateLimiter* limiter = nullptr;
};

TEST(RateLimiter, AThrottleVoidsThePlacesOfThoseWhoWait) {
  ThrottlingClock clock;
  RateLimiter limiter(fixed({10, 1s}), clock);
  limiter.acquire();
  clock.limiter = &limiter;
  EXPECT_EQ(limiter.acquire(), 5s) << "100 ms in line, then what is left of the pause";
}

TEST(RateLimiter, AReservedPlaceIsKeptUntilAThrottleOrItsWithdrawal) {
  ManualClock clock;
  RateLimiter limiter(fixed({10, 1s}), clock);
  EXPECT_EQ(limiter.reserve().wait, 0ns);
  const RateReservation second = limiter.reserve();
  const RateReservation third = limiter.reserve();
  EXPECT_EQ(second.wait, 100ms);
  EXPECT_EQ(third.wait, 200ms);
  limiter.withdraw(third);
  EXPECT_EQ(limiter.reserve(200ms).wait, 200ms) << "the place is free again";
  EXPECT_THROW(limiter.reserve(299ms), Error);
  EXPECT_EQ(limiter.reserve(300ms).wait, 300ms) << "the refused one took none";
  EXPECT_TRUE(limiter.is_valid(second));
  limiter.throttle(5s);
  EXPECT_FALSE(limiter.is_valid(second));
  limiter.withdraw(second);
  EXPECT_EQ(limiter.try_acquire(), 5s) << "a void place has nothing to give back";
}

TEST(RateLimiter, APlaceWithoutLimitIsValidOnlyWhereNothingHadToBeWaitedFor) {
  ManualClock clock;
  RateLimiter limiter({.rate = {}, .burst = 1, .adaptive = false}, clock);
  EXPECT_TRUE(limiter.is_valid(limiter.reserve()));
  limiter.throttle(1s);
  EXPECT_FALSE(limiter.is_valid(limiter.reserve())) << "another pause may have followed";
}

TEST(CubicRate, TheVector) {
  using Seconds = std::chrono::duration<double>;
  EXPECT_NEAR(cubic_rate(10, Seconds(0)), 7.0, 1e-9);
  EXPECT_NEAR(cubic_rate(10, Seconds(1)), 9.6489, 5e-5);
  EXPECT_NEAR(cubic_rate(10, Seconds(2)), 10.00003, 5e-6);
  EXPECT_NEAR(cubic_rate(10, Seconds(3)), 10.4533, 5e-5);
}

TEST(AdaptiveRate, FollowsTheVectorAfterAThrottle) {
  AdaptiveRate rate;
  SteadyTime now{};
  for (int i = 0; i < 400; ++i) rate.on_success(now += 50ms);
  EXPECT_NEAR(rate.measured(), 20, 2.1);
  const SteadyTime throttled = now += 50ms;
  EXPECT_NEAR(rate.on_throttle(throttled, 10.0), 7.0, 1e-9);
  for (int i = 1; i <= 60; ++i) {
    const auto grown = rate.on_success(throttled + i * 50ms);
    ASSERT_TRUE(grown);
    if (i == 20) {
      EXPECT_NEAR(*grown, 9.6489, 5e-5);
    }
    if (i == 40) {
      EXPECT_NEAR(*grown, 10.00003, 5e-6);
    }
    if (i == 60) {
      EXPECT_NEAR(*grown, 10.4533, 5e-5);
    }
  }
}

TEST(AdaptiveRate, IsAtMostTwiceTheMeasuredRateAndAtLeastOneInTwoSeconds) {
  AdaptiveRate slow;
  SteadyTime now{};
  for (int i = 0; i < 10; ++i) slow.on_success(now += 1s);
  EXPECT_NEAR(slow.measured(), 1, 0.1);
  slow.on_throttle(now += 1s, 100.0);
  std::optional<double> grown;
  for (int i = 0; i < 20; ++i) grown = slow.on_success(now += 1s);
  EXPECT_NEAR(*grown, 2, 0.01) << "the curve alone would be in the thousands";
  AdaptiveRate idle;
  EXPECT_EQ(idle.on_throttle(now, 0.1), 0.5);
}

TEST(AdaptiveRate, ThrottlesThatComeTogetherAreOne) {
  AdaptiveRate rate;
  SteadyTime now{};
  for (int i = 0; i < 400; ++i) rate.on_success(now += 10ms);
  const double once = rate.on_throttle(now, 100.0);
  EXPECT_NEAR(once, 70, 1);
  EXPECT_EQ(rate.on_throttle(now + 1ms, once), once);
  EXPECT_LT(rate.on_throttle(now + 1s, once), once);
}

TEST(RateLimiter, AdaptsAndReturnsToItsConfiguredRate) {
  ManualClock clock;
  RateLimiter limiter({.rate = Rate{100, 1s}, .burst = 1, .adaptive = true}, clock);
  for (int i = 0; i < 500; ++i) {
    limiter.acquire();
    limiter.success();
  }
  EXPECT_NEAR(*limiter.metrics().per_second, 100, 1e-6);
  limiter.throttle();
  EXPECT_NEAR(*limiter.metrics().per_second, 70, 2);
  for (int i = 0; i < 2000; ++i) {
    limiter.acquire();
    limiter.success();
  }
  EXPECT_NEAR(*limiter.metrics().per_second, 100, 1e-6) << "never above what was configured";
}

}  // namespace
}  // namespace switchgear

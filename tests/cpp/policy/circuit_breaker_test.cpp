#include "switchgear/policy/circuit_breaker.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <stdexcept>
#include <thread>

#include "switchgear/base/log.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

CircuitBreakerOptions small(std::uint32_t window = 4, std::uint32_t min_calls = 2) {
  CircuitBreakerOptions options;
  options.window = CountWindow{window};
  options.min_calls = min_calls;
  options.open_for.initial = 5s;
  return options;
}

void fail(CircuitBreaker& breaker, int times) {
  for (int i = 0; i < times; ++i) breaker.acquire()->failure();
}

TEST(CircuitBreaker, DefaultsAreTheDocumentedOnes) {
  const CircuitBreakerOptions options;
  EXPECT_EQ(std::get<CountWindow>(options.window).calls, 100U);
  EXPECT_EQ(options.min_calls, 10U);
  EXPECT_EQ(options.failure_rate, 0.5);
  EXPECT_EQ(options.slow_rate, 1.0);
  EXPECT_EQ(options.slow_call, 60s);
  EXPECT_EQ(options.open_for.initial, 30s);
  EXPECT_EQ(options.half_open_calls, 3U);
  EXPECT_EQ(TimeWindow{}.length, 60s);
}

TEST(CircuitBreaker, TheCountWindowForgetsTheOldestCall) {
  ManualClock clock;
  CircuitBreakerOptions options = small(4, 4);
  options.failure_rate = 1.0;
  CircuitBreaker breaker(options, clock);
  fail(breaker, 1);
  breaker.acquire()->success(61s);
  for (int i = 0; i < 2; ++i) breaker.acquire()->success();
  EXPECT_EQ(breaker.metrics().failures, 1U);
  EXPECT_EQ(breaker.metrics().slow_calls, 1U);
  breaker.acquire()->success();
  EXPECT_EQ(breaker.metrics().failures, 0U);
  EXPECT_EQ(breaker.metrics().slow_calls, 1U);
  breaker.acquire()->success();
  EXPECT_EQ(breaker.metrics().slow_calls, 0U);
  EXPECT_EQ(breaker.metrics().calls, 4U);
  EXPECT_EQ(breaker.metrics().total_calls, 6U);
  EXPECT_EQ(breaker.metrics().total_failures, 1U);
}

TEST(CircuitBreaker, TheTimeWindowForgetsOldSeconds) {
  ManualClock clock;
  CircuitBreakerOptions options = small();
  options.window = TimeWindow{3s};
  options.min_calls = 100;
  CircuitBreaker breaker(options, clock);
  fail(breaker, 2);
  clock.advance(1s);
  fail(breaker, 3);
  clock.advance(1s);
  EXPECT_EQ(breaker.metrics().failures, 5U);
  clock.advance(1s);
  EXPECT_EQ(breaker.metrics().failures, 3U);
  clock.advance(1s);
  EXPECT_EQ(breaker.metrics().failures, 0U);
  fail(breaker, 1);
  clock.advance(1000h);
  EXPECT_EQ(breaker.metrics().calls, 0U);
}

TEST(CircuitBreaker, AWallClockStepChangesNothing) {
  ManualClock clock;
  CircuitBreaker breaker(small(), clock);
  fail(breaker, 2);
  clock.step_wall(24h);
  EXPECT_FALSE(breaker.acquire());
  clock.step_wall(-48h);
  clock.advance(5s);
  EXPECT_TRUE(breaker.acquire());
}

TEST(CircuitBreaker, ARetryAfterLengthensTheWaitButNeverShortensIt) {
  ManualClock clock;
  CircuitBreaker breaker(small(), clock);
  fail(breaker, 1);
  breaker.acquire()->failure({}, 60s);
  EXPECT_EQ(breaker.metrics().retry_after, 60s);
  breaker.reset();
  fail(breaker, 1);
  breaker.acquire()->failure({}, 1s);
  EXPECT_EQ(breaker.metrics().retry_after, 5s);
  breaker.reset();
  fail(breaker, 1);
  breaker.acquire()->failure({}, std::chrono::nanoseconds::max());
  EXPECT_EQ(breaker.metrics().retry_after, 24h * 365) << "no overflow";
  breaker.reset();
  fail(breaker, 1);
  breaker.acquire()->failure({}, std::chrono::nanoseconds::min());
  EXPECT_EQ(breaker.metrics().retry_after, 5s);
}

TEST(CircuitBreaker, TheWaitMayBeAFunctionWhichIsCalledOutsideTheLock) {
  ManualClock clock;
  CircuitBreakerOptions options = small();
  CircuitBreaker* self = nullptr;
  std::vector<std::uint32_t> asked;
  options.open_for.function = [&](std::uint32_t n) -> std::chrono::nanoseconds {
    asked.push_back(n);
    EXPECT_EQ(self->metrics().state, BreakerState::open);
    if (n == 3) throw std::runtime_error("no idea");
    return n == 4 ? std::chrono::nanoseconds::max() : std::chrono::seconds(n * 10);
  };
  CircuitBreaker breaker(options, clock);
  self = &breaker;
  fail(breaker, 2);
  EXPECT_EQ(breaker.metrics().retry_after, 10s);
  for (const auto wait : {std::chrono::nanoseconds(20s), std::chrono::nanoseconds(5s), std::chrono::nanoseconds(24h * 365)}) {
    clock.advance(*breaker.metrics().retry_after);
    fail(breaker, 2);
    ASSERT_EQ(breaker.state(), BreakerState::open);
    EXPECT_EQ(breaker.metrics().retry_after, wait);
  }
  EXPECT_EQ(asked, (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST(CircuitBreaker, TheExponentialWaitIsCapped) {
  ManualClock clock;
  CircuitBreakerOptions options = small();
  options.open_for.factor = 100;
  options.open_for.cap = 1min;
  CircuitBreaker breaker(options, clock);
  fail(breaker, 2);
  for (int i = 0; i < 500; ++i) {
    clock.advance(1min);
    fail(breaker, 2);
  }
  EXPECT_EQ(breaker.metrics().retry_after, 1min);
}

TEST(CircuitBreaker, AHungProbeCountsAsAFailureAfterItsLease) {
  ManualClock clock;
  CircuitBreakerOptions options = small();
  options.half_open_calls = 2;
  options.half_open_max_wait = 10s;
  CircuitBreaker breaker(options, clock);
  fail(breaker, 2);
  clock.advance(5s);
  auto hung = breaker.acquire();
  auto other = breaker.acquire();
  clock.advance(10s - 1ns);
  EXPECT_FALSE(breaker.acquire());
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
  EXPECT_EQ(breaker.refusal().retry_after, 1ms);
  clock.advance(1ns);
  EXPECT_FALSE(breaker.acquire());
  EXPECT_EQ(breaker.state(), BreakerState::open) << "the lease lapsed, seen by an acquire";
  EXPECT_EQ(breaker.metrics().retry_after, 5s);
  const auto dropped = breaker.metrics().dropped;
  hung->success();
  other->success();
  EXPECT_EQ(breaker.state(), BreakerState::open);
  EXPECT_EQ(breaker.metrics().dropped, dropped + 2);
}

TEST(CircuitBreaker, ALapsedProbeCannotReturnIntoASlotOfAnother) {
  ManualClock clock;
  CircuitBreakerOptions options = small();
  options.half_open_calls = 4;
  options.failure_rate = 0.75;
  options.half_open_max_wait = 10s;
  CircuitBreaker breaker(options, clock);
  fail(breaker, 2);
  clock.advance(5s);
  auto hung = breaker.acquire();
  clock.advance(10s);
  auto fresh = breaker.acquire();
  ASSERT_TRUE(fresh);
  EXPECT_EQ(breaker.metrics().failures, 1U);
  hung->success();
  EXPECT_EQ(breaker.metrics().calls, 1U) << "it was counted as a failure already";
  fresh->success();
  EXPECT_EQ(breaker.metrics().calls, 2U);
}

TEST(CircuitBreaker, ADeferredLeaseRunsFromTheStartOfTheAttempt) {
  ManualClock clock;
  CircuitBreakerOptions options = small();
  options.half_open_calls = 1;
  options.half_open_max_wait = 10s;
  options.slow_call = 10s;
  CircuitBreaker breaker(options, clock);
  fail(breaker, 2);
  clock.advance(5s);
  auto waiting = breaker.acquire_deferred();
  clock.advance(1h);
  EXPECT_FALSE(breaker.acquire());
  EXPECT_EQ(breaker.state(), BreakerState::half_open) << "waiting for a limiter never lapses it";
  waiting->start();
  clock.advance(9s);
  EXPECT_FALSE(breaker.acquire());
  waiting->success();
  EXPECT_EQ(breaker.state(), BreakerState::closed) << "and is no slow call";
}

TEST(CircuitBreaker, APermitComesBackFromWhereverItIsLost) {
  ManualClock clock;
  CircuitBreakerOptions options = small();
  options.half_open_calls = 1;
  CircuitBreaker breaker(options, clock);
  fail(breaker, 2);
  clock.advance(5s);
  EXPECT_THROW(
      {
        auto permit = breaker.acquire();
        throw std::runtime_error("abandoned");
      },
      std::runtime_error);
  auto permit = breaker.acquire();
  ASSERT_TRUE(permit);
  Permit moved = std::move(*permit);
  permit.reset();
  EXPECT_FALSE(breaker.acquire()) << "moving returned nothing";
  moved.success();
  moved.failure();
  moved.failure();
  EXPECT_EQ(breaker.state(), BreakerState::closed) << "only the first ending counts";
}

TEST(CircuitBreaker, CallRecordsWhatTheErrorMeans) {
  ManualClock clock;
  CircuitBreaker breaker(small(10, 10), clock);
  EXPECT_EQ(breaker.call([] { return 3; }), 3);
  EXPECT_THROW(breaker.call([] { throw Error(Category::not_found, "no"); }), Error);
  EXPECT_THROW(breaker.call([] { throw Error(Category::server, "no"); }), Error);
  EXPECT_THROW(breaker.call([] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(breaker.metrics().calls, 3U);
  EXPECT_EQ(breaker.metrics().failures, 2U);
}

struct Verdict {
  Category category;
  const char* detail;
  Outcome connection, operation;
};

TEST(BreakerRules, EveryCategoryHasItsVerdict) {
  constexpr Outcome f = Outcome::failure;
  constexpr Outcome n = Outcome::neutral;
  for (std::int32_t number = category_first; number <= category_last; ++number) {
    const Category category = *category_from(number);
    Outcome connection = n;
    Outcome operation = n;
    if (category == Category::offline || category == Category::unavailable) connection = operation = f;
    if (category == Category::server || category == Category::timeout) operation = f;
    EXPECT_EQ(judge(Error(category, "x"), BreakerScope::connection), connection) << to_string(category);
    EXPECT_EQ(judge(Error(category, "x"), BreakerScope::operation), operation) << to_string(category);
  }
  EXPECT_EQ(judge(Error(Category::timeout, "connect", "x"), BreakerScope::connection), f);
  EXPECT_EQ(judge(Error(Category::timeout, "stalled", "x"), BreakerScope::connection), n);
}

TEST(CircuitBreaker, EventsComeInOrderWithWhatChanged) {
  ManualClock clock;
  CircuitBreakerOptions options = small();
  options.name = "sap-mt";
  CircuitBreaker breaker(options, clock);
  std::vector<BreakerEvent> events;
  breaker.on_event([&](const BreakerEvent& event) { events.push_back(event); });
  fail(breaker, 2);
  EXPECT_FALSE(breaker.acquire());
  clock.advance(5s);
  for (int i = 0; i < 2; ++i) breaker.acquire()->success();
  breaker.reset();
  std::string story;
  for (const auto& e : events) {
    story += std::string(to_string(e.kind)) + " " + std::string(to_string(e.from)) + ">" + std::string(to_string(e.to)) + "\n";
    EXPECT_EQ(e.breaker, "sap-mt");
  }
  EXPECT_EQ(story,
            "failure_rate_exceeded closed>closed\nstate_changed closed>open\ncall_refused open>open\nstate_changed open>half_open\n"
            "state_changed half_open>closed\nreset closed>closed\n");
  EXPECT_DOUBLE_EQ(events[0].rate, 1.0);
  EXPECT_EQ(breaker.metrics().refused, 1U);
}

TEST(CircuitBreaker, AThrowingListenerIsLoggedAndTheNextOneStillHears) {
  ManualClock clock;
  CircuitBreaker breaker(small(), clock);
  std::string logged;
  set_log_sink([&](LogLevel, std::string_view, std::string_view text) { logged += text; });
  int heard = 0;
  breaker.on_event([](const BreakerEvent&) { throw std::runtime_error("listener fell over"); });
  breaker.on_event([&](const BreakerEvent&) { ++heard; });
  fail(breaker, 2);
  set_log_sink({});
  EXPECT_EQ(breaker.state(), BreakerState::open);
  EXPECT_EQ(heard, 2);
  EXPECT_NE(logged.find("listener fell over"), std::string::npos);
}

TEST(CircuitBreaker, AListenerThatHangsHoldsUpNobodyElse) {
  ManualClock clock;
  CircuitBreaker breaker(small(), clock);
  std::mutex mutex;
  std::condition_variable changed;
  bool inside = false;
  bool let_go = false;
  std::size_t heard = 0;
  breaker.on_event([&](const BreakerEvent&) {
    std::unique_lock lock(mutex);
    ++heard;
    inside = true;
    changed.notify_all();
    changed.wait(lock, [&] { return let_go; });
  });
  std::thread first([&] { fail(breaker, 2); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return inside; });
  }
  for (int i = 0; i < 10'000; ++i) EXPECT_FALSE(breaker.acquire());
  breaker.reset();
  EXPECT_EQ(breaker.state(), BreakerState::closed);
  {
    const std::lock_guard lock(mutex);
    let_go = true;
  }
  changed.notify_all();
  first.join();
  EXPECT_LE(heard, 4100U) << "refusals beyond a few thousand are not kept";
  EXPECT_GE(heard, 4000U);
}

}  // namespace
}  // namespace switchgear

// The twelve numbered black-box cases of the breaker's semantics, as users of any circuit breaker would write them.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "switchgear/policy/circuit_breaker.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class BreakerCases : public testing::Test {
 protected:
  static CircuitBreakerOptions options() {
    CircuitBreakerOptions r;
    r.name = "R";
    r.window = TimeWindow{20s};
    r.min_calls = 5;
    r.failure_rate = 0.5;
    r.slow_call = 4s;
    r.slow_rate = 0.5;
    r.half_open_calls = 4;
    r.open_for.initial = 5s;
    return r;
  }

  /// S, F: a success, a failure that took no time; N: neutral.
  void play(CircuitBreaker& breaker, std::string_view calls) {
    for (const char call : calls) {
      if (call == ' ') continue;
      auto permit = breaker.acquire();
      ASSERT_TRUE(permit) << call << " of " << calls;
      if (call == 'S') permit->success(0s);
      if (call == 'F') permit->failure(0s);
      if (call == 'N') permit->release();
    }
  }

  void trip(CircuitBreaker& breaker) {
    play(breaker, "FFFFF");
    ASSERT_EQ(breaker.state(), BreakerState::open);
  }

  void half_open(CircuitBreaker& breaker) {
    trip(breaker);
    clock.advance(5s);
    ASSERT_TRUE(breaker.acquire());  // dropped at once: it only opens the door
    ASSERT_EQ(breaker.state(), BreakerState::half_open);
  }

  ManualClock clock;
};

TEST_F(BreakerCases, Case01_OpensAtTheThresholdAndNotBefore) {
  CircuitBreaker breaker(options(), clock);
  play(breaker, "SSSFF");
  EXPECT_EQ(breaker.state(), BreakerState::closed);
  EXPECT_DOUBLE_EQ(breaker.metrics().failure_rate, 0.4);
  play(breaker, "F");
  EXPECT_EQ(breaker.state(), BreakerState::open);
  EXPECT_DOUBLE_EQ(breaker.metrics().failure_rate, 0.5);
}

TEST_F(BreakerCases, Case02_ASuccessNeverTrips) {
  CircuitBreaker breaker(options(), clock);
  play(breaker, "FFFS");
  EXPECT_EQ(breaker.state(), BreakerState::closed);
  play(breaker, "S");
  EXPECT_EQ(breaker.state(), BreakerState::closed) << "60 % of 5 calls failed, but the last one did not";
  play(breaker, "F");
  EXPECT_EQ(breaker.state(), BreakerState::open);
}

TEST_F(BreakerCases, Case03_OpensBySlowCalls) {
  CircuitBreaker breaker(options(), clock);
  breaker.acquire()->failure(5s);
  breaker.acquire()->success(5s);
  breaker.acquire()->failure(100ms);
  breaker.acquire()->success(100ms);
  EXPECT_EQ(breaker.state(), BreakerState::closed);
  breaker.acquire()->success(5s);
  EXPECT_EQ(breaker.state(), BreakerState::open);
  EXPECT_EQ(breaker.metrics().slow_calls, 3U);

  CircuitBreaker exact(options(), clock);
  for (int i = 0; i < 10; ++i) exact.acquire()->success(4s);
  EXPECT_EQ(exact.state(), BreakerState::closed);
  EXPECT_EQ(exact.metrics().slow_calls, 0U) << "exactly the limit is not slow";
  exact.acquire()->success(4s + 1ns);
  EXPECT_EQ(exact.metrics().slow_calls, 1U);
}

TEST_F(BreakerCases, Case04_AdmitsExactlyWhenTheWaitIsOver) {
  CircuitBreaker breaker(options(), clock);
  trip(breaker);
  clock.advance(5s - 1ns);
  EXPECT_FALSE(breaker.acquire());
  EXPECT_EQ(breaker.refusal().category, Category::circuit_open);
  EXPECT_EQ(breaker.refusal().retry_after, 1ms) << "rounded up";
  clock.advance(1ns);
  EXPECT_EQ(breaker.state(), BreakerState::open) << "reading does not move it";
  EXPECT_EQ(breaker.metrics().state, BreakerState::open);
  EXPECT_TRUE(breaker.acquire());
}

TEST_F(BreakerCases, Case05_HalfOpenGivesFourPermitsInAll) {
  CircuitBreaker breaker(options(), clock);
  trip(breaker);
  clock.advance(5s);
  std::vector<Permit> permits;
  for (int i = 0; i < 4; ++i) {
    auto permit = breaker.acquire();
    ASSERT_TRUE(permit) << i;
    permits.push_back(std::move(*permit));
  }
  EXPECT_FALSE(breaker.acquire());
  permits.pop_back();
  auto again = breaker.acquire();
  EXPECT_TRUE(again) << "a permit dropped unused comes back";
  EXPECT_FALSE(breaker.acquire());
  permits[0].success();
  EXPECT_FALSE(breaker.acquire()) << "a used one does not: four in all, not at a time";
  permits[1].failure();
  permits[2].failure();
  EXPECT_EQ(breaker.state(), BreakerState::open);
  again->failure();
  clock.advance(5s);
  permits.clear();
  for (int i = 0; i < 4; ++i) {
    auto permit = breaker.acquire();
    ASSERT_TRUE(permit) << i;
    permits.push_back(std::move(*permit));
  }
  EXPECT_FALSE(breaker.acquire());
}

TEST_F(BreakerCases, Case06_HalfOpenDecides) {
  const auto four = [&](CircuitBreaker& breaker, std::string_view results) {
    std::vector<Permit> permits;
    for (std::size_t i = 0; i < 4; ++i) permits.push_back(std::move(*breaker.acquire()));
    for (std::size_t i = 0; i < 4; ++i) results[i] == 'F' ? permits[i].failure() : permits[i].success();
  };
  CircuitBreaker opens(options(), clock);
  half_open(opens);
  four(opens, "FFSF");
  EXPECT_EQ(opens.state(), BreakerState::open);

  CircuitBreaker late(options(), clock);
  half_open(late);
  four(late, "SFSF");
  EXPECT_EQ(late.state(), BreakerState::open) << "decided by the last one";

  CircuitBreaker closes(options(), clock);
  half_open(closes);
  play(closes, "SSS N F");
  EXPECT_EQ(closes.state(), BreakerState::closed);

  CircuitBreaker neutral(options(), clock);
  half_open(neutral);
  play(neutral, "S N N N N N S");
  EXPECT_EQ(neutral.state(), BreakerState::half_open) << "neutral outcomes use no permit";
  EXPECT_EQ(neutral.metrics().calls, 2U);
  play(neutral, "N S");
  EXPECT_EQ(neutral.state(), BreakerState::closed) << "as soon as the last permit can't change it";
}

TEST_F(BreakerCases, Case07_ExponentialWaits) {
  CircuitBreakerOptions growing = options();
  growing.open_for.factor = 1.5;
  CircuitBreaker breaker(growing, clock);
  const auto expect_wait = [&](std::chrono::nanoseconds wait) {
    ASSERT_EQ(breaker.state(), BreakerState::open);
    EXPECT_EQ(breaker.metrics().retry_after, wait);
    clock.advance(wait - 1ns);
    EXPECT_FALSE(breaker.acquire());
    clock.advance(1ns);
  };
  trip(breaker);
  expect_wait(5s);
  play(breaker, "FF");
  expect_wait(7500ms);
  play(breaker, "FF");
  expect_wait(11250ms);
  play(breaker, "SSS");
  EXPECT_EQ(breaker.state(), BreakerState::closed);
  trip(breaker);
  expect_wait(5s);
}

TEST_F(BreakerCases, Case08_StatesEnteredByHand) {
  CircuitBreaker breaker(options(), clock);
  std::vector<BreakerEventKind> events;
  breaker.on_event([&](const BreakerEvent& event) { events.push_back(event.kind); });
  breaker.force_open();
  clock.advance(24h * 365);
  EXPECT_FALSE(breaker.acquire());
  EXPECT_EQ(breaker.state(), BreakerState::forced_open);
  EXPECT_FALSE(breaker.refusal().retry_after);

  breaker.disable();
  play(breaker, "FFFFFFFFFFFF");
  EXPECT_EQ(breaker.state(), BreakerState::disabled);
  EXPECT_EQ(breaker.metrics().calls, 0U);
  EXPECT_EQ(breaker.metrics().total_calls, 0U);

  breaker.metrics_only();
  events.clear();
  for (int i = 0; i < 20; ++i) breaker.acquire()->failure(5s);
  EXPECT_EQ(breaker.state(), BreakerState::metrics_only);
  EXPECT_EQ(breaker.metrics().calls, 20U);
  EXPECT_EQ(events, (std::vector{BreakerEventKind::failure_rate_exceeded, BreakerEventKind::slow_rate_exceeded})) << "once each";
}

TEST_F(BreakerCases, Case09_AResultOfAnEarlierGenerationChangesNothing) {
  CircuitBreaker breaker(options(), clock);
  auto admitted_closed = breaker.acquire();
  auto another = breaker.acquire();
  half_open(breaker);
  const BreakerMetrics before = breaker.metrics();
  EXPECT_TRUE(admitted_closed->stale());
  admitted_closed->failure();
  another->success();
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
  EXPECT_EQ(breaker.metrics().calls, before.calls);
  EXPECT_EQ(breaker.metrics().failures, before.failures);
  EXPECT_EQ(breaker.metrics().total_calls, before.total_calls);
  EXPECT_EQ(breaker.metrics().dropped, before.dropped + 2);
}

TEST_F(BreakerCases, Case10_OneProbeAmongNineThreads) {
  CircuitBreakerOptions one = options();
  one.half_open_calls = 1;
  CircuitBreaker breaker(one, clock);
  trip(breaker);
  clock.advance(5s);
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0;
  int refused = 0;
  bool let_go = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 9; ++i) {
    threads.emplace_back([&] {
      try {
        breaker.call([&] {
          std::unique_lock lock(mutex);
          ++calls;
          changed.notify_all();
          changed.wait(lock, [&] { return let_go; });
        });
      } catch (const Error& error) {
        const std::lock_guard lock(mutex);
        EXPECT_EQ(error.category, Category::circuit_open);
        ++refused;
        changed.notify_all();
      }
    });
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return calls + refused == 9; });
    EXPECT_EQ(calls, 1);
    let_go = true;
  }
  changed.notify_all();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(refused, 8);
  EXPECT_EQ(breaker.state(), BreakerState::closed);
}

TEST_F(BreakerCases, Case11_AClassifierThatThrowsFreesThePermit) {
  CircuitBreakerOptions throwing = options();
  throwing.half_open_calls = 1;
  bool broken = false;
  throwing.classify = [&](const std::exception_ptr&) -> Outcome {
    if (broken) throw std::logic_error("the classifier is broken");
    return Outcome::failure;
  };
  CircuitBreaker breaker(throwing, clock);
  half_open(breaker);
  broken = true;
  EXPECT_THROW(breaker.call([] { throw std::runtime_error("the call failed"); }), std::logic_error);
  EXPECT_EQ(breaker.state(), BreakerState::half_open);
  EXPECT_EQ(breaker.call([] { return 7; }), 7) << "the only permit is free again";
  EXPECT_EQ(breaker.state(), BreakerState::closed);
}

TEST_F(BreakerCases, Case12_AListenerMayCallTheBreaker) {
  CircuitBreaker breaker(options(), clock);
  std::vector<std::string> heard;
  breaker.on_event([&](const BreakerEvent& event) {
    heard.push_back(std::string(to_string(event.kind)) + ":" + std::string(to_string(event.to)));
    EXPECT_LE(breaker.metrics().calls, 5U);
    if (event.kind == BreakerEventKind::state_changed && breaker.state() == BreakerState::open) breaker.reset();
  });
  play(breaker, "FFFFF");
  EXPECT_EQ(breaker.state(), BreakerState::closed);
  EXPECT_EQ(heard,
            (std::vector<std::string>{"failure_rate_exceeded:closed", "state_changed:open", "state_changed:closed", "reset:closed"}));
}

}  // namespace
}  // namespace switchgear

#include "switchgear/connection/policy_memory.hpp"

#include <gtest/gtest.h>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

GuardOptions options() {
  GuardOptions options;
  options.retry.reset();
  for (auto* breaker : {&options.connection_breaker, &options.operation_breaker}) {
    (*breaker)->min_calls = 2;
    (*breaker)->open_for = {.initial = 10s, .factor = 2, .cap = 10min};
    (*breaker)->half_open_calls = 1;
  }
  options.rate_limiter = RateLimiterOptions{.rate = Rate{100, 1s}, .burst = 5};
  return options;
}

/// One process after the other, on one wall clock; each has a steady clock of its own.
class PolicyMemory : public testing::Test {
 protected:
  std::string call(Guard& guard, const std::function<void()>& attempt, const std::string& entity = "Orders") {
    try {
      guard.run({.entity = entity, .operation = "read"}, [&](Attempt&) { attempt(); });
      return "ok";
    } catch (const Error& error) {
      return error.code();
    }
  }
  static void offline() { throw Error(Category::offline, "connect", "refused"); }
  static void broken() { throw Error(Category::server, "broken inside"); }

  ManualClock clock;
};

TEST_F(PolicyMemory, AGuardThatMetNothingRemembersNothing) {
  Guard guard("plant", options(), clock);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call(guard, [] {}), "ok");
  EXPECT_EQ(call(guard, offline), "offline.connect") << "one of four opens nothing";
  EXPECT_EQ(policy_memory(guard, clock), "");
}

TEST_F(PolicyMemory, AnOpenBreakerIsOpenInTheNextProcessAsLongAsItWas) {
  Guard first("plant", options(), clock);
  for (int i = 0; i < 2; ++i) call(first, offline);
  EXPECT_EQ(call(first, offline), "circuit_open");
  clock.advance(4s);
  const std::string kept = policy_memory(first, clock);

  clock.advance(3s);
  Guard next("plant", options(), clock);
  restore_policies(next, clock, kept);
  int sent = 0;
  const auto attempt = [&] { ++sent, offline(); };
  clock.advance(3s - 1ns);
  EXPECT_EQ(call(next, attempt), "circuit_open");
  EXPECT_EQ(call(next, attempt, "Vendors"), "circuit_open") << "the whole system is away";
  EXPECT_EQ(sent, 0);
  clock.advance(1us);
  EXPECT_EQ(call(next, attempt), "offline.connect") << "one probe is let through";
  EXPECT_EQ(call(next, attempt), "circuit_open");
  EXPECT_EQ(sent, 1);
  const auto wait = next.connection_breaker()->metrics().retry_after;
  ASSERT_TRUE(wait);
  EXPECT_EQ(*wait, 20s) << "it is open the second time in a row";
}

TEST_F(PolicyMemory, OneBrokenEntityIsRememberedAlone) {
  Guard first("plant", options(), clock);
  for (int i = 0; i < 2; ++i) call(first, broken);
  Guard next("plant", options(), clock);
  restore_policies(next, clock, policy_memory(first, clock));
  EXPECT_EQ(call(next, [] {}), "circuit_open");
  EXPECT_EQ(call(next, [] {}, "Vendors"), "ok");
}

TEST_F(PolicyMemory, AProbeThatIsDueIsOneProbe) {
  Guard first("plant", options(), clock);
  for (int i = 0; i < 2; ++i) call(first, offline);
  const std::string kept = policy_memory(first, clock);
  clock.advance(1h);
  Guard next("plant", options(), clock);
  restore_policies(next, clock, kept);
  EXPECT_EQ(next.connection_breaker()->state(), BreakerState::open);
  EXPECT_EQ(call(next, [] {}), "ok");
  EXPECT_EQ(next.connection_breaker()->state(), BreakerState::closed);
  EXPECT_EQ(policy_memory(next, clock), "") << "it is well again";
}

TEST_F(PolicyMemory, ALimiterGoesOnAsSlowlyAsItWasToldTo) {
  Guard first("plant", options(), clock);
  for (int i = 0; i < 20; ++i) call(first, [] {}), clock.advance(100ms);
  const auto throttled = [] {
    Error error(Category::rate_limit, "too many");
    error.retry_after = 30s;
    throw error;
  };
  call(first, throttled);
  const auto told = first.rate_limiter()->metrics();
  ASSERT_LT(*told.per_second, 20);
  clock.advance(10s);
  const std::string kept = policy_memory(first, clock);

  Guard next("plant", options(), clock);
  restore_policies(next, clock, kept);
  EXPECT_NEAR(*next.rate_limiter()->metrics().per_second, *told.per_second, 0.01);
  EXPECT_TRUE(next.rate_limiter()->metrics().adapted);
  EXPECT_NEAR(std::chrono::duration<double>(next.rate_limiter()->try_acquire()).count(), 20.0, 0.001);
  clock.advance(20s);
  EXPECT_EQ(next.rate_limiter()->try_acquire(), 0ns);
  EXPECT_GT(next.rate_limiter()->try_acquire(), 0ns) << "one passes, no burst";
  clock.advance(2h);
  EXPECT_EQ(policy_memory(next, clock), "") << "hours later it is forgotten";
}

TEST_F(PolicyMemory, AClockThatWasMovedMakesNoWaitLonger) {
  Guard first("plant", options(), clock);
  for (int i = 0; i < 2; ++i) call(first, offline);
  const std::string kept = policy_memory(first, clock);
  ManualClock earlier;  // its wall clock is where the first one's was, or before
  Guard next("plant", options(), earlier);
  restore_policies(next, earlier, kept);
  const auto wait = next.connection_breaker()->metrics().retry_after;
  ASSERT_TRUE(wait);
  EXPECT_LE(*wait, 10s);
}

TEST_F(PolicyMemory, WhatIsOffStaysOffAndNonsenseIsLeft) {
  Guard first("plant", options(), clock);
  for (int i = 0; i < 2; ++i) call(first, offline);
  const std::string kept = policy_memory(first, clock);
  GuardOptions off;
  off.retry.reset();
  off.connection_breaker.reset();
  off.operation_breaker.reset();
  off.rate_limiter.reset();
  Guard without("plant", off, clock);
  restore_policies(without, clock, kept);
  EXPECT_EQ(call(without, [] {}), "ok");
  for (const std::string& text : {std::string("{"), std::string("[]"), std::string("{}"), std::string(R"({"saved_at":"x","breakers":[]})"),
                                  std::string(R"({"saved_at":1,"breakers":[{"entity":1}]})"), kept.substr(0, kept.size() / 2)}) {
    Guard guard("plant", options(), clock);
    restore_policies(guard, clock, text);
    EXPECT_EQ(call(guard, [] {}), "ok") << text;
  }
  Guard guard("plant", options(), clock);
  restore_policies(guard, clock,
                   R"({"saved_at":-9223372036854775808,"breakers":[{"entity":"","operation":"","opened_in_a_row":0,)"
                   R"("remaining_us":9223372036854775807}]})");
  EXPECT_EQ(guard.connection_breaker()->state(), BreakerState::open);
}

}  // namespace
}  // namespace switchgear

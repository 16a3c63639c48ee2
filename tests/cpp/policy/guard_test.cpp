#include "switchgear/policy/guard.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class GuardTest : public testing::Test {
 protected:
  static GuardOptions options() {
    GuardOptions result;
    for (auto* breaker : {&result.connection_breaker, &result.operation_breaker}) {
      (*breaker)->window = CountWindow{10};
      (*breaker)->min_calls = 4;
      (*breaker)->open_for.initial = 5s;
    }
    return result;
  }

  static GuardOptions without_retry() {
    GuardOptions result = options();
    result.retry.reset();
    return result;
  }

  /// The category that comes out; "ok" for none.
  std::string run(Guard& guard, const GuardCall& call, const std::function<void(Attempt&)>& attempt) {
    try {
      guard.run(call, attempt);
      return "ok";
    } catch (const Error& error) {
      return error.code();
    }
  }

  static void throw_server(Attempt&) { throw Error(Category::server, "broken inside"); }
  static void throw_offline(Attempt&) { throw Error(Category::offline, "lost", "reset"); }

  ManualClock clock;
  UniformRandom half = [] { return 0.5; };
};

TEST_F(GuardTest, ReturnsWhatTheAttemptReturns) {
  Guard guard("sap", options(), clock, half);
  EXPECT_EQ(guard.run({}, [](Attempt&) { return std::string("page"); }), "page");
  EXPECT_EQ(*guard.run({}, [](Attempt&) { return std::make_unique<int>(3); }), 3);
  EXPECT_EQ(guard.counters().attempts, 2U);
  EXPECT_EQ(guard.counters().waited_ns, 0);
}

TEST_F(GuardTest, RetriesAndCounts) {
  Guard guard("sap", options(), clock, half);
  GuardCounters mine;
  std::vector<std::uint32_t> numbers;
  EXPECT_EQ(run(guard, {.counters = &mine},
                [&](Attempt& attempt) {
                  numbers.push_back(attempt.number);
                  if (attempt.number < 3) throw Error(Category::unavailable, "503");
                }),
            "ok");
  EXPECT_EQ(numbers, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(mine.attempts, 3U);
  EXPECT_EQ(mine.retries, 2U);
  EXPECT_EQ(mine.waited_ns, std::chrono::nanoseconds(1500ms).count());
  EXPECT_EQ(guard.counters().retries, 2U);
  EXPECT_EQ(clock.slept(), 1500ms);
}

TEST_F(GuardTest, APostIsNotRepeatedBlindly) {
  Guard guard("sap", options(), clock, half);
  EXPECT_EQ(run(guard, {.subject = {"POST", false}}, throw_server), "server");
  EXPECT_EQ(guard.counters().attempts, 1U);
  EXPECT_EQ(run(guard, {.subject = {"POST", true}}, throw_server), "server");
  EXPECT_EQ(guard.counters().attempts, 4U);
}

TEST_F(GuardTest, AReplyMayBeReturnedThoughItFailed) {
  Guard guard("sap", options(), clock, half);
  int sent = 0;
  const int status = guard.run({}, [&](Attempt& attempt) {
    ++sent;
    attempt.error = Error(Category::server, "500");
    return 500;
  });
  EXPECT_EQ(status, 500);
  EXPECT_EQ(sent, 3);
  EXPECT_EQ(guard.connection_breaker()->metrics().failures, 0U);
  EXPECT_EQ(guard.operation_breaker("", "")->metrics().failures, 3U);
}

TEST_F(GuardTest, OneBrokenEntityDoesNotStopTheRest) {
  Guard guard("sap", without_retry(), clock, half);
  const GuardCall broken{.entity = "WorkOrders", .operation = "read"};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(run(guard, broken, throw_server), "server");
  EXPECT_EQ(run(guard, broken, throw_server), "circuit_open");
  EXPECT_EQ(run(guard, {.entity = "WorkOrders", .operation = "create"}, [](Attempt&) {}), "ok");
  EXPECT_EQ(run(guard, {.entity = "Assets", .operation = "read"}, [](Attempt&) {}), "ok");
  EXPECT_EQ(guard.connection_breaker()->state(), BreakerState::closed);
  EXPECT_EQ(guard.counters().refused, 1U);
}

TEST_F(GuardTest, ADeadHostStopsEverything) {
  Guard guard("sap", without_retry(), clock, half);
  for (const char* entity : {"A", "B", "C", "D"}) EXPECT_EQ(run(guard, {.entity = entity}, throw_offline), "offline.lost");
  bool sent = false;
  EXPECT_EQ(run(guard, {.entity = "E"}, [&](Attempt&) { sent = true; }), "circuit_open");
  EXPECT_FALSE(sent);
  clock.advance(5s);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(run(guard, {.entity = "E"}, [](Attempt&) {}), "ok");
  EXPECT_EQ(guard.connection_breaker()->state(), BreakerState::closed) << "the host's return closes it without help";
}

TEST_F(GuardTest, BothPermitsAreTakenOrNeither) {
  Guard guard("sap", without_retry(), clock, half);
  guard.operation_breaker("A", "read")->force_open();
  guard.connection_breaker()->reset();
  for (const char* entity : {"w", "x", "y", "z"}) run(guard, {.entity = entity}, throw_offline);
  clock.advance(5s);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(run(guard, {.entity = "A", .operation = "read"}, [](Attempt&) {}), "circuit_open");
  ASSERT_EQ(guard.connection_breaker()->state(), BreakerState::half_open);
  EXPECT_EQ(guard.connection_breaker()->metrics().calls, 0U);
  std::vector<Permit> permits;
  for (int i = 0; i < 3; ++i) permits.push_back(std::move(*guard.connection_breaker()->acquire()));
  EXPECT_FALSE(guard.connection_breaker()->acquire()) << "all three were still there, none was lost";
}

TEST_F(GuardTest, OutcomesThatSayNothingAreNeutral) {
  Guard guard("sap", without_retry(), clock, half);
  for (const Category category : {Category::cancelled, Category::bad_request, Category::not_found, Category::conflict, Category::permission,
                                  Category::rate_limit, Category::auth_invalid, Category::too_large, Category::protocol}) {
    for (int i = 0; i < 10; ++i) {
      run(guard, {}, [&](Attempt&) { throw Error(category, "x"); });
    }
  }
  EXPECT_EQ(guard.connection_breaker()->metrics().calls, 0U);
  EXPECT_EQ(guard.operation_breaker("", "")->metrics().calls, 0U);
}

TEST_F(GuardTest, AnythingElseThrownPassesThroughAndReturnsAllLeases) {
  Guard guard("sap", options(), clock, half);
  EXPECT_THROW(guard.run({}, [](Attempt&) { throw std::logic_error("a bug"); }), std::logic_error);
  EXPECT_EQ(guard.counters().attempts, 1U);
  EXPECT_EQ(guard.concurrency()->metrics().in_flight, 0U);
  EXPECT_EQ(guard.operation_breaker("", "")->metrics().calls, 0U);
}

TEST_F(GuardTest, AThrottleSlowsTheConnectionAndIsRetried) {
  Guard guard("sap", options(), clock, half);
  EXPECT_EQ(run(guard, {.subject = {"POST", false}},
                [&](Attempt& attempt) {
                  if (attempt.number > 1) return;
                  Error error(Category::rate_limit, "429");
                  error.retry_after = 30s;
                  throw error;
                }),
            "ok");
  EXPECT_EQ(clock.slept(), 30s) << "retry and limiter wait for the same thing, once";
  EXPECT_EQ(guard.rate_limiter()->metrics().throttles, 1U);
  EXPECT_TRUE(guard.rate_limiter()->metrics().per_second);
  EXPECT_EQ(guard.concurrency()->metrics().limit, 18U);
  EXPECT_EQ(guard.operation_breaker("", "")->metrics().failures, 0U);
}

TEST_F(GuardTest, WaitingForTheLimiterIsNoSlowCall) {
  GuardOptions slow = options();
  slow.rate_limiter = RateLimiterOptions{.rate = Rate{1, 100s}, .burst = 1, .adaptive = false};
  Guard guard("sap", slow, clock, half);
  for (int i = 0; i < 3; ++i) run(guard, {}, [](Attempt&) {});
  EXPECT_EQ(clock.slept(), 200s);
  EXPECT_EQ(guard.counters().waited_ns, std::chrono::nanoseconds(200s).count());
  EXPECT_EQ(guard.connection_breaker()->metrics().slow_calls, 0U);
  run(guard, {}, [&](Attempt&) { clock.advance(61s); });
  EXPECT_EQ(guard.connection_breaker()->metrics().slow_calls, 1U);
}

TEST_F(GuardTest, ABreakerThatOpensWhileACallWaitsInLineStopsIt) {
  GuardOptions paced = without_retry();
  paced.concurrency = ConcurrencyLimiterOptions{.initial = 1, .least = 1, .most = 1};
  Guard guard("sap", paced, clock, half);
  bool sent = false;
  std::string outcome;
  auto slot = guard.concurrency()->try_acquire();
  std::thread waiter([&] { outcome = run(guard, {}, [&](Attempt&) { sent = true; }); });
  while (guard.concurrency()->metrics().waiting == 0) std::this_thread::yield();
  guard.connection_breaker()->force_open();
  slot.reset();
  waiter.join();
  EXPECT_EQ(outcome, "circuit_open");
  EXPECT_FALSE(sent);
}

TEST_F(GuardTest, ABreakerThatOpensBetweenAttemptsLeavesTheRealErrorToTheCaller) {
  GuardOptions quick = options();
  quick.connection_breaker->min_calls = 1;
  Guard guard("sap", quick, clock, half);
  EXPECT_EQ(run(guard, {}, throw_offline), "offline.lost");
  EXPECT_EQ(guard.counters().attempts, 1U);
  EXPECT_EQ(run(guard, {}, throw_offline), "circuit_open");
}

TEST_F(GuardTest, CredentialsAreRenewedOnceAndCostNoRetry) {
  Guard guard("sap", options(), clock, half);
  int renewals = 0;
  GuardCall call{.subject = {"POST", false}, .renew = [&](const Error&) { return ++renewals, true; }};
  EXPECT_EQ(run(guard, call,
                [](Attempt& attempt) {
                  if (!attempt.renewed) throw Error(Category::auth_expired, "401");
                }),
            "ok");
  EXPECT_EQ(renewals, 1);
  EXPECT_EQ(guard.counters().retries, 0U);
  EXPECT_EQ(guard.counters().renewals, 1U);
  EXPECT_EQ(guard.retry()->tokens(), 500U);
  EXPECT_EQ(clock.slept(), 0ns);
  EXPECT_EQ(run(guard, call, [](Attempt&) { throw Error(Category::auth_expired, "401"); }), "auth_expired");
  EXPECT_EQ(renewals, 2) << "once in a call";
  int calls = 0;
  EXPECT_EQ(run(guard, call,
                [&](Attempt&) {
                  ++calls;
                  if (calls == 1) throw Error(Category::auth_expired, "401");
                  if (calls == 2) throw Error(Category::csrf, "403");
                }),
            "ok");
  EXPECT_EQ(renewals, 4) << "a token and a CSRF token are two things";
  call.renew = [](const Error&) -> bool { throw Error(Category::auth_invalid, "invalid_grant"); };
  EXPECT_EQ(run(guard, call, [](Attempt&) { throw Error(Category::auth_expired, "401"); }), "auth_invalid");
  call.renew = {};
  EXPECT_EQ(run(guard, call, [](Attempt&) { throw Error(Category::csrf, "403"); }), "csrf");
}

TEST_F(GuardTest, CredentialsThatAreRefusedForGoodAreLookedUpOnceMoreAndASignInsLastWordIsNot) {
  Guard guard("sap", options(), clock, half);
  std::vector<Category> asked;
  bool changed = false;
  const GuardCall call{.subject = {"POST", false}, .renew = [&](const Error& error) { return asked.push_back(error.category), changed; }};
  int calls = 0;
  const auto refused_at_first = [&](Attempt&) {
    if (++calls == 1) throw Error(Category::auth_invalid, "401");
  };
  EXPECT_EQ(run(guard, call, refused_at_first), "auth_invalid");
  EXPECT_EQ(calls, 1) << "the same password is not tried again";
  calls = 0;
  changed = true;
  EXPECT_EQ(run(guard, call, refused_at_first), "ok");
  EXPECT_EQ(asked, std::vector<Category>(2, Category::auth_invalid));
  Error of_sign_in(Category::auth_invalid, "invalid_client");
  of_sign_in.nothing_sent = true;
  EXPECT_EQ(run(guard, call, [&](Attempt&) { throw of_sign_in; }), "auth_invalid");
  EXPECT_EQ(asked.size(), 2U);
}

TEST_F(GuardTest, AStopRequestEndsEveryWait) {
  Guard guard("sap", options(), clock, half);
  std::stop_source stop;
  const GuardCall call{.stop = stop.get_token()};
  EXPECT_EQ(run(guard, call,
                [&](Attempt&) {
                  stop.request_stop();
                  throw Error(Category::server, "500");
                }),
            "cancelled");
  EXPECT_EQ(guard.counters().attempts, 1U);
  bool sent = false;
  EXPECT_EQ(run(guard, call, [&](Attempt&) { sent = true; }), "cancelled");
  EXPECT_FALSE(sent);
}

TEST_F(GuardTest, EveryPolicyCanBeOff) {
  Guard guard("sap", {.retry = {}, .connection_breaker = {}, .operation_breaker = {}, .rate_limiter = {}, .concurrency = {}}, clock, half);
  EXPECT_EQ(run(guard, {}, [](Attempt&) {}), "ok");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(run(guard, {}, throw_offline), "offline.lost");
  EXPECT_TRUE(guard.breakers().empty());
  EXPECT_NE(guard.explain().find("1 retry: off"), std::string::npos);
}

TEST_F(GuardTest, BreakersAreListedAndHeardByName) {
  Guard guard("sap", without_retry(), clock, half);
  std::vector<std::string> opened;
  guard.on_event([&](const BreakerEvent& event) {
    if (event.to == BreakerState::open && event.kind == BreakerEventKind::state_changed) opened.push_back(event.breaker);
  });
  for (int i = 0; i < 4; ++i) run(guard, {.entity = "WorkOrders", .operation = "read"}, throw_server);
  EXPECT_EQ(opened, std::vector<std::string>{"sap/WorkOrders/read"});
  const auto status = guard.breakers();
  ASSERT_EQ(status.size(), 2U);
  EXPECT_EQ(status[0].name, "sap");
  EXPECT_EQ(status[1].entity, "WorkOrders");
  EXPECT_EQ(status[1].metrics.state, BreakerState::open);
}

TEST_F(GuardTest, ExplainsItsOrder) {
  GuardOptions rated = options();
  rated.rate_limiter->rate = Rate::parse("6000/5min");
  const std::string text = Guard("sap", rated, clock, half).explain();
  EXPECT_TRUE(text.starts_with("retry( breaker( rate limiter( concurrency limiter( attempt ))))\n")) << text;
  for (const char* part : {"up to 3 attempts", "quota 500", "50 % failures", "in the last 10 calls (at least 4), for 5 s, then 3 probes",
                           "6000 requests in 300 s, burst 1", "20 requests at once"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST_F(GuardTest, ManyThreadsKeepExactCounters) {
  Guard guard("sap", options(), clock, half);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::string entity = "E" + std::to_string(t % 3);
      for (int i = 0; i < 500; ++i) guard.run({.entity = entity, .operation = "read"}, [](Attempt&) {});
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(guard.counters().attempts, 4000U);
  EXPECT_EQ(guard.connection_breaker()->metrics().total_calls, 4000U);
  std::uint64_t sum = 0;
  for (const auto& breaker : guard.breakers()) sum += breaker.entity.empty() ? 0 : breaker.metrics.total_calls;
  EXPECT_EQ(sum, 4000U);
  EXPECT_EQ(guard.concurrency()->metrics().in_flight, 0U);
}

}  // namespace
}  // namespace switchgear

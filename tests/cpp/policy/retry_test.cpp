#include "switchgear/policy/retry.hpp"

#include <gtest/gtest.h>

#include <set>

namespace switchgear {
namespace {

using namespace std::chrono_literals;

Error server_error() { return Error(Category::server, "500"); }

UniformRandom always(double value) {
  return [value] { return value; };
}

TEST(Retry, FullJitterDoublesUpToTheCap) {
  RetryOptions options;
  options.attempts = 8;
  Retry retry(options, always(0.5));
  RetryRun run = retry.start();
  for (const auto delay : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 10000ms, 10000ms}) EXPECT_EQ(run.next(server_error(), {}), delay);
  EXPECT_EQ(run.next(server_error(), {}), std::nullopt) << "eight attempts are seven retries";
  Retry none(RetryOptions{}, always(0.0));
  EXPECT_EQ(none.start().next(server_error(), {}), 0ns);
  for (const double broken : {1.0, -1.0, 7.0, std::numeric_limits<double>::quiet_NaN()}) {
    Retry odd(RetryOptions{}, always(broken));
    EXPECT_EQ(odd.start().next(server_error(), {}), 0ns);
  }
}

TEST(Retry, TheStandardModeIsThreeAttempts) {
  Retry retry(RetryOptions{}, always(0.999));
  RetryRun run = retry.start();
  EXPECT_EQ(run.next(server_error(), {}), 999ms);
  EXPECT_EQ(run.next(server_error(), {}), 1998ms);
  EXPECT_EQ(run.next(server_error(), {}), std::nullopt);
}

TEST(Retry, RetryAfterIsTheLeastWait) {
  Retry retry(RetryOptions{}, always(0.5));
  Error throttled(Category::rate_limit, "429");
  throttled.retry_after = 42s;
  EXPECT_EQ(retry.start().next(throttled, {"POST"}), 42s);
  throttled.retry_after = 100ms;
  EXPECT_EQ(retry.start().next(throttled, {"POST"}), 500ms);
  throttled.retry_after = std::chrono::milliseconds::max();
  EXPECT_EQ(retry.start().next(throttled, {}), 24h * 365) << "no overflow";
  throttled.retry_after = std::chrono::milliseconds::min();
  EXPECT_EQ(retry.start().next(throttled, {}), 500ms);
}

TEST(Retry, TheQuotaIsSpentAndRefilled) {
  Retry retry(RetryOptions{}, always(0.0));
  EXPECT_EQ(retry.tokens(), 500U);
  RetryRun run = retry.start();
  run.next(server_error(), {});
  EXPECT_EQ(retry.tokens(), 495U);
  run.next(Error(Category::timeout, "slow"), {});
  EXPECT_EQ(retry.tokens(), 485U);
  run.success();
  EXPECT_EQ(retry.tokens(), 495U) << "a retried success gives its last cost back";
  retry.start().success();
  EXPECT_EQ(retry.tokens(), 496U) << "a first-try success gives one";
  for (int i = 0; i < 10; ++i) retry.start().success();
  EXPECT_EQ(retry.tokens(), 500U) << "never above the quota";
}

TEST(Retry, AnEmptyQuotaGivesTheErrorUpUnchanged) {
  Retry retry(RetryOptions{}, always(0.0));
  int retries = 0;
  while (retry.start().next(server_error(), {})) ++retries;
  EXPECT_EQ(retries, 100);
  EXPECT_EQ(retry.tokens(), 0U);
  int calls = 0;
  ManualClock clock;
  try {
    retry.call(
        [&] {
          ++calls;
          throw server_error();
        },
        {}, clock);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message, "500");
  }
  EXPECT_EQ(calls, 1);
  RetryOptions off;
  off.quota = off.retry_cost = off.timeout_cost = 0;
  Retry without(off, always(0.0));
  EXPECT_EQ(without.start().next(server_error(), {}), std::nullopt);
}

TEST(Retry, CallSleepsBetweenAttempts) {
  ManualClock clock;
  Retry retry(RetryOptions{}, always(0.5));
  int calls = 0;
  const int result = retry.call([&] { return ++calls < 3 ? throw server_error() : 7; }, {}, clock);
  EXPECT_EQ(result, 7);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(clock.slept(), 1500ms);
  std::stop_source stopped;
  stopped.request_stop();
  try {
    retry.call([] { throw server_error(); }, {}, clock, stopped.get_token());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category, Category::cancelled);
  }
}

TEST(SystemRandom, IsUniformBelowOne) {
  const UniformRandom random = system_random();
  std::set<double> seen;
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double value = random();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    seen.insert(value);
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.05);
  EXPECT_GT(seen.size(), 9'990U);
}

struct Row {
  Category category;
  const char* detail = "";
  bool nothing_sent = false;
  int status = 0;
  bool retry_after = false;
  bool get, post, post_with_key;
};

TEST(MayRetry, EveryRowOfTheTable) {
  const Row rows[] = {
      {.category = Category::offline, .detail = "lost", .get = true, .post = false, .post_with_key = true},
      {.category = Category::offline, .detail = "lost", .nothing_sent = true, .get = true, .post = true, .post_with_key = true},
      {.category = Category::offline, .detail = "dns", .get = true, .post = true, .post_with_key = true},
      {.category = Category::offline, .detail = "connect", .get = true, .post = true, .post_with_key = true},
      {.category = Category::offline, .detail = "tls", .get = true, .post = true, .post_with_key = true},
      {.category = Category::timeout, .get = true, .post = false, .post_with_key = true},
      {.category = Category::timeout, .detail = "connect", .get = true, .post = true, .post_with_key = true},
      {.category = Category::timeout, .status = 425, .get = true, .post = true, .post_with_key = true},
      {.category = Category::timeout, .status = 408, .get = true, .post = false, .post_with_key = true},
      {.category = Category::rate_limit, .get = true, .post = true, .post_with_key = true},
      {.category = Category::server, .get = true, .post = false, .post_with_key = true},
      {.category = Category::unavailable, .get = true, .post = false, .post_with_key = true},
      {.category = Category::unavailable, .retry_after = true, .get = true, .post = true, .post_with_key = true},
      {.category = Category::conflict, .get = false, .post = false, .post_with_key = true},
      {.category = Category::conflict, .detail = "precondition", .get = false, .post = false, .post_with_key = false},
      {.category = Category::conflict, .detail = "locked", .get = false, .post = false, .post_with_key = false},
  };
  std::set<Category> seen;
  for (const Row& row : rows) {
    seen.insert(row.category);
    Error error(row.category, row.detail, "x");
    error.nothing_sent = row.nothing_sent;
    error.http_status = row.status;
    if (row.retry_after) error.retry_after = 1s;
    for (const std::string_view method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}) {
      EXPECT_EQ(may_retry(error, method, false), row.get) << error.code() << " " << method;
    }
    for (const std::string_view method : {"POST", "PATCH"}) {
      EXPECT_EQ(may_retry(error, method, false), row.post) << error.code() << " " << method << row.status;
      EXPECT_EQ(may_retry(error, method, true), row.post_with_key) << error.code() << " " << method;
    }
  }
  for (std::int32_t number = category_first; number <= category_last; ++number) {
    const Category category = *category_from(number);
    if (seen.contains(category)) continue;
    EXPECT_FALSE(may_retry(Error(category, "x"), "GET", true)) << to_string(category);
  }
}

}  // namespace
}  // namespace switchgear

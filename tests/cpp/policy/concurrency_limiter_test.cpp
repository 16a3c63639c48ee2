#include "switchgear/policy/concurrency_limiter.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <thread>
#include <vector>

namespace switchgear {
namespace {

using namespace std::chrono_literals;

TEST(ConcurrencyLimiter, RefusesBeyondItsLimitAndSlotsComeBack) {
  ConcurrencyLimiter limiter({.initial = 2, .least = 1, .most = 2});
  auto first = limiter.try_acquire();
  auto second = limiter.try_acquire();
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(limiter.try_acquire());
  first.reset();
  EXPECT_TRUE(limiter.try_acquire());
}

TEST(ConcurrencyLimiter, GrowsOnlyWhenItIsUsed) {
  ConcurrencyLimiter limiter({.initial = 4, .least = 1, .most = 5});
  limiter.try_acquire()->success();
  EXPECT_EQ(limiter.metrics().limit, 4U) << "2 x 1 < 4";
  auto a = limiter.try_acquire();
  auto b = limiter.try_acquire();
  a->success();
  EXPECT_EQ(limiter.metrics().limit, 5U) << "2 x 2 >= 4";
  auto c = limiter.try_acquire();
  auto d = limiter.try_acquire();
  c->success();
  EXPECT_EQ(limiter.metrics().limit, 5U) << "at most";
}

TEST(ConcurrencyLimiter, ADropCostsATenth) {
  ConcurrencyLimiter limiter({.initial = 20, .least = 3, .most = 100});
  limiter.try_acquire()->dropped();
  EXPECT_EQ(limiter.metrics().limit, 18U);
  limiter.try_acquire()->dropped();
  EXPECT_EQ(limiter.metrics().limit, 16U);
  for (int i = 0; i < 50; ++i) limiter.try_acquire()->dropped();
  EXPECT_EQ(limiter.metrics().limit, 3U);
  EXPECT_EQ(limiter.metrics().drops, 52U);
}

TEST(ConcurrencyLimiter, ALostSlotSaysNothingAboutTheSource) {
  ConcurrencyLimiter limiter({.initial = 2, .least = 1, .most = 9});
  {
    const auto slot = limiter.try_acquire();
  }
  EXPECT_EQ(limiter.metrics().limit, 2U);
  EXPECT_EQ(limiter.metrics().in_flight, 0U);
}

TEST(ConcurrencyLimiter, AWaiterIsWokenByAFreeSlot) {
  ConcurrencyLimiter limiter({.initial = 1, .least = 1, .most = 1});
  auto held = limiter.try_acquire();
  std::thread waiter([&] { limiter.acquire().success(); });
  while (limiter.metrics().waiting == 0) std::this_thread::yield();
  held.reset();
  waiter.join();
  EXPECT_EQ(limiter.metrics().in_flight, 0U);
}

TEST(ConcurrencyLimiter, AStopRequestEndsTheWait) {
  ConcurrencyLimiter limiter({.initial = 1, .least = 1, .most = 1});
  const auto held = limiter.try_acquire();
  std::stop_source stop;
  std::optional<Category> category;
  std::thread waiter([&] {
    try {
      limiter.acquire(stop.get_token()).success();
    } catch (const Error& error) {
      category = error.category;
    }
  });
  while (limiter.metrics().waiting == 0) std::this_thread::yield();
  stop.request_stop();
  waiter.join();
  EXPECT_EQ(category, Category::cancelled);
  EXPECT_EQ(limiter.metrics().waiting, 0U);
}

TEST(ConcurrencyLimiter, WaitsForASlotAtMostSoLong) {
  ConcurrencyLimiter limiter({.initial = 1, .least = 1, .most = 1});
  std::optional<ConcurrencyLimiter::Slot> held = limiter.acquire_for(0ns);
  ASSERT_TRUE(held);
  EXPECT_FALSE(limiter.acquire_for(1ms));
  EXPECT_EQ(limiter.metrics().waiting, 0U);
  std::thread ends([&] {
    while (limiter.metrics().waiting == 0) std::this_thread::yield();
    held->success();
  });
  EXPECT_TRUE(limiter.acquire_for(1h));
  ends.join();
}

}  // namespace
}  // namespace switchgear

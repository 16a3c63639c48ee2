#include "switchgear/store/idempotency_keys.hpp"

#include <atomic>
#include <thread>

#include "each_store.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class IdempotencyKeys : public OnEachStore {
 protected:
  IdempotencyStore keys_{*store_};
};

TEST_P(IdempotencyKeys, TheFirstGoesOnAndTheOthersGetItsReply) {
  EXPECT_FALSE(keys_.claim("me", "k1", "print").has_value());
  const auto begun = clock_.wall();
  clock_.advance(5s);
  auto second = keys_.claim("me", "k1", "other print");
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->status, 0);
  EXPECT_EQ(second->fingerprint, "print");
  EXPECT_EQ(second->begun_at, begun);
  keys_.finish("me", "k1", 200, "{\"ok\":1}");
  Store elsewhere(url(), {}, clock_);
  const auto third = IdempotencyStore(elsewhere).claim("me", "k1", "print");
  ASSERT_TRUE(third.has_value());
  EXPECT_EQ(third->status, 200);
  EXPECT_EQ(third->body, "{\"ok\":1}");
}

TEST_P(IdempotencyKeys, BelongToTheirOwner) {
  EXPECT_FALSE(keys_.claim("me", "k1", "print").has_value());
  EXPECT_FALSE(keys_.claim("you", "k1", "print").has_value());
  EXPECT_TRUE(keys_.claim("you", "k1", "print").has_value());
}

TEST_P(IdempotencyKeys, OneThatWasGivenUpIsFreeButNotOneWithAReply) {
  EXPECT_FALSE(keys_.claim("me", "k1", "print").has_value());
  keys_.release("me", "k1");
  EXPECT_FALSE(keys_.claim("me", "k1", "print").has_value());
  keys_.finish("me", "k1", 202, "{}");
  keys_.release("me", "k1");
  EXPECT_TRUE(keys_.claim("me", "k1", "print").has_value());
}

TEST_P(IdempotencyKeys, AreKeptForADay) {
  keys_.claim("me", "k1", "print");
  keys_.finish("me", "k1", 200, "{}");
  clock_.advance(24h);
  EXPECT_TRUE(keys_.claim("me", "k1", "print").has_value());
  clock_.advance(1s);
  EXPECT_FALSE(keys_.claim("me", "k1", "print").has_value());
}

TEST_P(IdempotencyKeys, AReplyThatIsTooLargeLeavesTheClaim) {
  keys_.claim("me", "k1", "print");
  EXPECT_EQ(error_of([&] { keys_.finish("me", "k1", 200, std::string((16U << 20U) + 1, 'x')); }).code(), "too_large.reply");
  EXPECT_EQ(keys_.claim("me", "k1", "print")->status, 0);
}

TEST_P(IdempotencyKeys, OfManyAtOnceOneGoesOn) {
  std::atomic<int> first = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        if (!keys_.claim("me", "k1", "print")) ++first;
      });
    }
  }
  EXPECT_EQ(first, 1);
}

FOR_EACH_DATABASE(IdempotencyKeys);

}  // namespace
}  // namespace switchgear

#include "switchgear/paging/memory_budget.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace switchgear {
namespace {

std::shared_ptr<MemoryBudget::Waiter> waiter(std::function<void()> called) {
  return std::make_shared<MemoryBudget::Waiter>(std::move(called));
}

TEST(MemoryBudget, RefusesWhatDoesNotFitAndCallsBack) {
  MemoryBudget budget(100);
  std::string called;
  std::shared_ptr<MemoryBudget::Waiter> first;
  std::shared_ptr<MemoryBudget::Waiter> second;
  first = waiter([&] { called += budget.take_or_wait(50, first) ? "1" : "-"; });
  second = waiter([&] { called += budget.take_or_wait(10, second) ? "2" : "-"; });
  EXPECT_TRUE(budget.take_or_wait(90, first));
  EXPECT_FALSE(budget.take_or_wait(50, first));
  EXPECT_FALSE(budget.take_or_wait(10, second)) << "it would fit, but another one waits";
  budget.give_back(10);
  EXPECT_EQ(called, "-") << "the first in line stays so";
  budget.give_back(40);
  EXPECT_EQ(called, "-12");
  EXPECT_EQ(budget.in_use(), 100U);
}

TEST(MemoryBudget, WhatIsAlwaysAllowedIsCounted) {
  MemoryBudget budget(100);
  budget.take(250);
  EXPECT_EQ(budget.in_use(), 250U);
  budget.give_back(200);
  EXPECT_EQ(budget.in_use(), 50U);
  EXPECT_EQ(budget.peak(), 250U);
}

TEST(MemoryBudget, WhoIsGoneOrWantsNothingDoesNotStopTheOthers) {
  MemoryBudget budget(10);
  budget.take(10);
  auto gone = waiter([] { FAIL(); });
  auto idle = waiter([] {});
  int called = 0;
  std::shared_ptr<MemoryBudget::Waiter> last;
  last = waiter([&] { called += budget.take_or_wait(5, last) ? 1 : 0; });
  EXPECT_FALSE(budget.take_or_wait(5, gone));
  EXPECT_FALSE(budget.take_or_wait(5, idle));
  EXPECT_FALSE(budget.take_or_wait(5, last));
  gone.reset();
  budget.give_back(10);
  EXPECT_EQ(called, 1);
  budget.take(10);
  EXPECT_FALSE(budget.take_or_wait(5, last));
  budget.set_max_bytes(1000);
  EXPECT_EQ(called, 2) << "more is allowed now";
}

}  // namespace
}  // namespace switchgear

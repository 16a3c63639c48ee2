#include "switchgear/base/clock.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace switchgear {
namespace {

using namespace std::chrono_literals;

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock;
  const auto before = clock.now();
  const auto wall = clock.wall();
  EXPECT_EQ(clock.now(), before);
  EXPECT_TRUE(clock.sleep_for(5s));
  EXPECT_EQ(clock.now() - before, 5s);
  EXPECT_EQ(clock.wall() - wall, 5s);
  EXPECT_EQ(clock.slept(), 5s);
}

TEST(ManualClock, AWallClockStepLeavesTheSteadyTimeAlone) {
  ManualClock clock;
  const auto before = clock.now();
  const auto wall = clock.wall();
  clock.step_wall(-1h);
  EXPECT_EQ(clock.now(), before);
  EXPECT_EQ(clock.wall() - wall, -1h);
}

TEST(SystemClock, AStopRequestEndsASleepAtOnce) {
  std::stop_source source;
  bool completed = true;
  std::thread sleeper([&] { completed = Clock::system().sleep_for(1h, source.get_token()); });
  source.request_stop();
  sleeper.join();
  EXPECT_FALSE(completed);
}

}  // namespace
}  // namespace switchgear

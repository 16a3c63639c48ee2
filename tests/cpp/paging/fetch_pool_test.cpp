#include "switchgear/paging/fetch_pool.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

namespace switchgear {
namespace {

/// Waits until `count` tasks have come here, and lets them go on together.
struct Gate {
  explicit Gate(std::ptrdiff_t count) : arrived(count) {}
  void pass() {
    arrived.count_down();
    open.wait();
  }
  std::latch arrived;
  std::latch open{1};
};

TEST(FetchPool, ConnectionsTakeTurns) {
  FetchPool pool(1);
  Gate first(1);
  std::mutex mutex;
  std::string order;
  std::latch done(11);
  pool.submit("a", [&] { first.pass(); });
  first.arrived.wait();
  for (const char* tasks : {"aaaaaa", "bbb", "cc"}) {
    for (const char* name = tasks; *name != '\0'; ++name) {
      pool.submit(std::string(1, *name), [&, name] {
        {
          const std::lock_guard lock(mutex);
          order += *name;
        }
        done.count_down();
      });
    }
  }
  first.open.count_down();
  done.wait();
  EXPECT_EQ(order, "abcabcabaaa") << "one that waits is passed by at most one task of each other connection";
}

TEST(FetchPool, AConnectionWhoseSourceHangsLeavesRoomForOthers) {
  FetchPool pool(4);
  Gate hanging(2);
  for (int i = 0; i < 10; ++i) pool.submit("hanging", [&] { hanging.pass(); });
  hanging.arrived.wait();  // half of the threads, and no more
  std::latch done(100);
  for (int i = 0; i < 100; ++i) pool.submit("well", [&] { done.count_down(); });
  done.wait();
  EXPECT_LE(pool.threads(), 4U);
  hanging.open.count_down();
}

TEST(FetchPool, UsesItsThreadsAndNoMore) {
  FetchPool pool(8);
  Gate all(8);
  for (int i = 0; i < 40; ++i) {
    pool.submit("connection " + std::to_string(i), [&, i] {
      if (i < 8) all.pass();
    });
  }
  all.arrived.wait();  // eight connections, a thread each
  EXPECT_EQ(pool.threads(), 8U);
  all.open.count_down();
}

TEST(FetchPool, ItsDestructorWaitsForWhatRunsAndDropsTheRest) {
  std::atomic<int> ran = 0;
  {
    FetchPool pool(1);
    std::binary_semaphore started(0);
    pool.submit("a", [&] {
      started.release();
      ++ran;
    });
    started.acquire();
  }
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace switchgear

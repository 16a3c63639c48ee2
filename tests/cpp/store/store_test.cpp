// Writing to the store: what shares a commit, what fails alone, and what happens when the disk, the lock or the process gives up.
#include "switchgear/store/store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <set>
#include <thread>

#include "each_store.hpp"
#include "postgres_server.hpp"
#include "switchgear/store/leases.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class Writing : public OnEachStore {
 protected:
  Writing() {
    store_->write([](DatabaseSession& session) { session.execute("create table t (id bigint primary key, s text)"); });
  }

  void insert(std::int64_t id) {
    store_->write([&](DatabaseSession& session) { session.execute("insert into t (id) values (:id)", {{"id", id}}); });
  }

  std::int64_t count() { return std::get<0>(store_->read().query_one<std::int64_t>("select count(*) from t").value()); }
};

TEST_P(Writing, GivesBackWhatTheWorkReturns) {
  const auto id = store_->write([](DatabaseSession& session) {
    return std::get<0>(session.query_one<std::int64_t>("insert into t (id) values (7) returning id").value());
  });
  EXPECT_EQ(id, 7);
  EXPECT_EQ(count(), 1);
}

TEST_P(Writing, WhatThrowsIsUndoneAndReachesItsCaller) {
  EXPECT_THROW(store_->write([](DatabaseSession& session) {
    session.execute("insert into t (id) values (1)");
    throw std::runtime_error("changed my mind");
  }),
               std::runtime_error);
  EXPECT_EQ(count(), 0);
  insert(1);
  EXPECT_EQ(error_of([&] { insert(1); }).code(), "store.constraint");
  EXPECT_EQ(count(), 1);
}

TEST_P(Writing, OfManyThreadsOnlyThoseThatFailFail) {
  constexpr int threads = 8;
  constexpr int rounds = 40;
  insert(-1);
  std::atomic<int> refused = 0;
  std::atomic<int> wrong = 0;
  std::latch start(threads);
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < threads; ++t) {
      writers.emplace_back([&, t] {
        start.arrive_and_wait();
        for (int i = 0; i < rounds; ++i) {
          const bool fails = (t + i) % 4 == 0;
          try {
            store_->write([&](DatabaseSession& session) {
              session.execute("insert into t (id) values (:id)", {{"id", t * rounds + i}});
              if (fails) session.execute("insert into t (id) values (-1)");
            });
            if (fails) ++wrong;
          } catch (const Error& error) {
            error.code() == "store.constraint" && fails ? ++refused : ++wrong;
          }
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(refused, threads * rounds / 4);
  EXPECT_EQ(count(), 1 + threads * rounds - refused);
}

TEST_P(Writing, ProcessesAndThreadsTogetherLoseNoUpdate) {
  constexpr int rounds = 30;
  store_->write([](DatabaseSession& session) { session.execute("insert into t (id, s) values (0, '0')"); });
  const auto add = [](Store& store) {
    for (int i = 0; i < rounds; ++i) {
      store.write([](DatabaseSession& session) { session.execute("update t set s = cast(cast(s as bigint) + 1 as text) where id = 0"); });
    }
  };
  std::vector<OtherProcess> processes;
  for (int p = 0; p < 2; ++p) {
    processes.emplace_back([&] {
      Store store(url());
      add(store);
    });
  }
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) threads.emplace_back([&] { add(*store_); });
  }
  for (auto& process : processes) EXPECT_EQ(process.wait(), 0);
  EXPECT_EQ(store_->read().query_one<std::string>("select s from t where id = 0"), std::make_tuple(std::to_string(4 * rounds)));
}

TEST_P(Writing, AProcessKilledInATransactionLeavesNothingOfItAndNoLock) {
  const Signpost in_the_middle;
  const Signpost never;
  OtherProcess process([&] {
    Store store(url());
    store.write([](DatabaseSession& session) { session.execute("insert into t (id) values (1)"); });
    store.write([&](DatabaseSession& session) {
      session.execute("insert into t (id) values (2)");
      in_the_middle.reach();
      never.wait();
    });
  });
  in_the_middle.wait();
  process.kill();
  insert(3);
  using Ids = std::vector<std::tuple<std::int64_t>>;
  EXPECT_EQ(store_->read().query<std::int64_t>("select id from t order by id"), (Ids{{1}, {3}}));
}

TEST_P(Writing, AfterAForkTheStoreSaysThatItCannotBeUsed) {
  OtherProcess process([&] {
    const Error error = error_of([&] { insert(1); });
    if (error.code() != "unsupported.fork") throw error;
    if (error_of([&] { store_->read(); }).code() != "unsupported.fork") throw std::runtime_error("read was let through");
  });
  EXPECT_EQ(process.wait(), 0);
}

FOR_EACH_DATABASE(Writing);

class SqliteStore : public testing::Test {
 protected:
  Folder folder_;
  std::string path_ = folder_ / "plant.db";
  ManualClock clock_;
};

TEST_F(SqliteStore, AFullDiskFailsTheOneThatIsTooLargeAndKeepsTheRest) {
  DatabaseOptions options;
  options.max_sessions = 1;  // the limit is one of the connection's
  Store store(path_, options, clock_);
  store.write([](DatabaseSession& session) { session.execute("create table t (s text)"); });
  const auto pages = std::get<0>(store.read().query_one<std::int64_t>("pragma page_count").value());
  store.read().query<std::int64_t>("pragma max_page_count = " + std::to_string(pages + 8));
  std::atomic<int> full = 0;
  std::atomic<int> kept = 0;
  std::latch start(4);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        const Error error = error_of([&] {
          store.write([&](DatabaseSession& session) {
            session.execute("insert into t (s) values (:s)", {{"s", std::string(t == 0 ? 1'000'000 : 10, 'x')}});
          });
          ++kept;
        });
        if (error.code() == "store.full") ++full;
      });
    }
  }
  EXPECT_EQ(full, 1);
  EXPECT_EQ(kept, 3);
  EXPECT_EQ(store.read().query_one<std::int64_t>("select count(*) from t"), std::make_tuple(3));
  EXPECT_EQ(store.read().query_one<std::string>("pragma integrity_check"), std::make_tuple("ok"));
}

TEST_F(SqliteStore, AFullDiskIsNamedWithWhatToDo) {
  DatabaseOptions options;
  options.max_sessions = 1;
  Store store(path_, options, clock_);
  store.read().query<std::int64_t>("pragma max_page_count = 1");
  const Error error = error_of(
      [&] { store.write([](DatabaseSession& session) { session.execute("create table big as select hex(randomblob(100000)) as x"); }); });
  EXPECT_EQ(error.code(), "store.full");
  EXPECT_NE(error.message.find(path_), std::string::npos) << error.message;
  EXPECT_NE(error.hint.find("free space"), std::string::npos) << error.hint;
}

TEST_F(SqliteStore, ALockThatAnotherProcessHoldsIsReportedAsBusyAndGoesAway) {
  Store store(path_, DatabaseOptions{.busy_timeout = 1ms}, clock_);
  const Signpost locked;
  const Signpost unlock;
  OtherProcess holder([&] {
    Store other(path_);
    other.write([&](DatabaseSession&) {
      locked.reach();
      unlock.wait();
    });
  });
  locked.wait();
  LeaseStore leases(store);
  const Error error = error_of([&] { leases.acquire("sync", "w1", 1s); });
  EXPECT_EQ(error.code(), "store.busy");
  EXPECT_TRUE(error.retryable);
  unlock.reach();
  EXPECT_EQ(holder.wait(), 0);
  EXPECT_TRUE(leases.acquire("sync", "w1", 1s).has_value());
}

TEST_F(SqliteStore, OfManyThatWaitForALockEachWaitsOnce) {
  Store store(path_, DatabaseOptions{.busy_timeout = 200ms}, clock_);
  const Signpost locked;
  const Signpost unlock;
  OtherProcess holder([&] {
    Store other(path_);
    other.write([&](DatabaseSession&) {
      locked.reach();
      unlock.wait();
    });
  });
  locked.wait();
  std::atomic<int> busy = 0;
  const auto start = Clock::system().now();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 20; ++t) {
      threads.emplace_back([&] {
        if (error_of([&] { store.write([](DatabaseSession&) {}); }).code() == "store.busy") ++busy;
      });
    }
  }
  EXPECT_EQ(busy, 20);
  EXPECT_LT(Clock::system().now() - start, 10 * 200ms) << "they waited one after the other";
  unlock.reach();
  EXPECT_EQ(holder.wait(), 0);
}

TEST_F(SqliteStore, AFileThatMayOnlyBeReadIsNamed) {
  {
    const Store store(path_, {}, clock_);
  }
  for (const char* suffix : {"", "-wal", "-shm"}) ::chmod((path_ + suffix).c_str(), 0444);
  ::chmod(folder_.path().c_str(), 0555);
  // Root may write everything, so it becomes somebody else first.
  OtherProcess reader([&] {
    constexpr uid_t nobody = 65534;
    if (::geteuid() == 0 && ::setuid(nobody) != 0) throw std::runtime_error("cannot become nobody");
    const Error error = error_of([&] {
      Store store(path_, {}, clock_);
      LeaseStore(store).acquire("sync", "w1", 1s);
    });
    if (error.code() != "store.readonly" && error.code() != "store.open") throw error;
    if (error.message.find(path_) == std::string::npos || error.hint.empty()) throw error;
  });
  EXPECT_EQ(reader.wait(), 0);
  ::chmod(folder_.path().c_str(), 0755);
}

TEST(PostgresqlStore, GoesOnAfterTheServerCutItsIdleConnections) {
  const std::string url = PostgresServer::shared().url();
  Database emptied(url);
  emptied.session().execute("drop schema public cascade");
  emptied.session().execute("create schema public");
  Store store(url);
  LeaseStore leases(store);
  ASSERT_TRUE(leases.acquire("a", "w1", 1s).has_value());
  auto session = emptied.session();
  session.query<std::int64_t>(
      "select case when pg_terminate_backend(pid, 5000) then 1 else 0 end from pg_stat_activity where datname = current_database() and "
      "pid <> pg_backend_pid()");
  EXPECT_TRUE(leases.acquire("b", "w1", 1s).has_value());
}

}  // namespace
}  // namespace switchgear

#include "switchgear/store/leases.hpp"

#include <atomic>
#include <thread>

#include "each_store.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class Leases : public OnEachStore {
 protected:
  LeaseStore leases_{*store_};

  bool holds(const Lease& lease) {
    return error_of([&] { store_->write([&](DatabaseSession& session) { LeaseStore::require(session, lease, store_->now()); }); }).code() !=
           "conflict.lease_lost";
  }
};

TEST_P(Leases, OneHolderAtATime) {
  auto first = leases_.acquire("sync/plant", "w1", 30s);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->token, 1);
  EXPECT_EQ(first->expires_at, clock_.wall() + 30s);
  EXPECT_FALSE(leases_.acquire("sync/plant", "w2", 30s).has_value());
  EXPECT_FALSE(leases_.acquire("sync/plant", "w1", 30s).has_value()) << "the same holder twice";
  EXPECT_TRUE(leases_.acquire("sync/other", "w2", 30s).has_value());
  EXPECT_EQ(leases_.find("sync/plant")->holder, "w1");
  EXPECT_TRUE(holds(*first));
}

TEST_P(Leases, OneThatRanOutIsTakenByAnotherAndItsFirstHolderFencedOff) {
  auto first = leases_.acquire("sync", "w1", 30s).value();
  clock_.advance(30s);
  EXPECT_FALSE(leases_.find("sync").has_value());
  EXPECT_FALSE(holds(first)) << "a lease that ran out protects nothing, taken or not";
  const auto second = leases_.acquire("sync", "w2", 30s).value();
  EXPECT_GT(second.token, first.token);
  EXPECT_FALSE(leases_.renew(first, 30s));
  EXPECT_FALSE(holds(first));
  EXPECT_TRUE(holds(second));
  leases_.release(first);
  EXPECT_TRUE(holds(second)) << "a late release takes the lease from its new holder";
  const Error error =
      error_of([&] { store_->write([&](DatabaseSession& session) { LeaseStore::require(session, first, store_->now()); }); });
  EXPECT_NE(error.message.find("w2 has taken it"), std::string::npos) << error.message;
}

TEST_P(Leases, ARenewedOneGoesOn) {
  auto lease = leases_.acquire("sync", "w1", 30s).value();
  for (int i = 0; i < 5; ++i) {
    clock_.advance(20s);
    ASSERT_TRUE(leases_.renew(lease, 30s));
    EXPECT_EQ(lease.expires_at, clock_.wall() + 30s);
    EXPECT_FALSE(leases_.acquire("sync", "w2", 30s).has_value());
  }
}

TEST_P(Leases, AReleasedOneIsFreeAtOnceAndItsTokenIsNeverUsedAgain) {
  const auto first = leases_.acquire("sync", "w1", 30s).value();
  leases_.release(first);
  EXPECT_FALSE(holds(first));
  EXPECT_EQ(leases_.acquire("sync", "w2", 30s)->token, first.token + 1);
}

TEST_P(Leases, AClockMovedBackLetsADeadHoldersLeaseRunOutAllTheSame) {
  auto dead = leases_.acquire("dead", "w1", 30s).value();
  auto alive = leases_.acquire("alive", "w1", 30s).value();
  clock_.step_wall(-24h);
  EXPECT_FALSE(leases_.acquire("dead", "w2", 30s).has_value());
  EXPECT_FALSE(leases_.acquire("alive", "w2", 30s).has_value());
  clock_.advance(20s);
  EXPECT_TRUE(leases_.renew(alive, 30s));
  clock_.advance(11s);
  EXPECT_TRUE(leases_.acquire("dead", "w2", 30s).has_value());
  EXPECT_FALSE(leases_.acquire("alive", "w2", 30s).has_value());
}

TEST_P(Leases, ThatLastForNoTimeAreRefused) {
  EXPECT_EQ(error_of([&] { leases_.acquire("sync", "w1", 0s); }).code(), "config.lease");
  EXPECT_FALSE(leases_.find("sync").has_value());
}

TEST_P(Leases, OfProcessesAndThreadsOneGetsItEachTime) {
  store_->write([](DatabaseSession& session) { session.execute("create table taken (n bigint primary key, who text)"); });
  // Each takes the lease, writes the next number under it, and gives it up; two at once would write the same number twice.
  const auto work = [](Store& store, const std::string& who) {
    LeaseStore leases(store);
    for (int done = 0; done < 15;) {
      const auto lease = leases.acquire("counter", who, 60s);
      if (!lease) continue;
      const auto next = std::get<0>(store.read().query_one<std::int64_t>("select coalesce(max(n), 0) + 1 from taken").value());
      store.write([&](DatabaseSession& session) {
        LeaseStore::require(session, *lease, store.now());
        session.execute("insert into taken (n, who) values (:n, :who)", {{"n", next}, {"who", who}});
      });
      leases.release(*lease);
      ++done;
    }
  };
  std::vector<OtherProcess> processes;
  for (const char* who : {"p1", "p2"}) {
    processes.emplace_back([&, who] {
      ManualClock clock;
      Store store(url(), {}, clock);
      work(store, who);
    });
  }
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (const char* who : {"t1", "t2"}) {
      threads.emplace_back([&, who] {
        try {
          work(*store_, who);
        } catch (const Error&) {
          ++failed;
        }
      });
    }
  }
  for (auto& process : processes) EXPECT_EQ(process.wait(), 0);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(store_->read().query_one<std::int64_t>("select max(n) from taken"), std::make_tuple(60));
}

FOR_EACH_DATABASE(Leases);

}  // namespace
}  // namespace switchgear

#include "switchgear/connection/status.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "fake_transport.hpp"
#include "switchgear/connection/call_services.hpp"

namespace switchgear {
namespace {

using std::chrono::seconds;

class Status : public ::testing::Test {
 protected:
  std::string state() const { return std::string(to_string(tracker.state())); }
  void fails(OperationRecord& operation, Category category, std::string detail = {}) {
    tracker.failed(operation, Error(category, std::move(detail), "no"));
  }
  void breaker(const std::string& name, BreakerState to, bool of_connection = false) {
    tracker.breaker_changed({BreakerEventKind::state_changed, name, BreakerState::closed, to, 0, clock.now()}, of_connection);
  }

  ManualClock clock;
  ErrorLog log{clock};
  StatusTracker tracker{"plant", clock};
  OperationRecord& reading = log.operation("WorkOrders", "read");
  OperationRecord& assets = log.operation("Assets", "read");
};

TEST_F(Status, IsUnknownUntilSomethingWasTried) {
  EXPECT_EQ(state(), "unknown");
  clock.advance(seconds(5));
  tracker.succeeded(reading);
  EXPECT_EQ(state(), "online");
  EXPECT_EQ(tracker.status().since, clock.wall());
  const WallTime since = clock.wall();
  clock.advance(seconds(5));
  tracker.succeeded(reading);
  EXPECT_EQ(tracker.status().since, since) << "it is online since the first success";
}

TEST_F(Status, IsOfflineWhenNoConnectionCanBeMade) {
  for (const char* detail : {"dns", "connect", "tls", "proxy"}) {
    fails(reading, Category::offline, detail);
    EXPECT_EQ(state(), "offline") << detail;
    EXPECT_EQ(tracker.status().error->code(), std::string("offline.") + detail);
    tracker.succeeded(assets);
    EXPECT_EQ(state(), "degraded") << "the other entity was not seen to work since";
    tracker.succeeded(reading);
    EXPECT_EQ(state(), "online");
    EXPECT_FALSE(tracker.status().error);
  }
  fails(reading, Category::timeout, "connect");
  EXPECT_EQ(state(), "offline");
}

TEST_F(Status, OneReplyThatFailedToComeIsAnAccidentAndThreeInARowAreNot) {
  tracker.succeeded(assets);
  fails(reading, Category::offline, "lost");
  fails(reading, Category::timeout);
  EXPECT_EQ(state(), "degraded");
  fails(reading, Category::unavailable);
  EXPECT_EQ(state(), "offline");
  fails(reading, Category::server);
  EXPECT_EQ(state(), "degraded") << "it answers";
  tracker.succeeded(reading);
  fails(reading, Category::offline, "lost");
  EXPECT_EQ(state(), "degraded") << "counted anew after a success";
}

TEST_F(Status, WantsCredentialsUntilTheyAreTaken) {
  fails(reading, Category::auth_invalid);
  EXPECT_EQ(state(), "auth_required");
  fails(reading, Category::server);
  EXPECT_EQ(state(), "auth_required");
  tracker.succeeded(reading);
  EXPECT_EQ(state(), "online");
}

TEST_F(Status, IsDegradedWhileSomeEntityFails) {
  tracker.succeeded(assets);
  fails(reading, Category::permission);
  EXPECT_EQ(state(), "degraded");
  tracker.succeeded(assets);
  EXPECT_EQ(state(), "degraded") << "a success elsewhere does not heal it";
  tracker.succeeded(reading);
  EXPECT_EQ(state(), "online");
}

TEST_F(Status, WhatTheCallerDidWrongChangesNothing) {
  tracker.succeeded(reading);
  for (const Category category : {Category::bad_request, Category::not_found, Category::conflict, Category::config, Category::cancelled,
                                  Category::circuit_open, Category::data}) {
    fails(reading, category);
    EXPECT_EQ(state(), "online") << to_string(category);
  }
}

TEST_F(Status, FollowsTheBreakers) {
  tracker.succeeded(reading);
  breaker("plant/Assets/read", BreakerState::open);
  EXPECT_EQ(state(), "degraded");
  breaker("plant", BreakerState::open, true);
  EXPECT_EQ(state(), "offline");
  breaker("plant", BreakerState::half_open, true);
  EXPECT_EQ(state(), "offline");
  breaker("plant", BreakerState::closed, true);
  EXPECT_EQ(state(), "degraded");
  breaker("plant/Assets/read", BreakerState::closed);
  EXPECT_EQ(state(), "online");
}

TEST_F(Status, PausedOutweighsEverythingAndGivesBackWhatWasBefore) {
  fails(reading, Category::auth_invalid);
  tracker.pause();
  EXPECT_EQ(state(), "paused");
  EXPECT_EQ(tracker.refusal()->code(), "circuit_open.paused");
  tracker.succeeded(assets);
  EXPECT_EQ(state(), "paused");
  fails(reading, Category::auth_invalid);
  tracker.resume();
  EXPECT_EQ(state(), "auth_required");
  EXPECT_FALSE(tracker.refusal());
  tracker.disconnect();
  EXPECT_EQ(state(), "disconnected");
  EXPECT_EQ(tracker.refusal()->code(), "circuit_open.disconnected");
}

TEST_F(Status, ListenersHearEachChangeInOrderAndMayCallBack) {
  std::vector<std::string> heard;
  tracker.on_status([](const StatusChange&) { throw std::runtime_error("a bad listener"); });
  tracker.on_status([&](const StatusChange& change) {
    heard.push_back(std::string(to_string(change.from)) + ">" + std::string(to_string(change.to)));
    EXPECT_EQ(change.connection_id, "plant");
    EXPECT_EQ(change.at, clock.wall());
    if (change.to == LiveState::offline) {
      EXPECT_EQ(change.error->code(), "offline.dns");
      tracker.pause();
    }
    tracker.status();
  });
  tracker.succeeded(reading);
  tracker.succeeded(reading);
  fails(reading, Category::offline, "dns");
  EXPECT_EQ(heard, (std::vector<std::string>{"unknown>online", "online>offline", "offline>paused"}));
}

TEST_F(Status, ManyThreadsEndInOneState) {
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      OperationRecord& own = log.operation("e" + std::to_string(thread), "read");
      for (int i = 0; i < 2000; ++i) {
        if (i % 3 == 0) fails(own, i % 2 == 0 ? Category::offline : Category::server, "");
        tracker.succeeded(own);
        tracker.status();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(state(), "online");
}

TEST(ConnectionStatus, ComesWithBreakersAndLimits) {
  ManualClock clock;
  const auto connection = acme(std::make_shared<FakeTransport>([](const HttpRequest&) { return FakeTransport::reply(500, "{}"); }), clock);
  CallServices services(connection, "work_orders", "create");
  HttpRequest request;
  request.method = "POST";
  request.url = "https://acme.example/x";
  for (int i = 0; i < 10; ++i) services.send(request, {}, {});
  const ConnectionStatus status = connection->status();
  EXPECT_EQ(status.connection_id, "plant");
  EXPECT_EQ(status.state, LiveState::degraded);
  ASSERT_EQ(status.breakers.size(), 2U);
  EXPECT_EQ(status.breakers[1].entity, "work_orders");
  EXPECT_EQ(status.breakers[1].metrics.state, BreakerState::open);
  EXPECT_TRUE(status.rate);
  EXPECT_TRUE(status.concurrency);
}

}  // namespace
}  // namespace switchgear

#include "switchgear/store/events.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "event_rows.hpp"
#include "outbox_fixture.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

using Ids = std::vector<std::string>;

TEST_P(Outbox, AnEventGoesToTheEndpointsThatAreSetForItOnItsConnection) {
  add("all");
  add("failures", R"({"*":["sync.failed"]})");
  add("sap", R"({"sap-mt":["sync.*"]})");
  add("sap-or-status", R"({"sap-mt":["sync.failed"],"*":["connection.*"]})");
  EXPECT_EQ(targets(emit("sync.failed", "{}", "sap-mt")), (Ids{"all", "failures", "sap", "sap-or-status"}));
  EXPECT_EQ(targets(emit("sync.completed", "{}", "sap-mt")), (Ids{"all", "sap"}));
  EXPECT_EQ(targets(emit("sync.failed", "{}", "maximo")), (Ids{"all", "failures"}));
  EXPECT_EQ(targets(emit("connection.offline", "{}", "maximo")), (Ids{"all", "sap-or-status"}));
  EXPECT_EQ(targets(emit("connections.offline")), (Ids{"all"})) << "a word that begins alike is another";
  endpoints_.disable("all", "by hand");
  EXPECT_EQ(targets(emit("order.urgent")), Ids{});
}

TEST_P(Outbox, AFilterLooksAtTheData) {
  add("offline", R"({"*":["*"]})", R"({"error.category":["offline","timeout"]})");
  add("rejected", R"({"*":["*"]})", R"({"counts.rejected":{">":0,"<=":10}})");
  add("not-night", R"({"*":["*"]})", R"({"shift":{"!=":"night"}})");
  add("line-7", R"({"*":["*"]})", R"({"line":7})");
  EXPECT_EQ(targets(emit("a.b", R"({"error":{"category":"offline"},"shift":"night"})")), Ids{"offline"});
  EXPECT_EQ(targets(emit("a.b", R"({"counts":{"rejected":3},"shift":"night"})")), Ids{"rejected"});
  EXPECT_EQ(targets(emit("a.b", R"({"counts":{"rejected":11},"shift":"night"})")), Ids{});
  EXPECT_EQ(targets(emit("a.b", R"({"counts":{"rejected":"3"},"shift":"night"})")), Ids{}) << "a text is no number";
  EXPECT_EQ(targets(emit("a.b", R"({"line":7,"shift":"night"})")), Ids{"line-7"});
  EXPECT_EQ(targets(emit("a.b", R"({"line":8})")), Ids{"not-night"});
}

TEST_P(Outbox, TheSameThingToldAgainIsOneEvent) {
  add("ops");
  const std::string id = emit("order.urgent", R"({"n":1})", "plant", "order-17");
  EXPECT_EQ(id, "order-17");
  EXPECT_EQ(emit("order.urgent", R"({"n":2})", "plant", "order-17"), "order-17");
  ASSERT_EQ(events_.list().size(), 1U);
  EXPECT_EQ(deliveries_.list().size(), 1U);
  const json body = json::parse(events_.get("order-17").body);
  EXPECT_EQ(body["type"], "order.urgent");
  EXPECT_EQ(body["timestamp"], "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(body["data"], json::parse(R"({"connection_id":"plant","n":1})"));
  EXPECT_EQ(event_id("run/1"), event_id("run/1"));
  EXPECT_NE(event_id("run/1"), event_id("run/2"));
  EXPECT_EQ(event_id("run/1").size(), 36U);
}

TEST_P(Outbox, WhatCannotBeSentIsRefused) {
  EXPECT_EQ(error_of([&] { emit("urgent"); }).code(), "config.event");
  EXPECT_EQ(error_of([&] { emit("Order.urgent"); }).code(), "config.event");
  EXPECT_EQ(error_of([&] { emit("order.urgent", "[]"); }).code(), "config.event");
  EXPECT_EQ(error_of([&] { emit("order.urgent", "{}", "", "a.b"); }).code(), "config.event");
  EXPECT_EQ(error_of([&] { emit("order.urgent", json{{"text", std::string(20'000, 'x')}}.dump()); }).code(), "data.too_large");
  EXPECT_EQ(error_of([&] { add("ops", R"({"*":["Sync.*"]})"); }).code(), "config.endpoint");
  EXPECT_EQ(error_of([&] { add("ops", R"({"*":["*"]})", R"({"n":{"~":1}})"); }).code(), "config.endpoint");
  add("ops");
  EXPECT_EQ(error_of([&] { add("ops"); }).code(), "conflict.exists");
  const Error unknown = error_of([&] { endpoints_.get("opps"); });
  EXPECT_EQ(unknown.code(), "not_found.endpoint");
  EXPECT_NE(unknown.message.find("'ops'"), std::string::npos) << unknown.message;
}

TEST_P(Outbox, AClaimIsALeaseAndWhatIsSaidTooLateIsLeftOut) {
  add("ops");
  const std::string id = emit("order.urgent", R"({"n":1})");
  EXPECT_TRUE(deliveries_.anything_due());
  const auto first = claim();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].event_id, id);
  EXPECT_EQ(first[0].body, events_.get(id).body);
  EXPECT_TRUE(claim().empty());
  EXPECT_FALSE(deliveries_.anything_due());
  clock_.advance(30s);
  EXPECT_TRUE(deliveries_.anything_due());
  const auto second = claim();
  ASSERT_EQ(second.size(), 1U);
  claim(0, {result(first[0], DeliveryState::dead)});
  EXPECT_EQ(deliveries_.get(first[0].id).state, DeliveryState::sending);
  claim(0, {result(second[0], DeliveryState::delivered)});
  const Delivery done = deliveries_.get(first[0].id);
  EXPECT_EQ(done.state, DeliveryState::delivered);
  EXPECT_EQ(done.attempts, 1);
  EXPECT_TRUE(done.finished_at.has_value());
  EXPECT_FALSE(deliveries_.next_due().has_value());
}

TEST_P(Outbox, ARetryWaitsForItsTimeAndADeadOneIsSentAgainByHand) {
  add("ops");
  emit();
  auto claimed = claim();
  auto failed = result(claimed.at(0), DeliveryState::retry);
  failed.due_at = clock_.wall() + 30s;
  failed.status = 500;
  failed.response = "oops";
  EXPECT_TRUE(claim(1, {failed}).empty());
  EXPECT_EQ(deliveries_.next_due(), failed.due_at);
  clock_.advance(30s);
  claimed = claim();
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].attempts, 1);
  EXPECT_EQ(error_of([&] { deliveries_.redeliver(claimed[0].id); }).code(), "conflict.delivery_state");
  claim(0, {result(claimed[0], DeliveryState::dead)});
  DeliveryFilter dead;
  dead.state = DeliveryState::dead;
  ASSERT_EQ(deliveries_.list(dead).size(), 1U);
  const Delivery again = deliveries_.redeliver(claimed[0].id);
  EXPECT_EQ(again.state, DeliveryState::pending);
  EXPECT_EQ(again.attempts, 0);
  EXPECT_EQ(claim().at(0).event_id, claimed[0].event_id);
}

TEST_P(Outbox, OneThatIsDisabledGetsNothingUntilItIsEnabled) {
  add("ops");
  emit();
  emit();
  auto claimed = claim(1);
  auto gone = result(claimed.at(0), DeliveryState::dead);
  gone.disable = "it answered 410";
  EXPECT_TRUE(claim(100, {gone}).empty());
  EXPECT_FALSE(deliveries_.anything_due());
  EXPECT_EQ(endpoints_.get("ops").reason, "it answered 410");
  ASSERT_EQ(events_.list({.type = "system.error"}).size(), 1U);
  EXPECT_EQ(error_of([&] { deliveries_.redeliver(claimed[0].id); }).code(), "conflict.delivery_state");
  endpoints_.enable("ops");
  EXPECT_EQ(claim().size(), 1U);
}

TEST_P(Outbox, OneThatAsksForAPauseGetsIt) {
  add("ops");
  add("other");
  emit();
  auto claimed = claim();
  ASSERT_EQ(claimed.size(), 2U);
  auto busy = result(claimed[0], DeliveryState::retry);
  busy.due_at = busy.throttle_until = clock_.wall() + 60s;
  claim(0, {busy});
  emit();
  EXPECT_EQ(claim().size(), 1U) << "the other one";
  EXPECT_TRUE(endpoints_.get(busy.endpoint_id).throttled_until.has_value());
  clock_.advance(60s);
  EXPECT_FALSE(endpoints_.get(busy.endpoint_id).throttled_until.has_value());
  DeliveryFilter filter;
  filter.endpoint_id = busy.endpoint_id;
  const auto now = claim();
  EXPECT_EQ(std::count_if(now.begin(), now.end(), [&](const auto& each) { return each.endpoint_id == busy.endpoint_id; }), 2);
}

TEST_P(Outbox, InOrderOneThatFailsKeepsBackThoseBehindIt) {
  add("ops", R"({"*":["*"]})", "{}", true);
  const std::string first = emit();
  const std::string second = emit();
  auto claimed = claim();
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].event_id, first);
  EXPECT_TRUE(claim().empty()) << "it is under way";
  auto failed = result(claimed[0], DeliveryState::retry);
  failed.due_at = clock_.wall() + 30s;
  EXPECT_TRUE(claim(100, {failed}).empty()) << "it waits";
  clock_.advance(30s);
  claimed = claim();
  EXPECT_EQ(claimed.at(0).event_id, first);
  claimed = claim(100, {result(claimed[0], DeliveryState::delivered)});
  EXPECT_EQ(claimed.at(0).event_id, second);
}

TEST_P(Outbox, ARateIsKeptByAllSendersTogether) {
  add("ops", R"({"*":["*"]})", "{}", false, 20);
  for (int i = 0; i < 100; ++i) emit();
  std::size_t claimed = 0;
  for (int i = 0; i < 100; ++i) {
    claimed += claim().size();
    clock_.advance(10ms);
  }
  EXPECT_GE(claimed, 18U);
  EXPECT_LE(claimed, 22U);
}

TEST_P(Outbox, ABacklogTakesNoMoreThanItsShareOfAClaim) {
  for (const char* id : {"a", "b", "c"}) add(id);
  for (int i = 0; i < 20; ++i) emit();
  DeliveryClaim claim;
  claim.most = 30;
  std::map<std::string, int> counts;
  for (const ClaimedDelivery& each : deliveries_.settle_and_claim({}, claim)) ++counts[each.endpoint_id];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"a", 10}, {"b", 10}, {"c", 10}}));
}

TEST_P(Outbox, KeysRotateAndRunOut) {
  add("ops");
  const std::string old = endpoints_.keys("ops").at(0).text;
  endpoints_.rotate("ops", "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldw==", 1h);
  auto keys = endpoints_.keys("ops");
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].text, "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldw==");
  EXPECT_EQ(keys[1].text, old);
  EXPECT_EQ(endpoints_.get("ops").version, 2);
  clock_.advance(1h);
  EXPECT_EQ(endpoints_.keys("ops").size(), 1U);
  for (const auto& [sealed] : store_->read().query<std::string>("select sealed from secrets"))
    EXPECT_EQ(sealed.find("whsec"), std::string::npos);
  endpoints_.remove("ops");
  EXPECT_TRUE(secrets_.names().empty());
}

TEST_P(Outbox, AConnectionThatGoesAndComesBackIsToldOnceEach) {
  add("ops", R"({"plant":["connection.*"]})");
  EXPECT_FALSE(events_.connection_seen("plant", Reach::online, "")) << "that a new one works is no news";
  EXPECT_TRUE(events_.connection_seen("plant", Reach::offline, R"({"category":"offline","code":"offline.connect","message":"m"})"));
  EXPECT_FALSE(events_.connection_seen("plant", Reach::offline, ""));
  EXPECT_TRUE(events_.connection_seen("plant", Reach::auth_required, ""));
  EXPECT_TRUE(events_.connection_seen("plant", Reach::online, ""));
  EXPECT_TRUE(events_.connection_seen("plant", Reach::offline, ""));
  Ids types;
  for (const StoredEvent& each : events_.list({.after = 0})) types.push_back(each.type);
  EXPECT_EQ(types, (Ids{"connection.offline", "connection.auth_required", "connection.online", "connection.offline"}));
  const json first = json::parse(events_.list({.after = 0}).front().body);
  EXPECT_EQ(first["data"]["error"]["code"], "offline.connect");
  EXPECT_EQ(deliveries_.list().size(), 4U);
}

/// What somebody has who asks again and again for what is behind the last one.
class Follower {
 public:
  explicit Follower(EventStore& events) : events_(events) {}

  const Ids& look() {
    EventFilter filter;
    filter.after = last_;
    for (const StoredEvent& event : events_.list(filter)) {
      ids_.push_back(event.id);
      last_ = event.number;
    }
    return ids_;
  }

 private:
  EventStore& events_;
  std::int64_t last_ = 0;
  Ids ids_;
};

/// Where several write at the same time.
using OutboxOfMany = OnEachDatabase;

TEST_P(OutboxOfMany, WhoFollowsMissesNoneThatIsCommittedLaterThanTheNextOne) {
  Store slow(url());
  Store quick(url());
  EventStore events(quick);
  Follower follower(events);

  std::promise<void> recorded;
  std::promise<void> go_on;
  std::thread first([&] {
    slow.write([&](DatabaseSession& session) {
      store_detail::record_event(session, {"order.urgent", "{}", "", "first", {}}, slow.now());
      recorded.set_value();
      go_on.get_future().wait();
    });
  });
  recorded.get_future().wait();
  auto second = std::async(std::launch::async, [&] { events.record({"order.urgent", "{}", "", "second", {}}); });
  // It has either come to its end, which it must not, or waits for its turn.
  const auto waits = [&] {
    auto session = quick.read();
    return session.query_one<std::string>("select locktype from pg_locks where locktype = 'advisory' and not granted limit 1").has_value();
  };
  while (!waits() && second.wait_for(1ms) != std::future_status::ready) {
  }
  follower.look();
  go_on.set_value();
  first.join();
  second.get();
  EXPECT_EQ(follower.look(), (Ids{"first", "second"}));
}

TEST_P(Outbox, WhoFollowsManyWritersMissesNone) {
  constexpr int writers = 4;
  constexpr int each = 40;
  std::atomic<int> at_work{writers};
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < each; ++i) emit("order.urgent", "{}", "", std::to_string(writer) + "/" + std::to_string(i));
      --at_work;
    });
  }
  Follower follower(events_);
  while (at_work > 0) follower.look();
  Ids seen = follower.look();
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()) - seen.begin(), writers * each);
}

FOR_EACH_DATABASE(Outbox);
INSTANTIATE_TEST_SUITE_P(Databases, OutboxOfMany, testing::Values(DatabaseKind::postgresql), [](const auto&) { return "postgresql"; });

}  // namespace
}  // namespace switchgear

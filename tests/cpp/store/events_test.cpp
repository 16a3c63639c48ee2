#include "switchgear/store/events.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "each_store.hpp"
#include "event_rows.hpp"
#include "switchgear/store/deliveries.hpp"
#include "switchgear/store/endpoints.hpp"
#include "switchgear/store/runs.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class Outbox : public OnEachStore {
 protected:
  SecretStore secrets_{*store_, Secret(base64_key)};
  EventStore events_{*store_};
  EndpointStore endpoints_{*store_, secrets_};
  DeliveryStore deliveries_{*store_};

  void add(const std::string& id, const std::string& events = R"({"*":["*"]})", const std::string& filter = "{}", bool ordered = false,
           double rate = 0) {
    StoredEndpoint endpoint;
    endpoint.id = id;
    endpoint.url = "https://ops.example/" + id;
    endpoint.events_json = events;
    endpoint.filter_json = filter;
    endpoint.ordered = ordered;
    endpoint.rate = rate;
    endpoints_.add(endpoint, "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0");
  }

  std::string emit(const std::string& type = "order.urgent", const std::string& data = "{}", const std::string& connection = "",
                   const std::string& id = "") {
    NewEvent event;
    event.type = type;
    event.data_json = data;
    event.connection_id = connection;
    event.id = id;
    return events_.record(event);
  }

  std::vector<ClaimedDelivery> claim(std::int64_t room = 100, const std::vector<DeliveryResult>& results = {}) {
    DeliveryClaim claim;
    claim.sender = "s1";
    claim.lease = 30s;
    claim.room = [room](const std::string&) { return room; };
    return deliveries_.settle_and_claim(results, claim);
  }

  static DeliveryResult result(const ClaimedDelivery& claimed, DeliveryState state) {
    DeliveryResult result;
    result.id = claimed.id;
    result.fence = claimed.fence;
    result.endpoint_id = claimed.endpoint_id;
    result.state = state;
    return result;
  }

  std::vector<std::string> targets(const std::string& event_id) {
    DeliveryFilter filter;
    filter.event_id = event_id;
    std::vector<std::string> ids;
    for (const Delivery& each : deliveries_.list(filter)) ids.push_back(each.endpoint_id);
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  static constexpr const char* base64_key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
};

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

class RunEvents : public Outbox {
 protected:
  RunStore runs_{*store_};

  RunEvents() {
    store_->write([](DatabaseSession& session) {
      session.execute(
          "insert into connections (id, connector, config, secrets, auth, network, policies, entities, schedule, timezone, destination, "
          "owner, state, version, created_at, updated_at) values ('plant', 'odata', '{}', '{}', '', '{}', '{}', '{}', '', 'UTC', '', "
          "'hub', "
          "'active', 1, 1, 1)");
    });
  }

  std::string end_run(RunState state, const std::string& error = "") {
    switchgear::Run run;
    run.id = runs_.new_id();
    run.connection_id = "plant";
    run.cause = "manual";
    run.started_at = clock_.wall();
    RunEntity entity;
    entity.entity = "WorkOrders";
    run.entities = {entity};
    runs_.begin(run);
    entity.state = state == RunState::partial ? RunState::failed : state;
    entity.counts.read = entity.counts.written = 7;
    entity.error = error;
    runs_.entity_finished(run.id, entity);
    runs_.finished(run.id, state, error);
    return run.id;
  }
};

TEST_P(RunEvents, ARunThatEndsIsAnEventInItsTransaction) {
  const std::string completed = end_run(RunState::completed);
  const std::string failed = end_run(RunState::failed, error_json(Error(Category::offline, "connect", "no")));
  const std::string partial = end_run(RunState::partial, error_json(Error(Category::data, "no")));
  end_run(RunState::cancelled, error_json(Error(Category::cancelled, "stopped", "no")));
  const auto events = events_.list({.after = 0});
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].type, "sync.completed");
  EXPECT_EQ(events[0].id, event_id("run/" + completed));
  const json data = json::parse(events[0].body)["data"];
  EXPECT_EQ(data["connection_id"], "plant");
  EXPECT_EQ(data["run_id"], completed);
  EXPECT_EQ(data["counts"]["written"], 7);
  EXPECT_EQ(data["entities"][0]["entity"], "WorkOrders");
  EXPECT_FALSE(data.contains("error"));
  EXPECT_EQ(events[1].type, "sync.failed");
  EXPECT_EQ(json::parse(events[1].body)["data"]["error"]["code"], "offline.connect");
  EXPECT_EQ(events[2].type, "sync.failed");
  EXPECT_EQ(json::parse(events[2].body)["data"]["status"], "partial");
}

TEST_P(RunEvents, ARunThatDiedIsAnEventOnce) {
  switchgear::Run run;
  run.id = runs_.new_id();
  run.connection_id = "plant";
  run.started_at = clock_.wall();
  runs_.begin(run);
  EXPECT_EQ(runs_.settle_interrupted(), 1);
  EXPECT_EQ(runs_.settle_interrupted(), 0);
  const auto events = events_.list();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].id, event_id("run/" + run.id));
  EXPECT_EQ(json::parse(events[0].body)["data"]["error"]["code"], "failed.interrupted");
}

/// A source that could not be asked what it has: nothing was synced, and that is a run, too.
TEST_P(RunEvents, ARunThatCouldNotBeginIsOneThatFailed) {
  switchgear::Run run;
  run.id = runs_.new_id();
  run.connection_id = "plant";
  run.started_at = clock_.wall();
  run.error = error_json(Error(Category::offline, "connect", "nobody answers"));
  runs_.failed_to_begin(run, SeenReach{Reach::offline, run.error});
  EXPECT_EQ(runs_.get(run.id).state, RunState::failed);
  EXPECT_EQ(runs_.errors("plant", "", std::nullopt).size(), 1U);
  Ids types;
  for (const StoredEvent& each : events_.list({.after = 0})) types.push_back(each.type);
  EXPECT_EQ(types, (Ids{"sync.failed", "connection.offline"}));
  EXPECT_EQ(runs_.settle_interrupted(), 0);
}

TEST_P(RunEvents, ADestinationOrAPluginThatFailsIsASystemError) {
  end_run(RunState::failed, error_json(Error(Category::destination, "full", "no space")));
  end_run(RunState::failed, error_json(Error(Category::plugin, "it broke its contract")));
  end_run(RunState::failed, error_json(Error(Category::offline, "connect", "no")));
  EXPECT_EQ(events_.list({.type = "system.error"}).size(), 2U);
  EXPECT_EQ(events_.list({.type = "sync.*"}).size(), 3U);
}

/// An endpoint's limits hold for a run of very many entities whose errors are long.
TEST_P(RunEvents, AVeryLargeRunFitsIntoAnEvent) {
  switchgear::Run run;
  run.id = runs_.new_id();
  run.connection_id = "plant";
  run.started_at = clock_.wall();
  for (int i = 0; i < 300; ++i) {
    RunEntity entity;
    entity.entity = "Entity" + std::to_string(i);
    run.entities.push_back(entity);
  }
  runs_.begin(run);
  const std::string error = error_json(Error(Category::server, std::string(50'000, 'x')));
  for (RunEntity& entity : run.entities) {
    entity.state = RunState::failed;
    entity.error = error;
    runs_.entity_finished(run.id, entity);
  }
  runs_.finished(run.id, RunState::failed, error);
  const auto events = events_.list();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_LT(events[0].body.size(), most_event_bytes);
  const json data = json::parse(events[0].body)["data"];
  EXPECT_EQ(data["entities"].size() + data["entities_left_out"].get<std::size_t>(), 300U);
}

FOR_EACH_DATABASE(Outbox);
INSTANTIATE_TEST_SUITE_P(Databases, OutboxOfMany, testing::Values(DatabaseKind::postgresql), [](const auto&) { return "postgresql"; });
FOR_EACH_DATABASE(RunEvents);

}  // namespace
}  // namespace switchgear

#include "switchgear/store/flows.hpp"

#include <thread>

#include "each_store.hpp"
#include "switchgear/store/events.hpp"
#include "switchgear/store/flow_execution.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class Flows : public OnEachStore {
 protected:
  FlowStart start(std::int64_t concurrency = 1) const {
    FlowStart start;
    start.flow = "close";
    start.cause = "manual";
    start.holder = "w1";
    start.lease = 30s;
    start.concurrency = concurrency;
    return start;
  }

  FlowStart for_event(const std::string& id) const {
    FlowStart begun = start(5);
    begun.cause = "event";
    begun.event_id = id;
    begun.event_json = "{}";
    return begun;
  }

  FlowExecution begun() { return FlowExecution::begin(*store_, start()).value(); }

  FlowStore flows_{*store_};
};

TEST_P(Flows, AnExecutionIsKeptFromItsBeginningToItsEnd) {
  FlowExecution execution = begun();
  const std::string id = execution.run().id;
  EXPECT_EQ(flows_.get(id).state, RunState::in_progress);
  execution.step_started("find");
  execution.step_finished("find", "[1, 2]");
  execution.step_started("write");
  execution.step_failed("write", R"({"code": "offline"})");
  execution.step_started("write");
  FlowBatches batches;
  batches.position = 50;
  batches.in_flight = 50;
  batches.digest = "abc";
  batches.counts.ok = 49;
  batches.counts.failed = 1;
  execution.keep_batches("write", 0, batches);
  batches.position = 100;
  batches.in_flight = 0;
  batches.left_json = "[7]";
  batches.counts.ok = 99;
  execution.keep_batches("write", 0, batches);
  execution.keep_batches("write", 1, batches);
  execution.add_message("warning", "write", "one failed", "{}");
  clock_.advance(5s);
  execution.finished(RunState::partial, "", false);

  const FlowRun run = flows_.get(id);
  EXPECT_EQ(run.state, RunState::partial);
  EXPECT_EQ(run.finished_at, run.started_at + 5s);
  EXPECT_EQ(run.counts.ok, 198);
  EXPECT_EQ(run.counts.failed, 2);
  const auto steps = flows_.steps(id);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].result_json, "[1, 2]");
  EXPECT_EQ(steps[1].attempts, 2);
  EXPECT_EQ(steps[1].error, "");
  const auto kept = execution.batches("write", 0).value();
  EXPECT_EQ(kept.position, 100);
  EXPECT_EQ(kept.left_json, "[7]");
  EXPECT_FALSE(execution.batches("find", 0).has_value());
  std::vector<std::string> said;
  for (const RunMessage& message : flows_.messages(id)) said.push_back(message.text);
  EXPECT_EQ(said, (std::vector<std::string>{"begun (manual) by w1", "one failed", "ended: partial"}));
  EXPECT_EQ(error_of([&] { execution.step_started("more"); }).code(), "conflict.lease_lost") << "it has ended";
}

TEST_P(Flows, OneWhoseProcessDiedIsInterruptedAndTakenUpOnce) {
  FlowExecution dead = begun();
  dead.step_started("find");
  dead.step_finished("find", "1");
  clock_.advance(29s);
  EXPECT_EQ(flows_.get(dead.run().id).state, RunState::in_progress);
  ASSERT_TRUE(dead.renew());
  clock_.advance(30s);
  const auto interrupted = flows_.interrupted();
  ASSERT_EQ(interrupted.size(), 1U);
  EXPECT_NE(interrupted[0].error.find("failed.interrupted"), std::string::npos);
  EXPECT_FALSE(dead.renew());

  FlowStart other = start();
  other.holder = "w2";
  FlowExecution alive = FlowExecution::resume(*store_, dead.run().id, other);
  EXPECT_EQ(alive.run().token, 2);
  EXPECT_EQ(alive.step("find")->result_json, "1");
  EXPECT_TRUE(flows_.interrupted().empty());
  EXPECT_EQ(error_of([&] { dead.step_started("write"); }).code(), "conflict.lease_lost");
  EXPECT_EQ(error_of([&] { FlowExecution::resume(*store_, dead.run().id, other); }).code(), "conflict.flow_busy");
  alive.finished(RunState::completed, "", false);
  EXPECT_EQ(error_of([&] { FlowExecution::resume(*store_, dead.run().id, other); }).code(), "conflict.flow_ended");
  EXPECT_EQ(error_of([&] { FlowExecution::resume(*store_, "nosuch", other); }).code(), "not_found.run");
}

TEST_P(Flows, OneThatStoodStillGoesOnIfNobodyHasTakenIt) {
  FlowExecution execution = begun();
  clock_.advance(3600s);
  EXPECT_TRUE(execution.renew());
  execution.finished(RunState::completed, "", false);
}

TEST_P(Flows, AClockThatWasMovedBackKeepsNoDeadOneAlive) {
  const FlowExecution dead = begun();
  clock_.step_wall(-1h);
  EXPECT_EQ(flows_.get(dead.run().id).state, RunState::in_progress);
  clock_.advance(30s);
  EXPECT_EQ(flows_.get(dead.run().id).state, RunState::failed);
}

TEST_P(Flows, NoMoreAreUnderWayThanMayInAnyNumberOfThreads) {
  std::atomic<int> begun{0};
  std::atomic<int> busy{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        const Error error = error_of([&] {
          FlowExecution::begin(*store_, start(3));
          ++begun;
        });
        if (error.code() == "conflict.flow_busy") ++busy;
      });
    }
  }
  EXPECT_EQ(begun, 3);
  EXPECT_EQ(busy, 5);
}

TEST_P(Flows, AnEventBeginsOneOnce) {
  ASSERT_TRUE(FlowExecution::begin(*store_, for_event("e1")).has_value());
  EXPECT_FALSE(FlowExecution::begin(*store_, for_event("e1")).has_value());
  EXPECT_TRUE(FlowExecution::begin(*store_, for_event("e2")).has_value());
  FlowStart other = for_event("e1");
  other.flow = "other";
  EXPECT_TRUE(FlowExecution::begin(*store_, other).has_value());
  EXPECT_EQ(flows_.list("close", 10).size(), 2U);
  EXPECT_EQ(flows_.list("", 10).size(), 3U);
}

TEST_P(Flows, ATimeThatIsDueIsClaimedOnceBusyOrNot) {
  const WallTime due = clock_.wall();
  FlowPlan plan{"close", "", "1h", "UTC", "flows.py:1", due, {}};
  flows_.plan(plan);
  FlowStart by_schedule = start();
  by_schedule.cause = "schedule";
  by_schedule.due = due;
  by_schedule.next = due + 1h;
  ASSERT_TRUE(FlowExecution::begin(*store_, by_schedule).has_value());
  EXPECT_FALSE(FlowExecution::begin(*store_, by_schedule).has_value());
  EXPECT_EQ(flows_.plans().front().next_at, due + 1h);
  by_schedule.due = due + 1h;
  by_schedule.next = due + 2h;
  EXPECT_EQ(error_of([&] { FlowExecution::begin(*store_, by_schedule); }).code(), "conflict.flow_busy");
  EXPECT_EQ(flows_.plans().front().next_at, due + 2h) << "the time has passed";

  plan.next_at = due + 10h;
  flows_.plan(plan);
  EXPECT_EQ(flows_.plans().front().next_at, due + 2h) << "the same schedule goes on";
  plan.schedule = "2h";
  flows_.plan(plan);
  EXPECT_EQ(flows_.plans().front().next_at, due + 10h);
}

TEST_P(Flows, AnotherEventTypeCountsFromNowOn) {
  const WallTime first = clock_.wall();
  FlowPlan plan{"close", "workorder.urgent", "", "UTC", "flows.py:1", std::nullopt, {}};
  flows_.plan(plan);
  clock_.advance(1h);
  plan.source = "flows.py:2";
  flows_.plan(plan);
  EXPECT_EQ(flows_.plans().front().events_since, first);
  plan.event_type = "workorder.closed";
  flows_.plan(plan);
  EXPECT_EQ(flows_.plans().front().events_since, first + 1h);
}

TEST_P(Flows, EventsWaitUntilTheyHaveBegunOneAndAreThenLookedThroughNoMore) {
  EventStore events(*store_);
  events.record({"workorder.urgent", "{}", "", "early", {}});
  clock_.advance(1s);
  flows_.plan({"close", "workorder.urgent", "", "UTC", "flows.py:1", std::nullopt, {}});
  events.record({"workorder.urgent", "{}", "", "first", {}});
  events.record({"workorder.closed", "{}", "", "other", {}});
  events.record({"workorder.urgent", "{}", "", "second", {}});
  using Ids = std::vector<std::string>;
  EXPECT_EQ(flows_.pending_events("close", 10), (Ids{"first", "second"})) << "not what was before the flow";
  EXPECT_EQ(flows_.pending_events("close", 1), Ids{"first"});
  EXPECT_EQ(flows_.pending_events("nosuch", 10), Ids{});
  ASSERT_TRUE(FlowExecution::begin(*store_, for_event("first")).has_value());
  EXPECT_EQ(flows_.pending_events("close", 10), Ids{"second"});
  for (int i = 0; i < 100; ++i) events.record({"workorder.closed", "{}", "", "more" + std::to_string(i), {}});
  clock_.advance(1h);
  ASSERT_TRUE(FlowExecution::begin(*store_, for_event("second")).has_value());
  EXPECT_EQ(flows_.pending_events("close", 10), Ids{});
  const auto passed = store_->read().query_one<std::int64_t>("select events_after from flows where name = 'close'");
  EXPECT_GE(std::get<0>(passed.value()), 100);
  events.record({"workorder.urgent", "{}", "", "third", {}});
  EXPECT_EQ(flows_.pending_events("close", 10), Ids{"third"});
}

TEST_P(Flows, BeginningAnewByHandGivesTheInterruptedOneUp) {
  const FlowExecution dead = begun();
  clock_.advance(31s);
  ASSERT_EQ(flows_.interrupted().size(), 1U);
  FlowExecution anew = begun();
  EXPECT_TRUE(flows_.interrupted().empty());
  anew.finished(RunState::failed, "{}", true);
  EXPECT_EQ(flows_.interrupted().size(), 1U) << "one that was told to stop counts as interrupted";
}

TEST_P(Flows, OldRunsAreRemovedWithWhatBelongsToThem) {
  FlowExecution old = FlowExecution::begin(*store_, for_event("e1")).value();
  old.step_started("find");
  old.add_message("info", "", "hello", "{}");
  old.finished(RunState::completed, "", false);
  clock_.advance(1h);
  FlowExecution fresh = begun();
  fresh.finished(RunState::completed, "", false);
  EXPECT_EQ(flows_.remove_before(clock_.wall()), 1);
  EXPECT_EQ(error_of([&] { flows_.get(old.run().id); }).code(), "not_found.run");
  EXPECT_TRUE(flows_.steps(old.run().id).empty());
  EXPECT_TRUE(flows_.messages(old.run().id).empty());
  EXPECT_EQ(flows_.get(fresh.run().id).state, RunState::completed);
  EXPECT_EQ(flows_.plans().front().events_since, clock_.wall()) << "an event whose run is forgotten begins no other";
}

FOR_EACH_DATABASE(Flows);

}  // namespace
}  // namespace switchgear

// The events of runs, which are recorded in the transactions that end them.
#include <nlohmann/json.hpp>

#include "event_rows.hpp"
#include "outbox_fixture.hpp"
#include "switchgear/store/runs.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Ids = std::vector<std::string>;

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

FOR_EACH_DATABASE(RunEvents);

}  // namespace
}  // namespace switchgear

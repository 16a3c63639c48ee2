// Whole runs from a source that changes into a destination that is as transactional as a database, both in memory.
#include "switchgear/sync/engine.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include "row_keys.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/store/connections.hpp"
#include "switchgear/store/sync_status.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

/// Records by key, each with the instant of its last change; listed by key, `page_size` a page.
struct Orders {
  std::mutex mutex;
  std::map<int, int> changed_at;  // seconds
  int page_size = 10;
  int fail_at = -1;  // the page that begins with this key is refused, once
  std::function<void(int key)> before_page = [](int) {};
};

class OrdersPlugin final : public Plugin {
 public:
  explicit OrdersPlugin(Orders& of)
      : orders(of),
        manifest_(Manifest::parse(R"({"name":"orders","version":"1.0.0","pushdown":["order"],"entities":[
          {"name":"a","key":["id"],"cursor":"at","fields":[{"name":"id","type":"int64"},{"name":"at","type":"timestamp"}]},
          {"name":"b","key":["id"],"cursor":"at","fields":[{"name":"id","type":"int64"},{"name":"at","type":"timestamp"}]},
          {"name":"keyless","fields":[{"name":"id","type":"int64"},{"name":"at","type":"timestamp"}]}]})",
                                  "the test")) {}
  const Manifest& manifest() const noexcept override { return manifest_; }
  const std::string& path() const noexcept override { return path_; }
  bool offers(std::string_view) const noexcept override { return false; }
  std::unique_ptr<Session> open(const std::string&, const Properties&, CallContext&) override;

  Orders& orders;

 private:
  Manifest manifest_;
  std::string path_;
};

using SyncRun = switchgear::Run;  // which a test's own Run() would hide

std::string instant(int seconds) { return sync_detail::instant_text(std::int64_t{seconds} * 1'000'000); }

class OrdersSession final : public Session {
 public:
  explicit OrdersSession(Orders& orders) : orders_(orders) {}
  void check(CallContext&) override {}
  std::string discover(CallContext&) override { return "{}"; }
  std::string plan(const PageRequest&, CallContext&) override { return "[]"; }
  std::vector<WriteOutcome> write_batch(const std::string&, const Properties&, const std::string&, const std::vector<WriteRecord>&, bool,
                                        CallContext&) override {
    return {};
  }

  RawPage read_page(const PageRequest& request, CallContext&) override {
    const bool newest_first = !request.order.empty();
    const int from = request.token.empty() ? 0 : std::stoi(request.token);
    if (!newest_first) orders_.before_page(from);
    const std::lock_guard lock(orders_.mutex);
    if (orders_.fail_at == from && !newest_first) {
      orders_.fail_at = -1;
      throw Error(Category::server, "the source failed");
    }
    std::vector<std::pair<int, int>> rows;
    for (const auto& [id, at] : orders_.changed_at) {
      if (request.lower.empty() || instant(at) >= request.lower) rows.emplace_back(id, at);
    }
    RawPage page;
    page.next_token = "";
    std::string body = "[";
    if (newest_first && !rows.empty()) {
      const auto newest = std::max_element(rows.begin(), rows.end(), [](auto a, auto b) { return a.second < b.second; });
      rows = {*newest};
    }
    int count = 0;
    for (const auto& [id, at] : rows) {
      if (id < from && !newest_first) continue;
      if (count == orders_.page_size) {
        page.next_token = std::to_string(id);
        break;
      }
      body += (count++ > 0 ? R"(,{"id":)" : R"({"id":)") + std::to_string(id) + R"(,"at":")" + instant(at) + "\"}";
    }
    page.body = Buffer(body + "]");
    return page;
  }

 private:
  Orders& orders_;
};

std::unique_ptr<Session> OrdersPlugin::open(const std::string&, const Properties&, CallContext&) {
  return std::make_unique<OrdersSession>(orders);
}

/// Tables that change in commits alone.
class MemoryDestination final : public Destination {
 public:
  struct Table {
    std::optional<std::string> state;
    std::map<std::int64_t, std::int64_t> rows;  // at by id
    int commits = 0;
  };

  std::unique_ptr<DestinationTable> open(const DestinationTarget& target) override {
    return std::make_unique<Writer>(*this, target.schema + "." + target.table);
  }
  const std::string& display() const noexcept override { return display_; }

  Table table(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return tables_[name];
  }
  std::function<void()> before_commit = [] {};

 private:
  class Writer final : public DestinationTable {
   public:
    Writer(MemoryDestination& all, std::string name) : all_(all), name_(std::move(name)) {}
    std::optional<std::string> state() override { return all_.table(name_).state; }
    void commit(const Checkpoint& checkpoint) override {
      all_.before_commit();
      const std::lock_guard lock(all_.mutex_);
      Table& table = all_.tables_[name_];
      if (table.state != checkpoint.previous) throw Error(Category::conflict, "lease_lost", "another one was here");
      for (const RecordBatch& batch : checkpoint.batches) {
        const sync_detail::CursorColumn ids(batch, "id");
        const sync_detail::CursorColumn times(batch, "at");
        for (std::int64_t row = 0; row < batch.length(); ++row) table.rows[ids.at(row)->number] = times.at(row)->number / 1'000'000;
      }
      table.state = checkpoint.state;
      ++table.commits;
    }

   private:
    MemoryDestination& all_;
    std::string name_;
  };

  std::mutex mutex_;
  std::map<std::string, Table> tables_;
  std::string display_ = "memory";
};

class Engine : public ::testing::Test {
 protected:
  Engine() {
    StoredConnection stored;
    stored.id = "plant";
    stored.connector = "orders";
    ConnectionStore(store).add(stored);
    ConnectionConfig config;
    config.id = "plant";
    config.guard.retry.reset();
    connection = Connection::open(std::make_shared<OrdersPlugin>(orders), std::move(config));
    for (int id = 0; id < 95; ++id) orders.changed_at[id] = 1000 + id;
  }
  ~Engine() override {
    connection.reset();
    std::filesystem::remove_all(folder);
  }

  static EntityPlan plan(const std::string& entity) {
    EntityPlan plan;
    plan.entity = entity;
    plan.lookback = 0s;
    plan.commit_rows = 20;
    return plan;
  }

  SyncRun sync(std::vector<EntityPlan> plans = {plan("a")}, SyncHost host = {}, std::size_t concurrency = 4) {
    SyncRequest request;
    request.entities = std::move(plans);
    request.concurrency = concurrency;
    DestinationSource source{"memory", false, [this] { return destination; }};
    return SyncEngine(store).run(connection, source, request, host);
  }

  std::map<std::int64_t, std::int64_t> truth() {
    const std::lock_guard lock(orders.mutex);
    return {orders.changed_at.begin(), orders.changed_at.end()};
  }

  std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) /
      ("engine-" + std::to_string(::getpid()) + "-" + ::testing::UnitTest::GetInstance()->current_test_info()->name());
  Store store{(std::filesystem::create_directories(folder), (folder / "store.db").string())};
  RunStore runs{store};
  Orders orders;
  std::shared_ptr<Connection> connection;
  std::shared_ptr<MemoryDestination> destination = std::make_shared<MemoryDestination>();
};

TEST_F(Engine, BringsEverythingThenWhatChanged) {
  const SyncRun first = sync();
  EXPECT_EQ(first.state, RunState::completed) << first.error;
  EXPECT_EQ(destination->table("plant.a").rows, truth());
  EXPECT_EQ(first.counts().written, 95);
  orders.changed_at[3] = 5000;
  orders.changed_at[200] = 5001;
  const SyncRun next = sync();
  EXPECT_EQ(next.counts().written, 2);
  EXPECT_FALSE(next.entities.front().initial);
  EXPECT_EQ(destination->table("plant.a").rows, truth());
  const SyncRun quiet = sync();
  EXPECT_EQ(quiet.counts().written, 0);
  EXPECT_EQ(quiet.counts().checkpoints, 0);
}

TEST_F(Engine, WhatChangesBehindThePlaceComesWithTheNextRun) {
  orders.before_page = [this](int from) {
    if (from != 50) return;
    const std::lock_guard lock(orders.mutex);
    orders.changed_at[7] = 3000;   // was read before
    orders.changed_at[90] = 4000;  // will be read, and is newer
  };
  sync();
  orders.before_page = [](int) {};
  sync();
  EXPECT_EQ(destination->table("plant.a").rows, truth());
}

TEST_F(Engine, AFailureIsGoneOnFrom) {
  orders.fail_at = 60;
  const SyncRun failed = sync();
  EXPECT_EQ(failed.state, RunState::failed);
  EXPECT_EQ(destination->table("plant.a").rows.size(), 60U);
  orders.changed_at[5] = 9000;  // behind the place
  const SyncRun next = sync();
  EXPECT_EQ(next.state, RunState::completed) << next.error;
  EXPECT_EQ(destination->table("plant.a").rows, truth());
  EXPECT_LE(next.counts().read, 40);
}

TEST_F(Engine, EntitiesAreSyncedSideBySideAndFailAlone) {
  orders.fail_at = 60;
  const SyncRun run = sync({plan("a"), plan("b"), plan("keyless")});
  EXPECT_EQ(run.state, RunState::partial);
  int completed = 0;
  for (const RunEntity& each : run.entities) completed += each.state == RunState::completed ? 1 : 0;
  EXPECT_EQ(completed, 1);
  EXPECT_NE(run.entities[2].error.find("config.key"), std::string::npos);
  const auto status = SyncStatusStore(store).get("plant");
  EXPECT_EQ(status.status, "partial");
  EXPECT_EQ(status.entities.size(), 3U);
}

TEST_F(Engine, AStopCommitsWhatWasRead) {
  std::atomic<bool> stop{false};
  orders.before_page = [&](int from) { stop = stop || from == 30; };
  SyncHost host;
  host.wish = [&] { return stop ? StopWish::stop : StopWish::none; };
  const SyncRun run = sync({plan("a")}, host, 1);  // in this thread, which asks after each page
  EXPECT_EQ(run.state, RunState::cancelled);
  const auto kept = destination->table("plant.a").rows.size();
  EXPECT_EQ(static_cast<std::int64_t>(kept), run.counts().written);
  orders.before_page = [](int) {};
  EXPECT_EQ(sync().state, RunState::completed);
  EXPECT_EQ(destination->table("plant.a").rows, truth());
}

TEST_F(Engine, AnEntityIsSyncedByOneRunAtATime) {
  std::optional<Error> other;
  bool first = true;
  destination->before_commit = [&] {
    if (!std::exchange(first, false)) return;
    try {
      sync();
    } catch (const Error& error) {
      other = error;
    }
  };
  const SyncRun run = sync();
  EXPECT_EQ(run.state, RunState::completed) << run.error;
  ASSERT_TRUE(other);
  EXPECT_EQ(other->code(), "conflict.locked");
  EXPECT_EQ(runs.list("plant", 10).size(), 1U) << "it was no run";
}

TEST_F(Engine, ARunThatDiedIsShownFailed) {
  SyncRun run;
  run.id = runs.new_id();
  run.connection_id = "plant";
  run.holder = "elsewhere:1";
  run.started_at = store.clock().wall();
  run.entities.push_back({});
  run.entities.back().entity = "a";
  run.entities.back().mode = "upsert";
  runs.begin(run);  // and nobody holds its lease
  EXPECT_EQ(SyncStatusStore(store).get("plant").status, "failed");
  const SyncRun seen = runs.get(run.id);
  EXPECT_EQ(seen.state, RunState::failed);
  EXPECT_NE(seen.error.find("failed.interrupted"), std::string::npos);
  EXPECT_EQ(seen.entities.front().state, RunState::failed);
}

TEST_F(Engine, AClockThatIsMovedBackKeepsNoDeadRunAliveAndEndsNoLiveOne) {
  ManualClock clock;
  Store timed((folder / "store.db").string(), {}, clock);
  RunStore seen(timed);
  SyncRun run;
  run.id = seen.new_id();
  run.connection_id = "plant";
  run.holder = "elsewhere:1";
  run.started_at = clock.wall();
  LeaseStore leases(timed);
  auto lease = leases.acquire(run_lease_name(run.id), run.holder, 60s);
  ASSERT_TRUE(lease);
  seen.begin(run);
  clock.step_wall(-24h);
  EXPECT_EQ(seen.get(run.id).state, RunState::in_progress) << "it may go on";
  clock.advance(50s);
  EXPECT_TRUE(leases.renew(*lease, 60s)) << "it does";
  EXPECT_EQ(seen.get(run.id).state, RunState::in_progress);
  clock.advance(61s);
  EXPECT_EQ(seen.get(run.id).state, RunState::failed) << "it died: a day is not waited for";
}

TEST_F(Engine, ARunThatWasTakenForDeadCommitsNothingMore) {
  bool first = true;
  destination->before_commit = [&] {
    if (!std::exchange(first, false)) return;
    store.write([&](DatabaseSession& session) { session.execute("update leases set expires_at = 0"); });
    runs.settle_interrupted();
  };
  const SyncRun run = sync();
  EXPECT_EQ(run.state, RunState::failed);
  EXPECT_EQ(destination->table("plant.a").commits, 1);
}

TEST_F(Engine, TablesAreCalledAsIsAsked) {
  SyncRequest request;
  request.entities = {plan("keyless")};
  request.entities.front().mode = SyncMode::replace;
  request.snake_case = true;
  const DestinationSource source{"memory", false, [this] { return destination; }};
  EXPECT_EQ(SyncEngine(store).run(connection, source, request, {}).state, RunState::completed);
  EXPECT_EQ(destination->table("plant.keyless").rows, truth());
  request.entities.front().read.columns = {"id", "ID"};
  const SyncRun refused = SyncEngine(store).run(connection, source, request, {});
  EXPECT_EQ(refused.state, RunState::failed);
  EXPECT_NE(refused.error.find("'id' and 'ID'"), std::string::npos) << refused.error;
}

TEST_F(Engine, WhatIsNotThereIsNamed) {
  const SyncRun unknown = sync({plan("orders")});
  EXPECT_NE(unknown.error.find("not_found.entity"), std::string::npos) << unknown.error;
  EntityPlan wrong = plan("a");
  wrong.cursor = "et";
  const SyncRun cursor = sync({wrong});
  EXPECT_NE(cursor.error.find("did you mean 'at'"), std::string::npos) << cursor.error;
  EXPECT_THROW(sync(std::vector<EntityPlan>{}), Error);
}

TEST_F(Engine, AnotherCursorBeginsAnew) {
  sync();
  EntityPlan by_id = plan("a");
  by_id.cursor = "id";
  const SyncRun run = sync({by_id});
  EXPECT_EQ(run.state, RunState::completed) << run.error;
  EXPECT_EQ(run.counts().read, 95);
  EXPECT_TRUE(run.entities.front().initial);
}

}  // namespace
}  // namespace switchgear

#include "switchgear/store/migrations.hpp"

#include <map>
#include <thread>

#include "each_database.hpp"
#include "switchgear/store/connections.hpp"
#include "switchgear/store/leases.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {
namespace {

using Columns = std::vector<std::tuple<std::string, std::string, std::string>>;

class Migrations : public OnEachDatabase {
 protected:
  /// Table, column and type of all that there is.
  static Columns columns_of(DatabaseSession& session) {
    if (session.kind() == DatabaseKind::sqlite) {
      return session.query<std::string, std::string, std::string>(
          "select t.name, c.name, c.type from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table' and t.name not like "
          "'sqlite%' order by 1, 2");
    }
    return session.query<std::string, std::string, std::string>(
        "select cast(table_name as text), cast(column_name as text), cast(data_type as text) from information_schema.columns where "
        "table_schema = 'public' order by 1, 2");
  }

  ManualClock clock_;
};

TEST_P(Migrations, AreNumberedFromOneWithoutAGap) {
  std::int64_t expected = 1;
  for (const auto& migration : migrations()) {
    EXPECT_EQ(migration.version, expected++);
    EXPECT_FALSE(migration.name.empty());
    EXPECT_FALSE(migration.statements.empty());
  }
  EXPECT_EQ(newest_schema_version(), expected - 1);
}

TEST_P(Migrations, AreRecordedWithTheirNameTimeAndMaker) {
  Database database(url());
  EXPECT_EQ(schema_version(*std::make_unique<DatabaseSession>(database.session())), 0);
  migrate(database, clock_);
  auto session = database.session();
  EXPECT_EQ(schema_version(session), newest_schema_version());
  const auto rows = session.query<std::int64_t, std::string, std::int64_t, std::string>(
      "select version, name, applied_at, applied_by from schema_migrations order by version");
  ASSERT_EQ(rows.size(), migrations().size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(std::get<0>(rows[i]), migrations()[i].version);
    EXPECT_EQ(std::get<1>(rows[i]), migrations()[i].name);
    EXPECT_EQ(std::get<2>(rows[i]), 1'700'000'000'000'000);
    EXPECT_FALSE(std::get<3>(rows[i]).empty());
  }
}

/// What each version could keep, put into it and looked for after the migration. A new migration adds its own line.
const std::map<std::int64_t, std::pair<std::string, std::string>> samples = {
    {1,
     {"insert into connections (id, connector, config, secrets, auth, network, policies, entities, schedule, timezone, destination, owner, "
      "state, version, created_at, updated_at) values ('plant', 'odata', '{\"url\":\"http://h\"}', '{}', '', '{}', '{}', '{}', '', 'UTC', "
      "'', 'hub', 'active', 3, 1, 2)",
      "select count(*) from connections where id = 'plant' and version = 3 and config like '%http%' and updated_at = 2"}},
    {2,
     {"insert into leases (name, holder, token, ttl, expires_at) values ('sync', 'w1', 41, 1000, 5)",
      "select count(*) from leases where name = 'sync' and token = 41"}},
    {3,
     {"insert into jobs (id, connection_id, entity, op, options, rank, not_before, max_attempts, state, runnable, stopped, batches, "
      "open_batches, records, ok, failed, unknown, skipped, error_code, error, created_at) values ('j1', 'plant', 'WorkOrders', 'upsert', "
      "'{}', 0, 0, 5, 'queued', 1, 0, 1, 1, 7, 0, 0, 0, 0, '', '', 9)",
      "select count(*) from jobs where id = 'j1' and records = 7 and created_at = 9"}},
    {4,
     {"insert into runs (id, connection_id, state, cause, is_full, holder, destination, started_at, error) values ('r1', 'plant', "
      "'completed', 'manual', 0, 'w1', 'duckdb:///plant.duckdb', 10, '')",
      "select count(*) from runs where id = 'r1' and connection_id = 'plant' and started_at = 10"}},
    {5,
     {"insert into api_tokens (id, name, hash, scope, created_at) values ('t1', 'ops', 'abc', 'operate', 11)",
      "select count(*) from api_tokens where hash = 'abc' and scope = 'operate' and connections is null and created_at = 11"}},
    {6,
     {"insert into deliveries (event_id, endpoint_id, state, attempts, due_at, fence, sender, status, error, response, created_at) values "
      "('evt_1', 'ops', 'retry', 2, 12, 3, 's1', 500, '', 'oops', 10)",
      "select count(*) from deliveries where event_id = 'evt_1' and due_at = 12 and response = 'oops'"}},
    {7,
     {"insert into inbox (connection_id, id, type, content_type, encoding, body, data, received_at, state, attempts, fence, due_at, error) "
      "values ('plant', 'msg_1', 'order.changed', 'application/json', '', '{}', '{}', 13, 'waiting', 0, 0, 14, '')",
      "select count(*) from inbox where id = 'msg_1' and received_at = 13 and due_at = 14"}},
    {8,
     {"insert into flow_runs (id, flow, state, cause, params, event, holder, token, lease, lease_until, interrupted, started_at, error) "
      "values ('f1', 'close-stale', 'failed', 'schedule', '{}', '', 'w1', 2, 60, 70, 1, 12, '')",
      "select count(*) from flow_runs where id = 'f1' and token = 2 and interrupted = 1 and event_id is null and started_at = 12"}},
};

TEST_P(Migrations, GoUpFromEachEarlierVersionWithDataInIt) {
  Columns fresh;
  for (std::int64_t version = 0; version <= newest_schema_version(); ++version) {
    SCOPED_TRACE("from version " + std::to_string(version));
    const std::string at = on_sqlite() ? folder_ / ("from" + std::to_string(version) + ".db") : url();
    if (!on_sqlite()) {
      Database emptied(at);
      emptied.session().execute("drop schema public cascade");
      emptied.session().execute("create schema public");
    }
    Database earlier(at);
    migrate(earlier, clock_, version);
    auto session = earlier.session();
    ASSERT_EQ(schema_version(session), version);
    for (std::int64_t v = 1; v <= version; ++v) {
      ASSERT_TRUE(samples.contains(v)) << "a sample of version " << v << " is missing";
      session.execute(samples.at(v).first);
    }
    const Store store(at, {}, clock_);
    EXPECT_EQ(schema_version(session), newest_schema_version());
    for (std::int64_t v = 1; v <= version; ++v) {
      EXPECT_EQ(session.query_one<std::int64_t>(samples.at(v).second), std::make_tuple(1)) << "data of version " << v;
    }
    if (version == 0) fresh = columns_of(session);
    EXPECT_FALSE(fresh.empty());
    EXPECT_EQ(columns_of(session), fresh) << "other tables than in a new store";
  }
}

TEST_P(Migrations, AStoreFromTheFutureIsRefusedWithBothVersionsAndWhatToDo) {
  {
    const Store store(url(), {}, clock_);
  }
  Database database(url());
  database.session().execute(
      "insert into schema_migrations (version, name, applied_at, applied_by) values (4711, 'from the future', 1, '9.8.7')");
  const Error error = error_of([&] { const Store store(url(), {}, clock_); });
  EXPECT_EQ(error.code(), "store.newer_version");
  for (const std::string& part : {std::string("4711"), std::string("9.8.7"), std::to_string(newest_schema_version()), database.display()}) {
    EXPECT_NE(error.message.find(part), std::string::npos) << part << " is not in: " << error.message;
  }
  EXPECT_NE(error.hint.find("use switchgear 9.8.7 or later"), std::string::npos) << error.hint;
  EXPECT_EQ(database.session().query<std::int64_t>("select version from schema_migrations where version < 4711").size(),
            migrations().size());
}

TEST_P(Migrations, AFailureLeavesTheVersionBeforeWhole) {
  Database database(url());
  migrate(database, clock_, 1);
  database.session().execute("create table leases (something bigint)");  // in the way of version 2
  EXPECT_EQ(error_of([&] { migrate(database, clock_); }).code(), "store.statement");
  auto session = database.session();
  EXPECT_EQ(schema_version(session), 1);
  session.execute("drop table leases");
  migrate(database, clock_);
  EXPECT_EQ(schema_version(session), newest_schema_version());
}

TEST_P(Migrations, ManyProcessesMayStartAtOnce) {
  constexpr int count = 8;
  const Signpost start;
  std::vector<OtherProcess> processes;
  for (int i = 0; i < count; ++i) {
    processes.emplace_back([&] {
      start.wait();
      const Store store(url());
    });
  }
  for (int i = 0; i < count; ++i) start.reach();
  for (auto& process : processes) EXPECT_EQ(process.wait(), 0);
  Database database(url());
  EXPECT_EQ(database.session().query<std::int64_t>("select version from schema_migrations").size(), migrations().size());
}

/// Most rounds meet no conflict, so there are many.
TEST(SqliteMigrations, ManyProcessesMayMakeTheFileAtOnce) {
  constexpr int count = 8;
  const Folder folder;
  for (int round = 0; round < 40; ++round) {
    const std::string path = folder / ("plant" + std::to_string(round) + ".db");
    const Signpost start;
    std::vector<OtherProcess> processes;
    for (int i = 0; i < count; ++i) {
      processes.emplace_back([&] {
        start.wait();
        Database(path).session();
      });
    }
    for (int i = 0; i < count; ++i) start.reach();
    for (auto& process : processes) ASSERT_EQ(process.wait(), 0) << "round " << round;
  }
}

TEST_P(Migrations, ManyThreadsMayStartAtOnce) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { EXPECT_NO_THROW(const Store store(url())); });
    }
  }
  Database database(url());
  EXPECT_EQ(database.session().query<std::int64_t>("select version from schema_migrations").size(), migrations().size());
}

FOR_EACH_DATABASE(Migrations);

}  // namespace
}  // namespace switchgear

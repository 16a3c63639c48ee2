#include "switchgear/store/database.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <limits>
#include <optional>
#include <thread>

#include "each_database.hpp"
#include "postgres_server.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

class OneSql : public OnEachDatabase {
 protected:
  OneSql() { database_.emplace(url()); }

  std::optional<Database> database_;
};

TEST_P(OneSql, ValuesComeBackAsTheyWere) {
  auto session = database_->session();
  session.execute("create table t (id bigint primary key, r double precision, s text)");
  const std::vector<std::tuple<std::int64_t, double, std::string>> rows = {
      {std::numeric_limits<std::int64_t>::min(), 0.1, ""},
      {-1, std::numeric_limits<double>::denorm_min(), "O'Neil \"漢字\" :id ; -- \n\t%"},
      {9'007'199'254'740'993, 1.0 / 3.0, std::string(1'000'000, 'x')},
      {std::numeric_limits<std::int64_t>::max(), -std::numeric_limits<double>::max(), "NULL"}};
  for (const auto& [id, real, text] : rows) {
    EXPECT_EQ(session.execute("insert into t (id, r, s) values (:id, :r, :s)", {{"id", id}, {"r", real}, {"s", text}}), 1);
  }
  EXPECT_EQ((session.query<std::int64_t, double, std::string>("select id, r, s from t order by id")), rows);
}

TEST_P(OneSql, NullIsAskedForAndNeverGuessed) {
  auto session = database_->session();
  session.execute("create table t (id bigint, s text)");
  session.execute("insert into t (id, s) values (:id, :s)", {{"id", std::monostate()}, {"s", std::monostate()}});
  const auto row = session.query_one<std::optional<std::int64_t>, std::optional<std::string>>("select id, s from t");
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(*row, std::make_tuple(std::nullopt, std::nullopt));
  EXPECT_EQ(error_of([&] { session.query<std::int64_t>("select id from t"); }).code(), "internal.sql");
}

TEST_P(OneSql, OneParameterMayStandTwice) {
  auto session = database_->session();
  session.execute("create table t (a bigint, b bigint, c bigint)");
  session.execute("insert into t (c, a, b) values (:y, :x, :x)", {{"x", 7}, {"y", 8}});
  const auto rows = session.query<std::int64_t, std::int64_t, std::int64_t>("select a, b, c from t where a = :x or b = :x", {{"x", 7}});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0], std::make_tuple(7, 7, 8));
}

TEST_P(OneSql, RowsChangedAreCounted) {
  auto session = database_->session();
  session.execute("create table t (id bigint)");
  for (int i = 0; i < 5; ++i) session.execute("insert into t (id) values (:id)", {{"id", i}});
  EXPECT_EQ(session.execute("update t set id = id + 10 where id >= :from", {{"from", 2}}), 3);
  EXPECT_EQ(session.execute("delete from t where id < :to", {{"to", 0}}), 0);
  EXPECT_FALSE(session.query_one<std::int64_t>("select id from t where id > :x", {{"x", 100}}).has_value());
}

TEST_P(OneSql, ATransactionIsAllOrNothing) {
  auto session = database_->session();
  session.execute("create table t (id bigint)");
  {
    const Transaction transaction(session);
    session.execute("insert into t (id) values (1)");
  }
  EXPECT_EQ(session.query<std::int64_t>("select id from t").size(), 0U);
  {
    Transaction transaction(session);
    session.execute("insert into t (id) values (1)");
    transaction.commit();
  }
  EXPECT_EQ(session.query<std::int64_t>("select id from t").size(), 1U);
}

TEST_P(OneSql, OthersSeeATransactionOnlyOnceItIsCommitted) {
  auto writer = database_->session();
  auto reader = database_->session();
  writer.execute("create table t (id bigint)");
  Transaction transaction(writer);
  writer.execute("insert into t (id) values (1)");
  EXPECT_EQ(reader.query<std::int64_t>("select id from t").size(), 0U);
  transaction.commit();
  EXPECT_EQ(reader.query<std::int64_t>("select id from t").size(), 1U);
}

TEST_P(OneSql, ATransactionCannotBeCommittedAfterAFailure) {
  auto session = database_->session();
  session.execute("create table t (id bigint primary key)");
  {
    Transaction transaction(session);
    session.execute("insert into t (id) values (1)");
    EXPECT_EQ(error_of([&] { session.execute("insert into t (id) values (1)"); }).code(), "store.constraint");
    EXPECT_EQ(error_of([&] { transaction.commit(); }).code(), "internal.sql");
  }
  EXPECT_EQ(session.query<std::int64_t>("select id from t").size(), 0U);
  Transaction next(session);
  session.execute("insert into t (id) values (2)");
  next.commit();
  EXPECT_EQ(session.query<std::int64_t>("select id from t").size(), 1U);
}

TEST_P(OneSql, APartOfATransactionIsUndoneAlone) {
  auto session = database_->session();
  session.execute("create table t (id bigint primary key)");
  Transaction transaction(session);
  session.execute("insert into t (id) values (1)");
  {
    Savepoint part(session);
    session.execute("insert into t (id) values (2)");
    EXPECT_EQ(error_of([&] { session.execute("insert into t (id) values (1)"); }).code(), "store.constraint");
    EXPECT_EQ(error_of([&] { part.release(); }).code(), "internal.sql");
  }
  {
    Savepoint part(session);
    session.execute("insert into t (id) values (3)");
    part.release();
  }
  transaction.commit();
  using Ids = std::vector<std::tuple<std::int64_t>>;
  EXPECT_EQ(session.query<std::int64_t>("select id from t order by id"), (Ids{{1}, {3}}));
}

TEST_P(OneSql, AResultThatWasNotReadToItsEndHoldsNothing) {
  auto session = database_->session();
  session.execute("create table t (id bigint)");
  for (const char* id : {"null", "1", "2"}) session.execute(std::string("insert into t (id) values (") + id + ")");
  const char* const sql = "select id from t order by coalesce(id, 0)";
  EXPECT_EQ(error_of([&] { session.query<std::int64_t>(sql); }).code(), "internal.sql");
  session.execute("drop table t");  // SQLite refuses it while a statement reads the table
  session.execute("create table t (id bigint)");
  session.execute("insert into t (id) values (7)");
  EXPECT_EQ(session.query<std::int64_t>(sql).at(0), std::make_tuple(7));
}

TEST_P(OneSql, AStatementThatIsRunAgainSeesNewValuesAndANewTable) {
  auto session = database_->session();
  session.execute("create table t (id bigint, s text)");
  for (const std::string text : {"a long first text", "b", ""}) {
    session.execute("insert into t (id, s) values (:id, :s)", {{"id", static_cast<std::int64_t>(text.size())}, {"s", text}});
  }
  using Rows = std::vector<std::tuple<std::string>>;
  for (const auto& [id, rows] :
       std::vector<std::pair<std::int64_t, Rows>>{{1, {{"b"}}}, {17, {{"a long first text"}}}, {2, {}}, {0, {{""}}}}) {
    EXPECT_EQ(session.query<std::string>("select s from t where id = :id", {{"id", id}}), rows) << id;
  }
  database_->session().execute("alter table t add column more bigint");
  EXPECT_EQ(session.query<std::string>("select s from t where id = :id", {{"id", 1}}), (Rows{{"b"}}));
}

TEST_P(OneSql, ForeignKeysHold) {
  auto session = database_->session();
  session.execute("create table parent (id bigint primary key)");
  session.execute("create table child (parent bigint references parent (id))");
  const Error error = error_of([&] { session.execute("insert into child (parent) values (1)"); });
  EXPECT_EQ(error.code(), "store.constraint");
  EXPECT_FALSE(error.retryable);
}

TEST_P(OneSql, AWrongStatementNamesItselfAndTheStore) {
  auto session = database_->session();
  const Error error = error_of([&] { session.execute("insert into nowhere (id) values (1)"); });
  EXPECT_EQ(error.code(), "store.statement");
  EXPECT_NE(error.message.find("insert into nowhere"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find(database_->display()), std::string::npos) << error.message;
  EXPECT_EQ(error.message.find("s%20g"), std::string::npos) << error.message;
}

TEST_P(OneSql, SessionsAreBoundedAndGivenBack) {
  DatabaseOptions options;
  options.max_sessions = 2;
  options.acquire_timeout = std::chrono::milliseconds(0);
  Database small(url(), options);
  auto first = std::make_unique<DatabaseSession>(small.session());
  auto second = small.session();
  const Error error = error_of([&] { small.session(); });
  EXPECT_EQ(error.code(), "store.busy");
  EXPECT_TRUE(error.retryable);
  first.reset();
  EXPECT_NO_THROW(small.session());
}

TEST_P(OneSql, ManyThreadsLoseNoUpdate) {
  constexpr int threads = 6;
  constexpr int rounds = 20;
  database_->session().execute("create table t (n bigint)");
  database_->session().execute("insert into t (n) values (0)");
  DatabaseOptions options;
  options.max_sessions = 3;
  Database shared(url(), options);
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&] {
        for (int k = 0; k < rounds; ++k) {
          try {
            auto session = shared.session();
            Transaction transaction(session);
            session.execute("update t set n = n + 1");
            transaction.commit();
          } catch (const Error&) {
            ++failures;
          }
        }
      });
    }
  }
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(database_->session().query<std::int64_t>("select n from t").at(0), std::make_tuple(threads * rounds));
}

FOR_EACH_DATABASE(OneSql);

TEST(SqliteDatabase, ANewFileIsItsOwnersAlone) {
  const Folder folder;
  const std::string path = folder / "plant.db";
  Database database(path);
  database.session().execute("create table t (id bigint)");
  for (const char* suffix : {"", "-wal"}) {
    struct stat info{};
    ASSERT_EQ(::stat((path + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << suffix;
  }
}

TEST(SqliteDatabase, IsOpenedForReadersBesideAWriterAndForDurability) {
  const Folder folder;
  Database database(folder / "plant.db");
  auto session = database.session();
  EXPECT_EQ(session.query<std::string>("pragma journal_mode").at(0), std::make_tuple("wal"));
  EXPECT_EQ(session.query<std::int64_t>("pragma synchronous").at(0), std::make_tuple(2));
  EXPECT_EQ(session.query<std::int64_t>("pragma foreign_keys").at(0), std::make_tuple(1));
}

TEST(SqliteDatabase, AnotherWriterIsReportedAsBusyAfterTheTimeout) {
  const Folder folder;
  const std::string path = folder / "plant.db";
  Database holder(path);
  holder.session().execute("create table t (id bigint)");
  auto session = holder.session();
  const Transaction transaction(session);
  DatabaseOptions options;
  options.busy_timeout = std::chrono::milliseconds(1);
  Database other(path, options);
  auto waiting = other.session();
  const Error error = error_of([&] { waiting.execute("insert into t (id) values (1)"); });
  EXPECT_EQ(error.code(), "store.busy");
  EXPECT_TRUE(error.retryable);
}

TEST(SqliteDatabase, MemoryIsOneDatabaseForAllSessions) {
  Database database(":memory:");
  database.session().execute("create table t (id bigint)");
  EXPECT_EQ(database.session().query<std::int64_t>("select id from t").size(), 0U);
}

TEST(SqliteDatabase, AFileOfAnotherKindIsNamed) {
  const Folder folder;
  const std::string path = folder / "notes.txt";
  std::ofstream(path) << std::string(4096, 'n');
  const Error error = error_of([&] { const Database database(path); });
  EXPECT_EQ(error.code(), "store.corrupt");
  EXPECT_NE(error.message.find(path), std::string::npos);
}

TEST(SqliteDatabase, AFolderThatIsNotThereIsNamed) {
  const Error error = error_of([] { const Database database("/nonexistent/folder/plant.db"); });
  EXPECT_EQ(error.code(), "store.open");
  EXPECT_NE(error.message.find("/nonexistent/folder/plant.db"), std::string::npos) << error.message;
}

TEST(PostgresqlDatabase, AWrongPasswordIsNotRepeated) {
  const Error error = error_of([] { const Database database(PostgresServer::shared().url("geheim42")); });
  EXPECT_EQ(error.code(), "store.open");
  EXPECT_NE(error.message.find("password authentication failed"), std::string::npos) << error.message;
  EXPECT_EQ(error.describe().find("geheim42"), std::string::npos) << error.describe();
}

TEST(PostgresqlDatabase, AConnectionThatIsCutIsLostAndANewOneTaken) {
  Database database(PostgresServer::shared().url());
  {
    auto session = database.session();
    auto other = database.session();
    // An administrator ends our connection, as a restart of the server would.
    const auto pid = session.query<std::int64_t>("select pg_backend_pid()").at(0);
    other.query<std::int64_t>("select case when pg_terminate_backend(cast(:pid as int), 5000) then 1 else 0 end",
                              {{"pid", std::get<0>(pid)}});
    const Error error = error_of([&] { session.query<std::int64_t>("select 1"); });
    EXPECT_EQ(error.code(), "store.lost") << error.describe();
    EXPECT_TRUE(error.retryable);
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(database.session().query<std::int64_t>("select 1").at(0), std::make_tuple(1));
}

TEST(PostgresqlDatabase, AServerThatIsNotThereIsReportedAtOnce) {
  PostgresServer server;
  const std::string url = server.url();
  server.stop();
  const Error error = error_of([&] { const Database database(url); });
  EXPECT_EQ(error.code(), "store.open");
  EXPECT_NE(error.message.find("Connection refused"), std::string::npos) << error.message;
}

}  // namespace
}  // namespace switchgear

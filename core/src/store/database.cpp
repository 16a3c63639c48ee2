#include "switchgear/store/database.hpp"

#include <fcntl.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "database_url.hpp"
#include "sql_text.hpp"
#include "store_error.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"

namespace switchgear {
namespace store_detail {
namespace {

/// A new database file is made here, because SQLite would let everybody read it. Its -wal and -shm files get the same rights.
void make_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);  // otherwise it exists, or SQLite will say what is wrong
}

std::string with_parameter(const std::string& url, const std::string& name, const std::string& value) {
  if (url.find(name + "=") != std::string::npos) return url;
  return url + (url.find('?') == std::string::npos ? "?" : "&") + name + "=" + value;
}

}  // namespace

struct Connection {
  Connection(const DatabaseUrl& url, const DatabaseOptions& options) {
    if (url.kind == DatabaseKind::postgresql) {
      const std::string target = with_parameter(
          with_parameter(url.target, "connect_timeout", std::to_string(options.connect_timeout.count())), "application_name", "switchgear");
      // SOCI takes its argument apart at the first '=' and puts it together again, which leaves a URL with a parameter as it is.
      sql.open(*soci::factory_postgresql(), target);
      sql << "set client_min_messages = warning";  // libpq prints notices on stderr
      // A process that stands still, or whose network is cut, in the middle of a transaction must not hold its locks against all others.
      sql << "set idle_in_transaction_session_timeout = 60000";
      return;
    }
    if (!url.in_memory()) make_private(url.target);
    sql.open(*soci::factory_sqlite3(), "db=\"" + url.target + "\"");
    sql << "pragma busy_timeout = " + std::to_string(options.busy_timeout.count());
    use_wal(options.busy_timeout);
    sql << "pragma synchronous = full";  // what was answered as stored survives a power failure
    sql << "pragma foreign_keys = on";
    on_sqlite = true;
  }

  /// Readers and a writer at the same time. Of several processes that turn a new file into one with a WAL, SQLite refuses some at once,
  /// whatever the busy timeout is: they would wait for each other's locks. So this waits itself.
  void use_wal(std::chrono::milliseconds busy_timeout) {
    const auto deadline = std::chrono::steady_clock::now() + busy_timeout;
    for (;;) {
      try {
        sql << "pragma journal_mode = wal";
        return;
      } catch (const soci::soci_error& error) {
        if (!is_busy(error) || std::chrono::steady_clock::now() >= deadline) throw;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  /// Preparing costs SQLite more than running a short statement, so each connection keeps those it has seen. PostgreSQL's are not kept: a
  /// pooler between us and it may give the next transaction to another server process.
  soci::statement prepare(const std::string& text) {
    if (const auto found = prepared.find(text); found != prepared.end()) return found->second;
    soci::statement statement(sql);
    statement.alloc();
    statement.prepare(text, soci::details::st_one_time_query);
    const bool returns_often = text.starts_with("select") || text.starts_with("insert") || text.starts_with("update") ||
                               text.starts_with("delete") || text.starts_with("with") || text.starts_with("begin") ||
                               text.starts_with("commit") || text.starts_with("savepoint") || text.starts_with("release");
    if (on_sqlite && returns_often && prepared.size() < most_prepared) prepared.emplace(text, statement);
    return statement;
  }

  /// SQLite answers a full disk, among others, by undoing the whole transaction; then there is nothing left to roll back.
  bool was_rolled_back() {
    if (!on_sqlite) return false;
    return sqlite_api::sqlite3_get_autocommit(static_cast<soci::sqlite3_session_backend*>(sql.get_backend())->conn_) != 0;
  }

  static constexpr std::size_t most_prepared = 256;

  soci::session sql;
  std::unordered_map<std::string, soci::statement> prepared;  // gone before `sql`, which they belong to
  bool on_sqlite = false;
  bool usable = true;        // false: closed instead of given back
  bool failed_once = false;  // a statement failed since the transaction began
};

/// What a Database and its sessions share.
struct Pool {
  Pool(DatabaseUrl where, DatabaseOptions limits) : url(std::move(where)), options(limits) {
    if (url.in_memory()) options.max_sessions = 1;  // each connection would have a memory of its own
    if (options.max_sessions == 0) throw Error(Category::config, "store", "max_sessions is 0, it must be at least 1");
  }

  std::unique_ptr<Connection> take() {
    std::unique_lock lock(mutex);
    if (!freed.wait_for(lock, options.acquire_timeout, [this] { return !idle.empty() || open < options.max_sessions; })) {
      throw Error(Category::store, "busy",
                  "all " + std::to_string(options.max_sessions) + " connections to the store " + url.display + " were in use for " +
                      std::to_string(options.acquire_timeout.count()) + " ms")
          .with_hint("allow more with max_sessions, or look for work that keeps its session")
          .with_retry(true);
    }
    if (!idle.empty()) {
      auto connection = std::move(idle.back());
      idle.pop_back();
      return connection;
    }
    ++open;
    lock.unlock();  // connecting may take seconds
    try {
      return std::make_unique<Connection>(url, options);
    } catch (const soci::soci_error& error) {
      forget_one();
      throw store_error(error, url, "open");
    } catch (...) {
      forget_one();
      throw;
    }
  }

  void give_back(std::unique_ptr<Connection> connection) noexcept {
    if (!connection->usable) {
      connection.reset();
      forget_one();
      return;
    }
    {
      const std::lock_guard lock(mutex);
      idle.push_back(std::move(connection));
    }
    freed.notify_one();
  }

  void forget_one() noexcept {
    {
      const std::lock_guard lock(mutex);
      --open;
    }
    freed.notify_one();
  }

  const DatabaseUrl url;
  DatabaseOptions options;
  std::mutex mutex;
  std::condition_variable freed;
  std::vector<std::unique_ptr<Connection>> idle;
  std::size_t open = 0;
};

namespace {

/// A place for SOCI to read a parameter from or write a column to; it must stay where it is while the statement runs.
struct Slot {
  long long integer = 0;
  double real = 0;
  std::string text;
  soci::indicator indicator = soci::i_ok;
};

void bind(soci::statement& statement, Slot& slot, const SqlParameter& parameter) {
  const std::string name(parameter.name);
  if (const auto* integer = std::get_if<std::int64_t>(&parameter.value)) {
    slot.integer = *integer;
    statement.exchange(soci::use(slot.integer, slot.indicator, name));
  } else if (const auto* real = std::get_if<double>(&parameter.value)) {
    slot.real = *real;
    statement.exchange(soci::use(slot.real, slot.indicator, name));
  } else {
    if (const auto* text = std::get_if<std::string>(&parameter.value)) {
      slot.text = *text;
    } else {
      slot.indicator = soci::i_null;
    }
    statement.exchange(soci::use(slot.text, slot.indicator, name));
  }
}

void bind(soci::statement& statement, Slot& slot, const Column& column) {
  switch (column.kind) {
    case Column::Kind::integer:
      return statement.exchange(soci::into(slot.integer, slot.indicator));
    case Column::Kind::real:
      return statement.exchange(soci::into(slot.real, slot.indicator));
    case Column::Kind::text:
      return statement.exchange(soci::into(slot.text, slot.indicator));
  }
}

/// A statement while it runs. One that did not come to its end is not kept: it would hold its locks, and what it read would not change.
class Running {
 public:
  Running(Connection& connection, std::string text)
      : connection_(connection), text_(std::move(text)), statement_(connection.prepare(text_)) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    statement_.bind_clean_up();
    if (!ended_) connection_.prepared.erase(text_);
  }

  soci::statement& operator*() noexcept { return statement_; }
  void end() noexcept { ended_ = true; }

 private:
  Connection& connection_;
  std::string text_;
  soci::statement statement_;
  bool ended_ = false;
};

SqlValue taken(Slot& slot, const Column& column, std::size_t index, std::string_view sql) {
  if (slot.indicator == soci::i_null) {
    if (column.nullable) return std::monostate();
    throw Error(Category::internal, "sql", "column " + std::to_string(index + 1) + " is null, in the statement: " + std::string(sql));
  }
  switch (column.kind) {
    case Column::Kind::integer:
      return static_cast<std::int64_t>(slot.integer);
    case Column::Kind::real:
      return slot.real;
    case Column::Kind::text:
      return std::move(slot.text);
  }
  return std::monostate();
}

/// Runs `work` on the connection; a connection that turns out to be broken is not used again.
template <class Work>
auto translated(Pool& pool, Connection& connection, std::string_view sql, Work&& work) {
  try {
    return work();
  } catch (const soci::soci_error& error) {
    connection.failed_once = true;
    Error mapped = store_error(error, pool.url, std::string(sql));
    if (is_lost(mapped)) connection.usable = false;
    throw mapped;
  }
}

}  // namespace
}  // namespace store_detail

using store_detail::Running;
using store_detail::Slot;

DatabaseSession::DatabaseSession(std::shared_ptr<store_detail::Pool> pool, std::unique_ptr<store_detail::Connection> connection)
    : pool_(std::move(pool)), connection_(std::move(connection)) {}

DatabaseSession::DatabaseSession(DatabaseSession&&) noexcept = default;

DatabaseSession::~DatabaseSession() {
  if (connection_) pool_->give_back(std::move(connection_));
}

DatabaseKind DatabaseSession::kind() const noexcept { return pool_->url.kind; }

std::int64_t DatabaseSession::execute(std::string_view sql, const SqlParameters& parameters) {
  store_detail::check_statement(sql, parameters);
  return store_detail::translated(*pool_, *connection_, sql, [&]() -> std::int64_t {
    std::list<Slot> inputs;
    Running running(*connection_, std::string(sql));
    soci::statement& statement = *running;
    for (const auto& parameter : parameters) store_detail::bind(statement, inputs.emplace_back(), parameter);
    statement.define_and_bind();
    statement.execute(true);
    const auto changed = statement.get_affected_rows();
    running.end();
    return changed;
  });
}

std::vector<std::vector<SqlValue>> DatabaseSession::fetch(std::string_view sql, const SqlParameters& parameters,
                                                          std::span<const store_detail::Column> columns) {
  store_detail::check_statement(sql, parameters);
  return store_detail::translated(*pool_, *connection_, sql, [&] {
    std::list<Slot> inputs;
    std::list<Slot> outputs;
    Running running(*connection_, std::string(sql));
    soci::statement& statement = *running;
    for (const auto& column : columns) store_detail::bind(statement, outputs.emplace_back(), column);
    for (const auto& parameter : parameters) store_detail::bind(statement, inputs.emplace_back(), parameter);
    statement.define_and_bind();

    std::vector<std::vector<SqlValue>> rows;
    for (bool more = statement.execute(true); more; more = statement.fetch()) {
      auto& row = rows.emplace_back();
      auto column = columns.begin();
      for (Slot& slot : outputs) {
        row.push_back(store_detail::taken(slot, *column, row.size(), sql));
        ++column;
      }
    }
    running.end();
    return rows;
  });
}

Transaction::Transaction(DatabaseSession& session) : session_(session) {
  session_.execute(session.kind() == DatabaseKind::sqlite ? "begin immediate" : "begin");
  session_.connection_->failed_once = false;
}

Transaction::~Transaction() {
  if (!open_ || !session_.connection_->usable || session_.connection_->was_rolled_back()) return;
  try {
    session_.execute("rollback");
  } catch (const std::exception& error) {
    session_.connection_->usable = false;  // closing it undoes what rollback could not
    log(LogLevel::warning, "store", std::string("a transaction could not be rolled back, its connection is closed: ") + error.what());
  }
}

void Transaction::commit() {
  // PostgreSQL answers such a commit by rolling back, without an error; SQLite commits the rest.
  if (session_.connection_->failed_once) {
    throw Error(Category::internal, "sql", "a transaction cannot be committed after one of its statements failed");
  }
  session_.execute("commit");
  open_ = false;
}

Savepoint::Savepoint(DatabaseSession& session) : session_(session) { session_.execute("savepoint part"); }

Savepoint::~Savepoint() {
  if (!open_ || undo()) return;
  session_.connection_->failed_once = true;  // so that the transaction is not committed without this part
}

void Savepoint::release() {
  if (session_.connection_->failed_once) {
    throw Error(Category::internal, "sql", "a part of a transaction cannot be kept after one of its statements failed");
  }
  session_.execute("release savepoint part");
  open_ = false;
}

bool Savepoint::undo() noexcept {
  open_ = false;
  try {
    session_.execute("rollback to savepoint part");
    session_.execute("release savepoint part");
    session_.connection_->failed_once = false;
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

Database::Database(std::string_view url, DatabaseOptions options)
    : pool_(std::make_shared<store_detail::Pool>(store_detail::DatabaseUrl::parse(url), options)) {
  session();
}

DatabaseSession Database::session() { return {pool_, pool_->take()}; }

DatabaseKind Database::kind() const noexcept { return pool_->url.kind; }

const std::string& Database::display() const noexcept { return pool_->url.display; }

}  // namespace switchgear

// The store's database: SQLite (a file; the default) or PostgreSQL (shared by several processes), spoken to in one SQL.
//
// Database owns a bounded set of connections and may be used from any thread; it must outlive its sessions. DatabaseSession is the lease
// of one connection, for one thread at a time, and gives it back when destroyed. Neither survives a fork.
// Statements name their parameters (`where id = :id`), hold no comment and end without a semicolon; columns are declared `bigint`,
// `double precision` or `text`, which both databases store and return without loss.
// Throws Error(store) with detail `open`, `lost`, `busy` (both retryable), `constraint`, `full`, `readonly`, `corrupt` or `statement`;
// Error(config, "store") for a bad URL; Error(internal, "sql") for a statement that breaks the rules above.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace switchgear {

enum class DatabaseKind { sqlite, postgresql };

struct DatabaseOptions {
  std::size_t max_sessions = 8;                       ///< open at once; `session()` waits for a free one
  std::chrono::milliseconds acquire_timeout{30'000};  ///< for a free session
  std::chrono::milliseconds busy_timeout{10'000};     ///< SQLite: for another writer, of this or another process, to finish
  std::chrono::seconds connect_timeout{10};           ///< PostgreSQL
};

/// Null, integer, real or text.
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string>;

struct SqlParameter {
  std::string_view name;  ///< without the colon
  SqlValue value;
};

using SqlParameters = std::vector<SqlParameter>;

/// What a column of a result is read as; std::optional of one of them where it may be null.
template <class T>
concept SqlColumn = std::same_as<T, std::int64_t> || std::same_as<T, double> || std::same_as<T, std::string>;

namespace store_detail {

struct Column {
  enum class Kind { integer, real, text };
  Kind kind;
  bool nullable;
};

template <class T>
struct Read {
  static_assert(SqlColumn<T>, "a column is std::int64_t, double, std::string, or std::optional of one");
  static constexpr Column column{std::same_as<T, std::int64_t> ? Column::Kind::integer
                                 : std::same_as<T, double>     ? Column::Kind::real
                                                               : Column::Kind::text,
                                 false};
  static T from(SqlValue&& value) { return std::get<T>(std::move(value)); }
};

template <class T>
struct Read<std::optional<T>> {
  static constexpr Column column{Read<T>::column.kind, true};
  static std::optional<T> from(SqlValue&& value) {
    if (std::holds_alternative<std::monostate>(value)) return std::nullopt;
    return std::get<T>(std::move(value));
  }
};

struct Connection;
struct Pool;

}  // namespace store_detail

class DatabaseSession {
 public:
  DatabaseSession(DatabaseSession&&) noexcept;
  DatabaseSession& operator=(DatabaseSession&&) = delete;
  ~DatabaseSession();

  /// Runs one statement; returns how many rows an insert, update or delete changed (for others the number means nothing).
  std::int64_t execute(std::string_view sql, const SqlParameters& parameters = {});

  /// All rows of a result that is known to be small: `for (auto& [id, name] : session.query<std::int64_t, std::string>("select …"))`.
  template <class... Columns>
  std::vector<std::tuple<Columns...>> query(std::string_view sql, const SqlParameters& parameters = {}) {
    constexpr store_detail::Column columns[] = {store_detail::Read<Columns>::column...};
    std::vector<std::tuple<Columns...>> rows;
    for (auto& row : fetch(sql, parameters, columns)) rows.push_back(read<Columns...>(row, std::index_sequence_for<Columns...>()));
    return rows;
  }

  /// The first row, if there is one.
  template <class... Columns>
  std::optional<std::tuple<Columns...>> query_one(std::string_view sql, const SqlParameters& parameters = {}) {
    auto rows = query<Columns...>(sql, parameters);
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  }

  DatabaseKind kind() const noexcept;

 private:
  friend class Database;
  friend class Savepoint;
  friend class Transaction;
  DatabaseSession(std::shared_ptr<store_detail::Pool> pool, std::unique_ptr<store_detail::Connection> connection);

  std::vector<std::vector<SqlValue>> fetch(std::string_view sql, const SqlParameters& parameters,
                                           std::span<const store_detail::Column> columns);

  template <class... Columns, std::size_t... index>
  static std::tuple<Columns...> read(std::vector<SqlValue>& row, std::index_sequence<index...>) {
    return {store_detail::Read<Columns>::from(std::move(row[index]))...};
  }

  std::shared_ptr<store_detail::Pool> pool_;
  std::unique_ptr<store_detail::Connection> connection_;
};

/// All or nothing: what was done in `session` since it began is undone unless commit() was reached. A SQLite transaction takes the write
/// lock when it begins, so that none fails half-way because another one wrote. After a statement failed, all that is left is to let the
/// transaction go: commit() throws Error(internal, "sql").
class Transaction {
 public:
  explicit Transaction(DatabaseSession& session);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  void commit();

 private:
  DatabaseSession& session_;
  bool open_ = true;
};

/// A part of a transaction that can be undone alone. One at a time in a session; undone when destroyed unless it was released.
class Savepoint {
 public:
  explicit Savepoint(DatabaseSession& session);
  Savepoint(const Savepoint&) = delete;
  Savepoint& operator=(const Savepoint&) = delete;
  ~Savepoint();

  /// What was done since becomes part of the transaction. Throws Error(internal, "sql") if one of the statements failed.
  void release();

  /// False when there is nothing left to go back to: the database has undone the whole transaction, which must be let go at once, because
  /// any further statement would be one of its own.
  [[nodiscard]] bool undo() noexcept;

 private:
  DatabaseSession& session_;
  bool open_ = true;
};

class Database {
 public:
  /// `url`: a path, "sqlite:///relative.db", "sqlite:////absolute.db", ":memory:" (one session), or libpq's
  /// "postgresql://user:password@host:port/name?sslmode=…". Opens one connection, so that what is wrong shows at once. A new SQLite file is
  /// readable by its owner alone.
  explicit Database(std::string_view url, DatabaseOptions options = {});

  DatabaseSession session();
  DatabaseKind kind() const noexcept;

  /// The URL without its password.
  const std::string& display() const noexcept;

 private:
  std::shared_ptr<store_detail::Pool> pool_;
};

}  // namespace switchgear

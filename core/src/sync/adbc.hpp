// A database by way of an ADBC driver: a shared library that is given by its path, loaded once and never unloaded.
//
// AdbcDatabase may be shared by threads; an AdbcSession is one connection, for one thread at a time, in which everything is a transaction
// until commit() or rollback(). Throws Error(destination): `driver` for a library that can't be used, and what problem_of() makes of the
// words of the database: `open`, `locked`, `readonly`, `full`, `lost`, `schema`, `statement`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/data/record_batch.hpp"

namespace switchgear::sync_detail {

struct AdbcDriver;

class AdbcDatabase {
 public:
  /// `options` are the driver's: "uri", "path" …; `display` names the database in messages.
  AdbcDatabase(const std::string& driver_path, const std::string& entry_point, const std::map<std::string, std::string>& options,
               std::string display);
  ~AdbcDatabase();
  AdbcDatabase(const AdbcDatabase&) = delete;
  AdbcDatabase& operator=(const AdbcDatabase&) = delete;

  const std::string& display() const noexcept;

 private:
  friend class AdbcSession;
  struct State;
  std::shared_ptr<State> state_;
};

class AdbcSession {
 public:
  explicit AdbcSession(AdbcDatabase& database);
  ~AdbcSession();
  AdbcSession(const AdbcSession&) = delete;
  AdbcSession& operator=(const AdbcSession&) = delete;

  void execute(const std::string& sql);

  /// The texts of a result whose columns are text, row by row; null is nothing.
  std::vector<std::vector<std::optional<std::string>>> query(const std::string& sql);

  struct Into {
    std::string schema;  ///< "": the database's own
    std::string table;
    bool create = false;     ///< else its rows are appended to a table whose columns are these, in this order
    bool temporary = false;  ///< of this session
    std::string catalog = {};
  };
  /// All `batches` have the same columns.
  void ingest(const Into& into, const std::vector<RecordBatch>& batches);

  void commit();
  void rollback() noexcept;

 private:
  class Statement;
  std::shared_ptr<AdbcDatabase::State> database_;
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

/// A value as SQL text.
std::string sql_text(std::string_view text);
/// A name, quoted.
std::string sql_name(std::string_view name);

}  // namespace switchgear::sync_detail

// A destination by way of an ADBC driver: DuckDB, PostgreSQL, SQLite.
// Source of the interface: Apache Arrow, "ADBC: Arrow Database Connectivity".
#pragma once

#include <map>
#include <memory>
#include <string>

#include "switchgear/sync/destination.hpp"

namespace switchgear {

enum class SqlDialect { duckdb, postgresql, sqlite };

struct AdbcOptions {
  SqlDialect dialect = SqlDialect::duckdb;
  std::string driver;                           ///< path of the driver's shared library
  std::string entry_point;                      ///< its first function: "duckdb_adbc_init", "AdbcDriverInit"
  std::map<std::string, std::string> database;  ///< options of the driver: "path" and "threads" (DuckDB), "uri" (PostgreSQL, SQLite)
  std::string display;                          ///< for people to read
};

/// Opens the database, so that what is wrong shows at once. Each table has a connection of its own.
std::shared_ptr<Destination> open_adbc_destination(const AdbcOptions& options);

}  // namespace switchgear

// Which database a URL means. Plain values.
#pragma once

#include <string>
#include <string_view>

#include "switchgear/store/database.hpp"

namespace switchgear::store_detail {

struct DatabaseUrl {
  DatabaseKind kind = DatabaseKind::sqlite;
  std::string target;   ///< a path or ":memory:"; for PostgreSQL the URL as libpq takes it
  std::string display;  ///< without the password

  /// Throws Error(config, "store") for a scheme that is not known and for paths that SQLite cannot be given.
  static DatabaseUrl parse(std::string_view text);

  bool in_memory() const { return kind == DatabaseKind::sqlite && target == ":memory:"; }
};

}  // namespace switchgear::store_detail

// The few words in which SQLite and PostgreSQL differ, in one place. A statement writes them in braces:
//
//   {identity}      a key that counts up by itself and is never used twice
//   {for_update}    behind a select: nobody else changes these rows until the transaction ends (SQLite: nobody writes at all)
//   {skip_locked}   the same, leaving out rows that another transaction holds
//   {only sqlite} and {only postgresql} at the beginning: a statement that the other database does not need
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "switchgear/store/database.hpp"

namespace switchgear::store_detail {

/// The statement as `kind` is told it; nothing if it is for the other database only. Throws Error(internal, "sql") for an unknown word.
std::optional<std::string> in_dialect(std::string_view statement, DatabaseKind kind);

/// One statement, translated once for each database.
class DialectSql {
 public:
  explicit DialectSql(std::string_view statement)
      : sqlite_(in_dialect(statement, DatabaseKind::sqlite).value()),
        postgresql_(in_dialect(statement, DatabaseKind::postgresql).value()) {}

  const std::string& operator()(const DatabaseSession& session) const {
    return session.kind() == DatabaseKind::sqlite ? sqlite_ : postgresql_;
  }

 private:
  std::string sqlite_;
  std::string postgresql_;
};

}  // namespace switchgear::store_detail

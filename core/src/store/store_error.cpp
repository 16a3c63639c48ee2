#include "store_error.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <string_view>

namespace switchgear::store_detail {
namespace {

struct Meaning {
  const char* detail;
  const char* hint;
  bool retryable = false;
};

constexpr Meaning statement{"statement",
                            "this is a fault of switchgear or of a store made by another version; report it with this message"};
constexpr Meaning constraint{"constraint", ""};
constexpr Meaning busy{"busy", "another process holds the database; try again, or look for a transaction that stays open", true};
constexpr Meaning full{"full", "free space on the database's disk"};
constexpr Meaning readonly{"readonly", "give this user the right to write the file, its folder or the tables"};
constexpr Meaning corrupt{"corrupt", "restore the database from a backup; the file is not, or no longer, a SQLite database"};
constexpr Meaning open{"open", "see that the path or host, the user and the password are right, and that the database exists"};
constexpr Meaning lost{"lost", "see that the database server runs and can be reached", true};

Meaning meaning_of_sqlite(int code) {
  switch (code & 0xff) {  // the rest narrows it
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return busy;
    case SQLITE_CONSTRAINT:
      return constraint;
    case SQLITE_FULL:
      return full;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return readonly;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corrupt;
    case SQLITE_CANTOPEN:
      return open;
    case SQLITE_IOERR:
      return lost;
    default:
      return statement;
  }
}

/// The classes of PostgreSQL's appendix A.
Meaning meaning_of_sqlstate(std::string_view state) {
  const std::string_view kind = state.substr(0, 2);
  if (kind == "08" || kind == "57" || state == "25P03") return lost;  // 57P01: the server is being shut down; 25P03: see database.cpp
  if (kind == "23") return constraint;
  if (kind == "40" || state == "55P03") return busy;  // serialisation, deadlock, lock not available
  if (state == "53100") return full;
  if (state == "53300") return busy;  // too many connections
  if (state == "42501" || state == "25006") return readonly;
  if (kind == "28" || kind == "3D") return open;
  if (kind == "XX") return corrupt;
  return statement;
}

}  // namespace

Error store_error(const soci::soci_error& error, const DatabaseUrl& url, const std::string& while_doing) {
  Meaning meaning = statement;
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error)) {
    meaning = meaning_of_sqlite(sqlite->result());
  } else if (const auto* postgresql = dynamic_cast<const soci::postgresql_soci_error*>(&error)) {
    meaning = meaning_of_sqlstate(postgresql->sqlstate());
  } else if (while_doing == "open") {
    meaning = open;  // libpq gives no code for a connection that was not made
  }
  std::string text = error.get_error_message();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::string what = while_doing == "open" ? "cannot be opened" : "refuses \"" + while_doing + "\"";
  return Error(Category::store, meaning.detail, "the store " + url.display + " " + what + ": " + text)
      .with_hint(meaning.hint)
      .with_retry(meaning.retryable);
}

bool is_busy(const soci::soci_error& error) {
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  return sqlite != nullptr && meaning_of_sqlite(sqlite->result()).detail == busy.detail;
}

bool is_lost(const Error& error) { return error.category == Category::store && error.detail == "lost"; }

}  // namespace switchgear::store_detail

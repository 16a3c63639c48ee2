#include "switchgear/store/migrations.hpp"

#include "dialect.hpp"
#include "schema.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/store/timestamps.hpp"

namespace switchgear {
namespace {

constexpr std::string_view history_table =
    "create table if not exists schema_migrations (version bigint primary key, name text not null, applied_at bigint not null, "
    "applied_by text not null)";

/// Any number will do as long as nothing else takes it: one process migrates at a time. It is given back with the transaction.
constexpr std::string_view migration_lock = "select cast(pg_advisory_xact_lock(7311406201) as text)";

bool has_history(DatabaseSession& session) {
  const std::string_view sql = session.kind() == DatabaseKind::sqlite
                                   ? "select count(*) from sqlite_master where type = 'table' and name = 'schema_migrations'"
                                   : "select count(*) from pg_catalog.pg_class where oid = to_regclass('schema_migrations')";
  return std::get<0>(session.query_one<std::int64_t>(sql).value()) != 0;
}

/// What lies in a store that is too new was written for rules that this version does not know.
void refuse_newer(DatabaseSession& session, const std::string& display) {
  const auto version = schema_version(session);
  if (version <= newest_schema_version()) return;
  const auto by =
      session.query_one<std::string>("select applied_by from schema_migrations where version = :version", {{"version", version}});
  throw Error(Category::store, "newer_version",
              "the store " + display + " has version " + std::to_string(version) + ", made by switchgear " + std::get<0>(by.value()) +
                  "; this switchgear (" SWITCHGEAR_VERSION ") knows versions up to " + std::to_string(newest_schema_version()))
      .with_hint("use switchgear " + std::get<0>(by.value()) + " or later, or the backup of the store from before it was updated");
}

/// Returns false if another process was here first.
bool apply(DatabaseSession& session, const Migration& migration, std::int64_t now) {
  Transaction transaction(session);
  if (session.kind() == DatabaseKind::postgresql) session.query<std::string>(migration_lock);
  session.execute(history_table);
  if (schema_version(session) >= migration.version) return false;
  for (const auto& statement : migration.statements) {
    if (const auto sql = store_detail::in_dialect(statement, session.kind())) session.execute(*sql);
  }
  session.execute("insert into schema_migrations (version, name, applied_at, applied_by) values (:version, :name, :now, :by)",
                  {{"version", migration.version}, {"name", std::string(migration.name)}, {"now", now}, {"by", SWITCHGEAR_VERSION}});
  transaction.commit();
  return true;
}

}  // namespace

const std::vector<Migration>& migrations() {
  static const std::vector<Migration> all = store_detail::all_migrations();
  return all;
}

std::int64_t newest_schema_version() { return migrations().back().version; }

std::int64_t schema_version(DatabaseSession& session) {
  if (!has_history(session)) return 0;
  return std::get<0>(session.query_one<std::int64_t>("select coalesce(max(version), 0) from schema_migrations").value());
}

void migrate(Database& database, Clock& clock, std::int64_t target) {
  auto session = database.session();
  refuse_newer(session, database.display());
  for (const auto& migration : migrations()) {
    if (migration.version <= target && migration.version > schema_version(session))
      apply(session, migration, to_microseconds(clock.wall()));
  }
  refuse_newer(session, database.display());  // another process may have been a newer one
}

}  // namespace switchgear

// The store's tables, as numbered steps from an empty database to what this version of switchgear needs.
//
// A step that was released is never changed; the next version adds one. Each runs in a transaction of its own together with its row in
// `schema_migrations`, under a lock, so that several processes may start at once and a crash leaves a version whole.
// Throws Error(store), "newer_version" for a store that a newer switchgear has migrated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/store/database.hpp"

namespace switchgear {

struct Migration {
  std::int64_t version;
  std::string_view name;
  std::vector<std::string_view> statements;  ///< the same for both databases but for the words in braces (dialect.hpp)
};

/// In order, from version 1 on without a gap.
const std::vector<Migration>& migrations();

/// The version that this switchgear works with.
std::int64_t newest_schema_version();

/// The version of the tables in `session`'s database; 0 if it has none yet.
std::int64_t schema_version(DatabaseSession& session);

/// Applies what is missing up to `target`, which is an earlier version in tests only.
void migrate(Database& database, Clock& clock, std::int64_t target = newest_schema_version());

}  // namespace switchgear

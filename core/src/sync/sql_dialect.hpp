// What differs between the databases that an ADBC destination writes to: types, names, and how rows are merged.
#pragma once

#include <string>
#include <vector>

#include "switchgear/data/schema.hpp"
#include "switchgear/sync/adbc_destination.hpp"

namespace switchgear::sync_detail {

/// A table's name as SQL, in its schema where there are such.
std::string table_sql(SqlDialect dialect, const std::string& schema, const std::string& table);

/// The same unquoted, and the schema apart, as ingesting takes it.
std::string plain_table(SqlDialect dialect, const std::string& schema, const std::string& table);

/// "bigint", "numeric(12,3)" …
std::string column_type(SqlDialect dialect, const Field& field);

/// As what a column's values are handed over: a type that the driver can write without loss.
Field handed_over(SqlDialect dialect, const Field& field);

/// What a column must become to hold what it has and `more`, too.
Field common_type(const Field& has, const Field& more);

/// The statement that makes a column's values those of a wider type.
std::string widen_sql(SqlDialect dialect, const std::string& table, const Field& from, const Field& to);

/// "a", "b" …
std::string names_sql(const std::vector<std::string>& names, const std::string& prefix = "");

}  // namespace switchgear::sync_detail

// The few rules that make one statement mean the same to SQLite, PostgreSQL and SOCI, checked before it is sent.
#pragma once

#include <string_view>

#include "switchgear/store/database.hpp"

namespace switchgear::store_detail {

/// Throws Error(internal, "sql") when `sql` is more than one statement (SQLite would run the first and drop the rest in silence), holds a
/// comment (SOCI would look for parameters in it), or when its parameters are not exactly those given (SQLite would take a missing one
/// for null); Error(data, "text") for text with a zero byte, which PostgreSQL would cut there.
void check_statement(std::string_view sql, const SqlParameters& parameters);

}  // namespace switchgear::store_detail

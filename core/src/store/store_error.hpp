// What SOCI, SQLite and PostgreSQL throw, as an Error(store).
#pragma once

#include <soci/error.h>

#include <string>

#include "database_url.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear::store_detail {

/// `while_doing` says what was tried: "open", or a statement.
Error store_error(const soci::soci_error& error, const DatabaseUrl& url, const std::string& while_doing);

/// Another connection holds what SQLite needs.
bool is_busy(const soci::soci_error& error);

/// The connection is of no more use after this.
bool is_lost(const Error& error);

}  // namespace switchgear::store_detail

// The statements of all migrations. One function for each group of tables; docs/store.md tells what the columns mean.
#pragma once

#include <vector>

#include "switchgear/store/migrations.hpp"

namespace switchgear::store_detail {

Migration connection_tables();  ///< 1
Migration lease_tables();       ///< 2
Migration job_tables();         ///< 3
Migration sync_tables();        ///< 4
Migration api_tables();         ///< 5
Migration event_tables();       ///< 6
Migration inbox_tables();       ///< 7

std::vector<Migration> all_migrations();

}  // namespace switchgear::store_detail

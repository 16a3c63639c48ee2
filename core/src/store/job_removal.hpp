// Taking jobs out of the store, in transactions so small that nobody waits for them.
#pragma once

#include <cstdint>
#include <string>

#include "switchgear/store/store.hpp"

namespace switchgear::store_detail {

/// From now on nobody sees the job nor adds to it, and purge() takes it for dead. Returns false, doing nothing, unless it ended before
/// `ended_before` or has taken no records in since `silent_since` (both in microseconds, as they are compared with its row).
bool mark_for_removal(Store& store, const std::string& job_id, std::int64_t ended_before, std::int64_t silent_since);

/// With all its batches and outcomes. Whoever waits behind one of its batches goes ahead. Does nothing if it is not there.
void remove_job(Store& store, const std::string& job_id);

}  // namespace switchgear::store_detail

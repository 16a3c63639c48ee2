// Taking jobs out of the store, in transactions so small that nobody waits for them.
#pragma once

#include <string>

#include "switchgear/store/store.hpp"

namespace switchgear::store_detail {

/// With all its batches and outcomes. Whoever waits behind one of its batches goes ahead. Does nothing if it is not there.
void remove_job(Store& store, const std::string& job_id);

}  // namespace switchgear::store_detail

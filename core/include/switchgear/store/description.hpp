// What there is to say of a store itself: the version of its tables, and how much of the disk it takes.
#pragma once

#include <cstdint>

#include "switchgear/store/store.hpp"

namespace switchgear {

struct StoreDescription {
  std::int64_t schema_version = 0;
  std::int64_t bytes = 0;  ///< of its database
};

StoreDescription describe(Store& store);

}  // namespace switchgear

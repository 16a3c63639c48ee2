// A new store of each kind with a clock that moves when told to.
#pragma once

#include <optional>

#include "each_database.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

class OnEachStore : public OnEachDatabase {
 protected:
  OnEachStore() { store_.emplace(url(), DatabaseOptions{}, clock_); }

  ManualClock clock_;
  std::optional<Store> store_;
};

}  // namespace switchgear

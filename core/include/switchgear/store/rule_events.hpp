// Events of rules on their way from a sync to all other events: staged before the destination commits the records that they are about, and
// recorded when it has.
//
// The number of the commit decides: what the destination has committed was real, what it has not is forgotten and judged anew when its
// records come again. So a crash at any moment neither loses nor doubles one. RuleEventStore holds no state of its own; any thread may use
// it, as long as the Store lives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "switchgear/store/events.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

class RuleEventStore {
 public:
  explicit RuleEventStore(Store& store) : store_(store) {}

  /// Events, each with an id, of records that the `sequence`-th commit of this entity brings. What is recorded already is left out.
  void stage(const std::string& connection_id, const std::string& entity, std::int64_t sequence, const std::vector<NewEvent>& events);

  /// The destination has committed up to `sequence`: what is staged until there is recorded, what is staged beyond is forgotten. Returns
  /// how many were recorded.
  std::int64_t settle(const std::string& connection_id, const std::string& entity, std::int64_t sequence);

 private:
  std::int64_t settle_some(const std::string& connection_id, const std::string& entity, std::int64_t sequence);

  Store& store_;
};

}  // namespace switchgear

// How runs, counts and errors lie in the store's tables.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "switchgear/store/runs.hpp"

namespace switchgear::store_detail {

RunState run_state_from(const std::string& word);

inline std::optional<WallTime> time_from(std::optional<std::int64_t> microseconds) {
  return microseconds ? std::optional(from_microseconds(*microseconds)) : std::nullopt;
}
inline SqlValue time_value(const std::optional<WallTime>& time) {
  SqlValue value;
  if (time) value = to_microseconds(*time);
  return value;
}

/// Every run that is in_progress without a lease becomes failed; to be called within a transaction.
std::int64_t settle_interrupted(DatabaseSession& session, std::int64_t now);

}  // namespace switchgear::store_detail

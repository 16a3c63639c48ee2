// Times as the store keeps them: UTC, whole microseconds since 1970.
#pragma once

#include <chrono>
#include <cstdint>

#include "switchgear/base/clock.hpp"

namespace switchgear {

inline std::int64_t to_microseconds(WallTime time) noexcept {
  return std::chrono::floor<std::chrono::microseconds>(time).time_since_epoch().count();
}

inline WallTime from_microseconds(std::int64_t microseconds) noexcept {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::microseconds(microseconds)));
}

}  // namespace switchgear

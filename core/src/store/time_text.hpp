// Instants as people and other systems read them.
#pragma once

#include <cstdint>
#include <string>

namespace switchgear::store_detail {

/// "2026-11-27T04:00:00.000000Z", from microseconds since 1970.
std::string time_text(std::int64_t microseconds);

}  // namespace switchgear::store_detail

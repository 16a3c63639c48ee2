// Instants and times of day as OData V2 has them: "/Date(1767225600000+0000)/" in JSON, "PT13H20M00S" for a time.
//
// Pure functions; any thread. What is none, or would lose digits, gives an empty text.
#pragma once

#include <string>
#include <string_view>

namespace switchgear::odata {

/// "/Date(1767225600000)/", with a zone "/Date(1767225600000+0000)/", of ISO 8601 ("2026-01-01", "2026-01-01T00:00:00.5+02:00"; without a
/// zone it is UTC). Empty for more than milliseconds, and for what is no instant (one that is in this form already among them).
std::string v2_json_instant(std::string_view iso, bool with_zone);

/// The reverse, in UTC and without a zone: "2026-01-01T00:00:00.500" of "/Date(…)/" and of ISO 8601, whose digits are kept.
std::string v2_instant_text(std::string_view text);

/// "PT13H20M00S" of "13:20" and "13:20:00".
std::string v2_duration(std::string_view time);

}  // namespace switchgear::odata

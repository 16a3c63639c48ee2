// The Link header (RFC 8288): `<…>; rel="next", <…>; rel="first"`. A URL may hold raw commas and semicolons, a parameter quoted ones, so
// the header is walked through, never split.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace switchgear::rest {

/// The target of the first link whose relations contain `relation` (compared without case); nothing if there is none. What follows a
/// broken link is not looked at.
std::optional<std::string> link_target(std::string_view header, std::string_view relation);

}  // namespace switchgear::rest

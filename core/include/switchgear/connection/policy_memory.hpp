// What a connection's breakers and limiter have learnt, as a text by the wall clock: a process that begins anew does not ask a source that
// is away, nor faster than it bears. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "switchgear/base/clock.hpp"
#include "switchgear/policy/guard.hpp"

namespace switchgear {

/// JSON; "": there is nothing to remember.
std::string policy_memory(const Guard& guard, const Clock& clock);

/// For a guard that has sent nothing yet. A wall clock that was moved back makes no wait longer than it was. What can't be read is logged
/// and left.
void restore_policies(Guard& guard, const Clock& clock, std::string_view text);

}  // namespace switchgear

// Reading one record of each of some entities, a few at a time: which of them the source lets be read.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "switchgear/connection/probe.hpp"

namespace switchgear {

/// In the source's order. What every entity would meet (no connection, no sign-in, a limit) ends it; the rest is `skipped` then. Throws
/// what asking for the list of entities meets, and Error(cancelled).
std::vector<EntityHealth> probe_entities(const std::shared_ptr<Connection>& connection, const CheckOptions& options, std::stop_token stop);

}  // namespace switchgear

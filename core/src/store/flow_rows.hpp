// Rows of the flow tables, read and judged; what FlowStore and FlowExecution share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "switchgear/store/flows.hpp"

namespace switchgear::store_detail {

/// `condition` begins with "where" or "order by", about flow_runs.
std::vector<FlowRun> flow_runs_where(DatabaseSession& session, const std::string& condition, const SqlParameters& parameters);

/// In the caller's transaction. See FlowStore::settle_interrupted().
std::int64_t settle_interrupted_flows(DatabaseSession& session, std::int64_t now);

/// A message that no limit leaves out, numbered behind the others.
void add_flow_message(DatabaseSession& session, const std::string& run_id, std::int64_t now, const RunMessage& message);

Error unknown_flow_run(const std::string& id);

}  // namespace switchgear::store_detail

// Recording events as a part of the transaction in which they come about.
#pragma once

#include <optional>
#include <string>

#include "switchgear/store/events.hpp"

namespace switchgear::store_detail {

/// Puts it down, with a delivery for each endpoint that wants it; what is there already stays as it is. Returns its id. Throws what
/// EventStore::record() does.
std::string record_event(DatabaseSession& session, const NewEvent& event, std::int64_t now);

/// A sample for one endpoint; returns the delivery's id.
std::int64_t record_test(DatabaseSession& session, const NewEvent& event, const std::string& endpoint_id, std::int64_t now);

/// What a run that has just come to its end is to others: sync.completed or sync.failed, and system.error where the plugin, the destination
/// or the store was at fault. A run that somebody cancelled is nothing to tell.
void record_run(DatabaseSession& session, const std::string& run_id, std::int64_t now);

/// Something of our own that does not work. `what`: the same for the same trouble, which is told once.
void record_trouble(DatabaseSession& session, const std::string& what, const std::string& connection_id, const std::string& error_json,
                    std::int64_t now);

bool note_reach(DatabaseSession& session, const std::string& connection_id, Reach reach, const std::string& error_json, std::int64_t now);

}  // namespace switchgear::store_detail

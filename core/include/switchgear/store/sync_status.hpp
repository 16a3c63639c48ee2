// How the syncs of connections stand, and when they are due: what /sync-status says.
//
// SyncStatusStore holds no state of its own; any thread may use it, as long as the Store lives.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/store/runs.hpp"

namespace switchgear {

struct EntitySyncStatus {
  std::string entity;
  std::string status;  ///< "never", "queued", "in_progress", "completed", "failed", "partial", "cancelled"
  std::optional<WallTime> last_success_at;
  std::string watermark;
  RunCounts counts;   ///< of its last run
  std::string error;  ///< as error_json() writes it; "": none
};

struct SyncStatus {
  std::string connection_id;
  std::string status;  ///< those of an entity, and "paused"
  std::optional<WallTime> last_success_at, last_started_at, last_finished_at, next_sync_at;
  bool is_initial = true;  ///< an entity has never been read to its end
  std::string freshness;   ///< "on_time" up to 1.5 periods after the last success, "late" up to 3, "stale"; "unscheduled"
  std::string error;       ///< as error_json() writes it; "": none
  std::string run_id;      ///< of the last run
  std::vector<EntitySyncStatus> entities;
};

/// When a connection is to be synced next, as the scheduler has worked it out.
struct SyncDue {
  std::string connection_id;
  std::string schedule, timezone;
  std::optional<WallTime> next_sync_at;
  std::int64_t failures = 0;  ///< in a row, of runs that ended without any success
};

class SyncStatusStore {
 public:
  explicit SyncStatusStore(Store& store) : store_(store) {}

  /// By id. Ends runs that died first.
  std::vector<SyncStatus> all();
  /// Throws Error(not_found, "connection").
  SyncStatus get(const std::string& connection_id);

  /// `period`: the usual time between two syncs; nothing: there is no schedule.
  void set_next(const std::string& connection_id, std::optional<WallTime> next, std::optional<std::chrono::microseconds> period);

  /// Active connections with a schedule whose next sync is due or not worked out yet.
  std::vector<SyncDue> due();
  std::optional<WallTime> next_due();

 private:
  std::vector<SyncStatus> read(const std::string& connection_id);

  Store& store_;
};

}  // namespace switchgear

// One entity's part of a run: reads what is new, and moves its table on from checkpoint to checkpoint.
//
// Runs in the thread that calls it. The table's state says where to go on: in a listing that was broken off, at its token; else with the
// records changed since the watermark, less the lookback; or from the beginning. A failure, and a wish to stop, commit what was read
// before.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/connection/connection.hpp"
#include "switchgear/paging/entity_reader.hpp"
#include "switchgear/store/runs.hpp"
#include "switchgear/sync/destination.hpp"

namespace switchgear {

struct EntityPlan {
  std::string entity;
  SyncMode mode = SyncMode::upsert;
  std::string cursor;                                       ///< "": the entity's own, if it has one
  std::vector<std::string> key;                             ///< empty: the entity's own
  std::optional<std::chrono::microseconds> initial_window;  ///< the first listing begins so long ago; nothing: with everything
  std::chrono::microseconds lookback = std::chrono::seconds(60);
  ReadRequest read;  ///< page size, parallel and what else there is; entity and bounds are filled in

  // A checkpoint is due as soon as one of these is reached.
  std::uint64_t commit_bytes = 64U << 20U;
  std::int64_t commit_rows = 250'000;
  std::chrono::milliseconds commit_every{10'000};
};

enum class StopWish { none, stop, abort };

/// What a run wants to know of, and decides. Called by the thread that syncs.
struct EntitySyncHost {
  std::function<StopWish()> wish = [] { return StopWish::none; };
  std::function<void(const RunEntity&)> started, progress;
  std::function<void(std::string_view level, const std::string& text)> message;
  /// What an earlier run has committed, and may not have been told of.
  std::function<void(const std::string& run_id, const RunCounts& counts, const std::string& watermark)> replay;
  /// What the next commit, whose number is `sequence`, is to bring; and that there was a commit up to that number.
  std::function<void(std::int64_t sequence, const std::vector<RecordBatch>& batches)> stage = [](std::int64_t,
                                                                                                 const std::vector<RecordBatch>&) {};
  std::function<void(std::int64_t sequence)> settle = [](std::int64_t) {};
  /// The places where a crash is tried: "before_commit", "after_commit", "after_progress".
  std::function<void(std::string_view place)> passed = [](std::string_view) {};
};

struct EntitySyncRun {
  std::string run_id;
  bool full = false;
  std::string schema, table;  ///< where it lands
};

/// How it ended: completed, failed (with the error), cancelled.
RunEntity sync_entity(const std::shared_ptr<Connection>& connection, Destination& destination, const EntityPlan& plan,
                      const EntitySyncRun& run, const EntitySyncHost& host);

}  // namespace switchgear

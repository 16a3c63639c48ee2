// Runs: what each sync did, for each entity, with its messages; and what is known of a connection's entities since.
//
// A run is under way as long as its lease `run/<id>` is held; settle_interrupted() ends those that died. RunStore holds no state of its
// own; any thread may use it, as long as the Store lives. What is changed of a run that somebody else has ended throws Error(conflict,
// "lease_lost").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/store/events.hpp"
#include "switchgear/store/leases.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

enum class RunState { queued, in_progress, completed, failed, partial, cancelled };

std::string_view to_string(RunState state) noexcept;

/// What a run has moved so far, of one entity or of all.
struct RunCounts {
  std::int64_t read = 0;       ///< records that the source sent
  std::int64_t written = 0;    ///< of these: brought into the destination
  std::int64_t unchanged = 0;  ///< of these: read before, at the edge of the window, and left out
  std::int64_t rejected = 0;   ///< of these: could not be written
  std::int64_t rescued = 0;    ///< of these: have something in `_rescued`
  std::int64_t deleted = 0;    ///< records that the source has removed, and that were taken out of the destination
  std::int64_t pages = 0, bytes = 0, requests = 0, retries = 0;
  std::int64_t waited_us = 0;  ///< for limits and before retries
  std::int64_t checkpoints = 0;

  RunCounts& operator+=(const RunCounts& more) noexcept;
  bool operator==(const RunCounts&) const = default;
};

struct RunEntity {
  std::string entity;
  RunState state = RunState::queued;
  std::optional<WallTime> started_at, finished_at;
  RunCounts counts;
  std::string mode;       ///< "upsert", and so on
  std::string watermark;  ///< "": there is none
  bool initial = false;   ///< the first listing of this entity was not complete when it began
  std::string error;      ///< as error_json() writes it; "": none
};

struct Run {
  std::string id;
  std::string connection_id;
  RunState state = RunState::queued;
  std::string cause;  ///< "manual", "schedule", "flow" …
  bool full = false;
  std::string holder;  ///< who ran it: host and process
  std::string destination;
  WallTime started_at;
  std::optional<WallTime> finished_at;
  std::string error;  ///< as error_json() writes it; "": none
  std::vector<RunEntity> entities;

  RunCounts counts() const noexcept;
};

struct RunMessage {
  WallTime at;
  std::string level;  ///< "info", "warning", "error"
  std::string entity;
  std::string text;
  std::string detail_json = "{}";
};

/// An error as the store has met it, once for each connection, entity and code.
struct StoredErrorEntry {
  std::string connection_id;
  std::string entity;
  std::string error;  ///< the last one, as error_json() writes it
  std::int64_t count = 0;
  WallTime first_at, last_at;
  std::string run_id;
};

/// How a connection is seen, with what went wrong, as error_json() writes it; "": nothing.
struct SeenReach {
  Reach reach = Reach::online;
  std::string error;
};

class RunStore {
 public:
  static constexpr std::int64_t max_messages = 1000;  ///< of a run; how many were left out is told by the last one

  explicit RunStore(Store& store) : store_(store) {}

  /// An id for a run that begins now: ids sort by time.
  std::string new_id();

  /// A run that begins, with its entities queued.
  void begin(const Run& run);
  void entity_started(const std::string& run_id, const RunEntity& entity);
  void entity_progress(const std::string& run_id, const RunEntity& entity);

  /// The entity's part is over: its row, what is known of the entity since, and its error.
  void entity_finished(const std::string& run_id, const RunEntity& entity);

  /// With the events that this makes: sync.completed or sync.failed, and what has become of the connection.
  void finished(const std::string& run_id, RunState state, const std::string& error, const std::optional<SeenReach>& seen = std::nullopt);

  /// A run that came to nothing before it could begin, because the source could not be asked what it has, say.
  void failed_to_begin(const Run& run, const std::optional<SeenReach>& seen);

  /// A run committed this of the entity, and died before it could say so.
  void replay(const std::string& run_id, const std::string& connection_id, const std::string& entity, const RunCounts& counts,
              const std::string& watermark);
  void add_message(const std::string& run_id, std::int64_t number, const RunMessage& message);

  /// Throws Error(not_found, "run").
  Run get(const std::string& id);
  /// The latest first. "": of all connections.
  std::vector<Run> list(const std::string& connection_id, std::int64_t limit);
  std::vector<RunMessage> messages(const std::string& run_id);
  std::vector<StoredErrorEntry> errors(const std::string& connection_id, const std::string& entity, std::optional<WallTime> since);

  /// Runs that nobody carries on are failed, `failed.interrupted`. Returns how many.
  std::int64_t settle_interrupted();

  /// Removes runs that ended, and errors that were last met, before; returns how many runs.
  std::int64_t remove_before(WallTime runs, WallTime errors);

 private:
  Store& store_;
};

/// `run/<id>`: its lease says that a run is under way.
std::string run_lease_name(const std::string& run_id);

/// As the store keeps counts: a JSON object of those that are not 0. The other way throws Error(store, "corrupt").
std::string counts_json(const RunCounts& counts);
RunCounts counts_from_json(std::string_view json);

/// As the store keeps errors: a JSON object of category, code, message and what else there is to say. The code of a run that died is
/// `failed.interrupted`, which no Error has.
std::string error_json(const Error& error);

}  // namespace switchgear

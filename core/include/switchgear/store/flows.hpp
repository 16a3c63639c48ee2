// Flows: users' own workflows. What of them is to run and when, each execution as a run with its steps and messages, and how far it came.
//
// An execution that is under way holds a lease in its own row (flow_execution.hpp); settle_interrupted() ends those whose process died,
// which may be taken up again. FlowStore holds no state of its own; any thread may use it, as long as the Store lives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/store/runs.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

/// A flow as a process has defined it, so that others can see it and it is begun once when it is due.
struct FlowPlan {
  std::string name;
  std::string event_type;  ///< begins it; "": none does
  std::string schedule;    ///< "": by hand
  std::string timezone;
  std::string source;  ///< where it is defined: "flows.py:12"
  std::optional<WallTime> next_at;
  WallTime events_since;  ///< earlier events do not begin it
};

struct FlowCounts {
  std::int64_t ok = 0, failed = 0, unknown = 0, skipped = 0;  ///< records of its batches
};

/// An execution.
struct FlowRun {
  std::string id;
  std::string flow;
  RunState state = RunState::queued;
  std::string cause;  ///< "manual", "schedule", "event" …
  std::string params_json = "{}";
  std::string event_id;    ///< which began it; "": none did
  std::string event_json;  ///< that event
  std::string holder;      ///< who ran it last: host and process
  std::int64_t token = 0;  ///< grows each time that it is taken up
  bool interrupted = false;
  WallTime started_at;
  std::optional<WallTime> finished_at;
  std::string error;  ///< as error_json() writes it; "": none
  FlowCounts counts;
};

struct FlowStep {
  std::string name;
  RunState state = RunState::in_progress;
  std::int64_t attempts = 0;
  WallTime started_at;
  std::optional<WallTime> finished_at;
  std::string result_json;  ///< of one that completed
  std::string error;        ///< of one that failed
};

class FlowStore {
 public:
  explicit FlowStore(Store& store) : store_(store) {}

  /// Takes over what a process defines. Another schedule, time zone or event type begins anew: with `next_at`, and events from now on.
  void plan(const FlowPlan& flow);
  /// By name. Nothing is planned for one that is not defined any more, but its runs are there.
  std::vector<FlowPlan> plans();

  /// Ids of events that are to begin this flow and have not yet, the oldest first.
  std::vector<std::string> pending_events(const std::string& flow, std::int64_t limit);

  /// Throws Error(not_found, "run").
  FlowRun get(const std::string& id);
  /// The latest first. "": of all flows.
  std::vector<FlowRun> list(const std::string& flow, std::int64_t limit);
  /// In the order in which they began.
  std::vector<FlowStep> steps(const std::string& run_id);
  std::vector<RunMessage> messages(const std::string& run_id);

  /// Those whose process died, and which nobody has taken up or given up since; the oldest first.
  std::vector<FlowRun> interrupted();
  /// Runs that nobody carries on are failed, `failed.interrupted`. Returns how many.
  std::int64_t settle_interrupted();
  /// Removes runs that ended before; returns how many.
  std::int64_t remove_before(WallTime before);

 private:
  Store& store_;
};

}  // namespace switchgear

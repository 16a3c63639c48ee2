// An execution of a flow by this process: begun or taken up, its steps and batches kept one by one, and ended.
//
// It is held by a lease in its row. Whatever is written renews the lease, and throws Error(conflict, "lease_lost") once somebody else has
// ended it or taken it up; renew() is for the time between. Everything is on disk when its call returns. Any thread may use it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "switchgear/store/flows.hpp"

namespace switchgear {

/// What an execution begins with.
struct FlowStart {
  std::string flow;
  std::string cause;
  std::string params_json = "{}";
  std::string event_id;  ///< "": no event begins it
  std::string event_json;
  std::string holder;
  std::chrono::microseconds lease{60'000'000};
  std::int64_t concurrency = 1;      ///< executions of this flow that may be under way at once, in all processes
  std::optional<WallTime> due = {};  ///< by schedule: for which time; whoever claims it first moves it on to `next`
  std::optional<WallTime> next = {};
};

/// How far a loop over batches has come.
struct FlowBatches {
  std::int64_t position = 0;   ///< records whose batch is over
  std::int64_t in_flight = 0;  ///< records of the batch that was begun then; 0: none was
  std::string digest;          ///< of the records before the position
  std::string left_json;       ///< places of records of the last batch that are to be sent again; "": none
  FlowCounts counts;
};

class FlowExecution {
 public:
  static constexpr std::int64_t max_messages = 1000;  ///< of a run; beginnings and ends come on top

  /// Nothing: another process was first, for this event or this time. Throws Error(conflict, "flow_busy") where as many as may are under
  /// way already; a time that was due is over then.
  static std::optional<FlowExecution> begin(Store& store, const FlowStart& start);

  /// Takes up one that failed, was interrupted or cancelled; its finished steps stay finished. Throws Error(not_found, "run"),
  /// Error(conflict, "flow_busy") and Error(conflict, "flow_ended").
  static FlowExecution resume(Store& store, const std::string& id, const FlowStart& start);

  const FlowRun& run() const noexcept { return run_; }

  /// False: it is lost.
  bool renew();

  std::optional<FlowStep> step(const std::string& name);
  void step_started(const std::string& name);
  void step_finished(const std::string& name, const std::string& result_json);
  void step_failed(const std::string& name, const std::string& error);

  /// Of the `number`-th loop of a step; "": outside of any.
  std::optional<FlowBatches> batches(const std::string& step, std::int64_t number);
  void keep_batches(const std::string& step, std::int64_t number, const FlowBatches& batches);

  void add_message(const std::string& level, const std::string& step, const std::string& text, const std::string& detail_json);

  /// `interrupted`: it was told to stop, and is to be taken up as if its process had died.
  void finished(RunState state, const std::string& error, bool interrupted);

 private:
  FlowExecution(Store& store, FlowRun run, std::chrono::microseconds lease) : store_(&store), run_(std::move(run)), lease_(lease) {}

  void hold(DatabaseSession& session);

  Store* store_;
  FlowRun run_;
  std::chrono::microseconds lease_;
};

}  // namespace switchgear

// The workers' side of jobs: claim batches, say what became of each record, go on where another worker died.
//
// A claim is a lease with a fencing token. A worker that is killed lets its lease run out; another one then gets the batch with what is
// still pending and `maybe_sent`, because some of it may have reached the source. What the first one writes later is refused:
// Error(conflict, "lease_lost"). Time is the store's wall clock; if that is moved back, a lease still ends after the time it was given for.
// Claims are on disk before they are returned, outcomes before record(), complete() and give_back() return.
// Any thread may use one JobClaims, as long as the Store lives. Throws what Store throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/store/jobs.hpp"

namespace switchgear {

struct ClaimOptions {
  std::string worker = {};                      ///< who, for people to read
  std::int64_t max_batches = 1;                 ///< the more, the fewer transactions
  std::chrono::microseconds lease{60'000'000};  ///< renew() at a third of it
};

struct ClaimedBatch {
  std::int64_t id = 0;
  std::int64_t fence = 0;
  std::string worker;
  std::string job_id;
  std::string connection_id;
  std::string entity;
  std::string op;
  std::string options_json;
  std::int64_t attempt = 1;        ///< the first, second, … time that it is tried
  bool maybe_sent = false;         ///< an earlier attempt may have sent some of the records
  std::vector<JobRecord> records;  ///< those that are pending
};

struct RecordResult {
  std::int64_t index = 0;
  RecordOutcome outcome;
};

/// What the holder of a batch is to do.
enum class ClaimSignal {
  go_on,
  pause,   ///< end this batch, or give it back
  cancel,  ///< send no more of it and give it back
  lost,    ///< somebody else has it, stop at once
};

struct GiveBack {
  std::chrono::microseconds delay{0};  ///< before it is tried again
  bool maybe_sent = true;              ///< false: the source provably did nothing with what is pending
  bool counts = true;                  ///< false: not as an attempt, because the batch was not at fault
  std::optional<Error> reason = {};    ///< becomes the outcome of what is pending if this was the last attempt
};

class JobClaims {
 public:
  explicit JobClaims(Store& store) : store_(store) {}

  /// Up to `max_batches`, of jobs with the highest priority first, connections in turn, the older job first. Empty: there is nothing to do
  /// now; next_due() says when to look again.
  std::vector<ClaimedBatch> claim(const ClaimOptions& options);

  /// Keeps the batch for another `lease` from now on.
  ClaimSignal renew(const ClaimedBatch& batch, std::chrono::microseconds lease);

  /// Enters outcomes while the batch goes on, so that they are known even if this process dies.
  void record(const ClaimedBatch& batch, const std::vector<RecordResult>& results);

  /// Enters the last outcomes. Throws Error(internal, "ledger"), changing nothing, if a record is left without one.
  void complete(const ClaimedBatch& batch, const std::vector<RecordResult>& results);

  /// Enters outcomes and leaves what is pending to another attempt. After the last one, or when the job was cancelled, it gets an outcome
  /// here: unknown if it may have been sent, else failed or skipped.
  void give_back(const ClaimedBatch& batch, const std::vector<RecordResult>& results, const GiveBack& how);

  /// Skips what is queued of the job: it ends as failed or partial. What `on_error="stop"` does.
  void stop_job(const ClaimedBatch& batch, const Error& reason);

  /// Whether a claim may find something. Only reads, so that looking often costs the other processes nothing.
  bool anything_due();

  /// When something waits that is not due yet, or a lease runs out. Nothing: only a new or changed job makes work.
  std::optional<WallTime> next_due();

 private:
  Store& store_;
  std::mutex mutex_;
  std::string turn_;  ///< the connection that was served last
};

}  // namespace switchgear

// Jobs: records that wait to be written to a source, and what became of each. docs/jobs.md has the states as a diagram.
//
// A job is a list of batches; a batch is a bounded number of records, packed into one row, and is what a worker claims (job_claims.hpp).
// Submitting is all or nothing: a JobSubmission streams any number of records in, and until finish() nobody sees them.
// JobStore holds no state of its own; any thread may use it, as long as the Store lives. A JobSubmission is for one thread at a time.
// Throws Error(not_found, "job"), Error(conflict, "job_state") for what the job's state does not allow, Error(data) for a record that
// cannot be kept, and what Store throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/store/job_records.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

enum class JobState { queued, in_progress, paused, completed, failed, partial, cancelled };

std::string_view to_string(JobState state) noexcept;

/// It goes on by itself no more.
constexpr bool is_final(JobState state) noexcept { return state >= JobState::completed; }

struct JobSpec {
  std::string connection_id;  ///< one of the connections in the store
  std::string entity;
  std::string op = "upsert";           ///< create, update, upsert or delete
  std::string options_json = "{}";     ///< for the worker
  std::int64_t priority = 0;           ///< the higher the sooner, among all jobs
  std::optional<WallTime> not_before;  ///< nothing: at once
  std::int64_t max_attempts = 5;       ///< of a batch, before what is left of it goes to the dead letters
};

struct JobCounts {
  std::int64_t records = 0, ok = 0, failed = 0, unknown = 0, skipped = 0;

  /// Not decided yet.
  std::int64_t pending() const noexcept { return records - ok - failed - unknown - skipped; }
  bool operator==(const JobCounts&) const = default;
};

struct Job {
  std::string id;  ///< of all stores in the world; later ones sort behind
  JobSpec spec;
  JobState state = JobState::queued;
  JobCounts counts;
  std::int64_t batches = 0;
  std::int64_t open_batches = 0;  ///< not finished yet
  WallTime created_at;
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  std::string error_code;  ///< of the last batch that was given back or failed as a whole
  std::string error;
};

/// A new job while its records come in. Destroyed before finish(), it leaves nothing behind; if its process dies, purge() removes the rest.
class JobSubmission {
 public:
  JobSubmission(JobSubmission&&) noexcept;
  JobSubmission& operator=(JobSubmission&&) = delete;
  ~JobSubmission();

  /// Appends one batch. `order_key`: batches of a connection with the same one are done one after the other, in the order of their coming,
  /// also those of different jobs; empty: in any order. Throws Error(data) for no record, more than most_records_in_batch, or more than
  /// most_bytes_in_batch; then, as after any failure, finish() throws too.
  void add(std::span<const NewRecord> records, std::string_view order_key = {});

  /// The job is on disk and can be claimed. Nothing can be added any more. A job without records is completed at once.
  Job finish();

  const std::string& job_id() const noexcept;

 private:
  friend class JobStore;
  struct State;
  explicit JobSubmission(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// One page of a list; `after` is the last id of the page before, empty for the first.
struct JobFilter {
  std::string connection_id = {};      ///< empty: of all
  std::optional<JobState> state = {};  ///< nothing: in any
  std::string after = {};
  std::int64_t limit = 100;
};

struct OutcomeFilter {
  std::optional<RecordState> state = {};  ///< nothing: all that have a reason; what is ok, or skipped with its whole job, has none
  std::int64_t after = -1;                ///< the last index of the page before
  std::int64_t limit = 1000;
};

/// A record that was not written, with its reason. Dead letters are those that are `failed` and `unknown`.
struct JobOutcome {
  std::int64_t index = 0;
  std::string key;
  std::string json;  ///< the record itself
  std::string idempotency_key;
  RecordOutcome outcome;
  std::int64_t attempt = 0;
  WallTime at;
};

struct RetryChoice {
  bool only_retryable = false;  ///< leave those for which another try is not worth it
  bool unknown = false;         ///< also those whose fate is unknown: the worker must find out before it sends them again
};

class JobStore {
 public:
  explicit JobStore(Store& store) : store_(store) {}

  JobSubmission submit(const JobSpec& spec);
  std::optional<Job> find(const std::string& id);
  Job get(const std::string& id);

  /// The newest first.
  std::vector<Job> list(const JobFilter& filter = {});

  /// No further batch is claimed; those under way end.
  Job pause(const std::string& id);
  Job resume(const std::string& id);

  /// What is not under way is skipped; the rest ends.
  Job cancel(const std::string& id);

  /// Puts the failed records of a job that has ended into the queue again, and no other. Throws Error(conflict, "job_state") if none is
  /// left.
  Job retry(const std::string& id, const RetryChoice& choice = {});

  /// By index. Counts of ok records are in the job, their fate is in the ledger: outcome().
  std::vector<JobOutcome> outcomes(const std::string& id, const OutcomeFilter& filter = {});

  /// What the ledger knows of one record.
  RecordState outcome(const std::string& id, std::int64_t index);

  /// How many batches of a connection may be under way at once, in all processes; 0: any number.
  void limit_connection(const std::string& connection_id, std::int64_t max_running);

  /// Removes jobs that ended before `before`, and submissions whose process died. In small transactions; returns how many jobs.
  std::int64_t purge(WallTime before);

 private:
  Store& store_;
};

}  // namespace switchgear

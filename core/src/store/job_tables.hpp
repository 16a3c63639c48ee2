// What JobStore, JobSubmission and JobClaims share: the rules by which rows of the job tables change. Each function is a part of the
// caller's transaction. PostgreSQL: rows are locked in the order connection, batch, job, so that two transactions do not wait for each
// other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/store/jobs.hpp"

namespace switchgear::store_detail {

/// Those whose ids are greater were made later.
std::string new_job_id(std::int64_t now);

Error unknown_job(const std::string& id);

/// Nothing if there is none, or one that still takes records in.
std::optional<Job> find_job(DatabaseSession& session, const std::string& id);
std::vector<Job> find_jobs(DatabaseSession& session, const std::string& condition, const SqlParameters& parameters);

/// Whether and when it can be claimed, after anything that may have changed that.
void reschedule(DatabaseSession& session, const std::string& job_id, std::int64_t now);

/// Nobody else adds to or takes from this key's line until the transaction ends.
void lock_order_key(DatabaseSession& session, const std::string& connection_id, const std::string& order_key);

/// If none of the batches of this key is ahead, the oldest of those that are blocked is.
void unblock(DatabaseSession& session, const std::string& connection_id, const std::string& order_key, std::int64_t now);

/// How many records of a batch have which fate, less what it was before.
JobCounts change_of_counts(std::string_view before, std::string_view after);

struct BatchPlace {
  std::int64_t id = 0;
  std::string job_id;
  std::string connection_id;
  std::optional<std::string> order_key;
  std::int64_t first_index = 0;
  std::string outcomes;  ///< as they are in its row now
  std::int64_t attempts = 0;
};

struct IndexedOutcome {
  std::int64_t index = 0;
  RecordOutcome outcome;
};

/// Enters outcomes into the ledger: the letters, a row for each that is not ok, the job's counts. `state` is what the batch has from now
/// on; completed and cancelled close it, which lets the next of its key go ahead and ends the job if it was the last. Returns how many
/// records are pending still. Throws Error(internal, "ledger") for an index that is not in the batch or an outcome `pending`.
std::int64_t enter_outcomes(DatabaseSession& session, const BatchPlace& batch, const std::vector<IndexedOutcome>& outcomes,
                            std::string_view state, std::int64_t now);

/// Everything that is still pending gets this outcome.
std::vector<IndexedOutcome> for_all_pending(const BatchPlace& batch, const RecordOutcome& outcome);

/// Adds to the job's counts and takes `closed` from its open batches; the job ends when none is open.
void count(DatabaseSession& session, const std::string& job_id, const JobCounts& change, std::int64_t closed, std::int64_t now);

/// What a record gets that is not tried again. Without a reason: its job was stopped.
RecordOutcome last_outcome(bool maybe_sent, bool stopped, const std::optional<Error>& reason);

/// Shown with the job.
void note_reason(DatabaseSession& session, const std::string& job_id, const Error& reason);

/// What of the job is not under way is skipped. Their letters say so; there is no row for each.
void skip_open_batches(DatabaseSession& session, const std::string& job_id, std::int64_t now);

}  // namespace switchgear::store_detail

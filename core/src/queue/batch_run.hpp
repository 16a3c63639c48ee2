// One claimed batch on its way to the source, and what is entered about it afterwards.
//
// run() belongs to one thread; cancel() and abandon() may be called from others meanwhile. Throws nothing: what can't be entered is logged,
// and the batch is left to its lease.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "job_options.hpp"
#include "switchgear/batch/batch_writer.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/store/job_claims.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear::queue_detail {

/// How a batch ended.
struct BatchEnd {
  bool entered = false;     ///< in the ledger; else its lease was lost, or the store failed
  bool given_back = false;  ///< some of it will be tried again
  std::uint64_t ok = 0, failed = 0;
};

class BatchRun {
 public:
  BatchRun(Store& store, JobClaims& claims, ClaimedBatch batch) : store_(store), claims_(claims), batch_(std::move(batch)) {}

  const ClaimedBatch& batch() const noexcept { return batch_; }

  BatchEnd run(std::shared_ptr<Connection> connection) noexcept;

  /// It could not even be begun.
  BatchEnd postpone(const Error& why) noexcept;

  /// Ends the requests in flight; what is not known then is tried again.
  void cancel() { stop_.request_stop(); }

  /// Somebody else has the batch: nothing more is sent or entered.
  void abandon() {
    abandoned_ = true;
    stop_.request_stop();
  }

 private:
  void write(std::shared_ptr<Connection> connection);
  void take(WrittenRecord&& record);
  void fail_all(const Error& error);
  void keep_pending(const Error& error, bool maybe_sent);
  void pace(Clock& clock);
  bool stops_job() const;
  BatchEnd enter();
  BatchEnd entered(bool given_back) const;

  Store& store_;
  JobClaims& claims_;
  const ClaimedBatch batch_;
  std::stop_source stop_;
  std::atomic<bool> abandoned_{false};
  JobOptions options_;
  bool recorded_ = false;  // what is decided is in the ledger already

  std::mutex mutex_;  // what the writer's threads say
  std::vector<RecordResult> decided_;
  std::optional<Error> first_failure_;
  std::optional<Error> why_pending_;  // some records are to be tried again
  bool maybe_sent_ = false;
  bool counts_ = false;  // as an attempt: the batch itself may be at fault
};

}  // namespace switchgear::queue_detail

// A worker: claims batches of jobs from the store, writes them through their connections, and enters what became of each record.
//
// Any number of workers, in any number of processes, may share one store. A batch is held by a lease that is renewed while it goes on. A
// worker that is killed leaves its batches to the others: what is pending then counts as perhaps sent, and is sent again only where that
// can't double it (see BatchWriter). What a batch meets that is not its own fault (the source is away, limits its callers, or refuses the
// credentials) does not count as an attempt at it.
// run() belongs to one thread, which calls both functions of WorkerHost; the rest may be called from any thread. The store must outlive the
// worker. run() throws what the store throws when nothing can be claimed, unless that may pass (the store is busy): then it tries again. It
// throws what a function of the host throws.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "switchgear/connection/connection.hpp"
#include "switchgear/store/job_claims.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

/// What a worker needs of whoever runs it.
struct WorkerHost {
  /// The connection of this id, as the store has it now. What it throws as Error delays the connection's batches; never null.
  std::function<std::shared_ptr<Connection>(const std::string& id)> open;

  /// Called ten times a second. False: claim nothing more and return once the batches under way have ended; false again: end them now.
  std::function<bool()> goes_on;
};

struct WorkerOptions {
  std::string name;                             ///< for people to read; empty: host and process
  std::size_t concurrency = 4;                  ///< batches under way at once, 1 to 64
  std::chrono::microseconds lease{60'000'000};  ///< after which others take over what a dead worker had; at least 100 ms
  std::chrono::milliseconds poll{250};          ///< how often to look for jobs that other processes have submitted
  std::chrono::milliseconds patience{30'000};   ///< for batches under way, once it is to end
  bool until_idle = false;                      ///< return when nothing is queued, waits, or is under way anywhere
};

/// Since the worker was made.
struct WorkerStats {
  std::uint64_t batches = 0;     ///< that came to an end
  std::uint64_t given_back = 0;  ///< that will be tried again
  std::uint64_t taken_over = 0;  ///< of these that came from another worker, or another attempt that may have sent some of it
  std::uint64_t ok = 0, failed = 0;
  std::size_t under_way = 0;
};

class QueueWorker {
 public:
  /// Throws Error(config, "worker") for options out of range.
  explicit QueueWorker(Store& store, WorkerOptions options = {});
  ~QueueWorker();
  QueueWorker(const QueueWorker&) = delete;
  QueueWorker& operator=(const QueueWorker&) = delete;

  /// Works until the host says to end, or until nothing is left.
  void run(const WorkerHost& host);

  WorkerStats stats() const;
  const std::string& name() const noexcept { return options_.name; }

 private:
  class Slots;

  WorkerOptions options_;
  Store& store_;
  JobClaims claims_;
  std::unique_ptr<Slots> slots_;
};

}  // namespace switchgear

#include "switchgear/queue/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "batch_run.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"

namespace switchgear {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds tick{100};

WorkerOptions checked(WorkerOptions options) {
  const auto refuse = [](const char* what, const char* hint) { throw Error(Category::config, "worker", what).with_hint(hint); };
  if (options.concurrency < 1 || options.concurrency > 64) refuse("concurrency is not from 1 to 64", "a few are enough for most sources");
  if (options.lease < milliseconds(100)) refuse("the lease is shorter than 0.1 s", "60 s suit most sources: it has to outlast a pause");
  if (options.poll < milliseconds(1)) refuse("poll is less than 1 ms", "250 ms cost nothing");
  if (options.name.empty()) {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) host.front() = '?';
    options.name = std::string(host.data()) + ":" + std::to_string(getpid());
  }
  return options;
}

}  // namespace

/// The batches under way, each on a thread of its own, and the thread that keeps their leases.
class QueueWorker::Slots {
 public:
  Slots(Store& store, JobClaims& claims, const WorkerOptions& options) : store_(store), claims_(claims), options_(options) {}
  ~Slots() {
    cancel();
    while (under_way() > 0) wait(tick);
  }
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  std::size_t under_way() const {
    const std::lock_guard lock(mutex_);
    return under_way_;
  }

  WorkerStats stats() const {
    const std::lock_guard lock(mutex_);
    WorkerStats stats = stats_;
    stats.under_way = under_way_;
    return stats;
  }

  void start(ClaimedBatch batch, std::shared_ptr<Connection> connection) {
    auto slot = std::make_shared<Slot>(store_, claims_, std::move(batch));
    std::list<std::shared_ptr<Slot>> ended;  // their threads are joined outside the lock
    const std::lock_guard lock(mutex_);
    forget_ended(ended);
    ++under_way_;
    if (slot->run.batch().maybe_sent) ++stats_.taken_over;
    slots_.push_back(slot);
    if (!keeper_.joinable()) keeper_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
    slot->thread = std::jthread([this, slot = slot.get(), connection = std::move(connection)]() mutable {
      const queue_detail::BatchEnd end = slot->run.run(std::move(connection));
      const std::lock_guard inner(mutex_);
      count(end);
      slot->ended = true;
      --under_way_;
      changed_.notify_all();
    });
  }

  void postpone(ClaimedBatch batch, const Error& why) {
    queue_detail::BatchRun run(store_, claims_, std::move(batch));
    const queue_detail::BatchEnd end = run.postpone(why);
    const std::lock_guard lock(mutex_);
    count(end);
  }

  /// Until a batch ends, or for so long.
  void wait(milliseconds longest) {
    std::list<std::shared_ptr<Slot>> ended;
    std::unique_lock lock(mutex_);
    const std::size_t before = under_way_;
    changed_.wait_for(lock, longest, [&] { return under_way_ < before; });
    forget_ended(ended);
    lock.unlock();
  }

  void cancel() {
    const std::lock_guard lock(mutex_);
    for (const auto& slot : slots_) slot->run.cancel();
  }

 private:
  struct Slot {
    Slot(Store& store, JobClaims& claims, ClaimedBatch batch) : run(store, claims, std::move(batch)) {}
    queue_detail::BatchRun run;
    bool ended = false;
    std::jthread thread;
  };

  void count(const queue_detail::BatchEnd& end) {
    ++stats_.batches;
    if (end.given_back) ++stats_.given_back;
    stats_.ok += end.ok;
    stats_.failed += end.failed;
  }

  void forget_ended(std::list<std::shared_ptr<Slot>>& ended) {
    for (auto slot = slots_.begin(); slot != slots_.end();) {
      const auto next = std::next(slot);
      if ((*slot)->ended) ended.splice(ended.end(), slots_, slot);
      slot = next;
    }
  }

  /// Renews each lease at a third of it.
  void keep(const std::stop_token& stop) {
    std::mutex sleeping;
    std::condition_variable_any alarm;
    const auto third = options_.lease / 3;
    for (;;) {
      std::unique_lock lock(sleeping);
      if (alarm.wait_for(lock, stop, third, [] { return false; }); stop.stop_requested()) return;
      std::vector<std::shared_ptr<Slot>> now;
      {
        const std::lock_guard inner(mutex_);
        now.assign(slots_.begin(), slots_.end());
      }
      for (const auto& slot : now) renew(*slot);
    }
  }

  void renew(Slot& slot) noexcept {
    try {
      switch (claims_.renew(slot.run.batch(), options_.lease)) {
        case ClaimSignal::lost:
          if (!has_ended(slot)) slot.run.abandon();
          break;
        case ClaimSignal::cancel:
          slot.run.cancel();
          break;
        case ClaimSignal::pause:
        case ClaimSignal::go_on:
          break;
      }
    } catch (const std::exception& problem) {
      log(LogLevel::warning, slot.run.batch().connection_id, std::string("a lease could not be renewed: ") + problem.what());
    }
  }

  bool has_ended(const Slot& slot) const {
    const std::lock_guard lock(mutex_);
    return slot.ended;
  }

  Store& store_;
  JobClaims& claims_;
  const WorkerOptions& options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::shared_ptr<Slot>> slots_;
  std::size_t under_way_ = 0;
  WorkerStats stats_;
  std::jthread keeper_;  // last: it uses the others
};

QueueWorker::QueueWorker(Store& store, WorkerOptions options)
    : options_(checked(std::move(options))), store_(store), claims_(store), slots_(std::make_unique<Slots>(store, claims_, options_)) {}

QueueWorker::~QueueWorker() = default;

WorkerStats QueueWorker::stats() const { return slots_->stats(); }

void QueueWorker::run(const WorkerHost& host) {
  const auto start = [&](ClaimedBatch batch) {
    try {
      std::shared_ptr<Connection> connection = host.open(batch.connection_id);
      slots_->start(std::move(batch), std::move(connection));
    } catch (const Error& error) {
      slots_->postpone(std::move(batch), error);
    }
  };
  const auto due = [&](std::size_t free) {
    ClaimOptions claim;
    claim.worker = options_.name;
    claim.max_batches = static_cast<std::int64_t>(free);
    claim.lease = options_.lease;
    return claims_.anything_due() ? claims_.claim(claim) : std::vector<ClaimedBatch>{};
  };
  auto asked = steady_clock::now();
  const auto goes_on = [&] {
    if (steady_clock::now() - asked < tick) return true;
    asked = steady_clock::now();
    return host.goes_on();
  };
  auto look_again = steady_clock::now();
  while (goes_on()) {
    const std::size_t free = options_.concurrency - std::min(slots_->under_way(), options_.concurrency);
    if (free > 0 && steady_clock::now() >= look_again) {
      std::vector<ClaimedBatch> batches;
      try {
        batches = due(free);
        if (batches.empty() && options_.until_idle && slots_->under_way() == 0 && !claims_.next_due()) return;
        if (batches.empty()) look_again = steady_clock::now() + options_.poll;
      } catch (const Error& error) {  // another process holds the store for long, say: no reason to leave what is under way
        if (error.category != Category::store || !error.retryable) throw;
        log(LogLevel::warning, "store", std::string("nothing could be claimed, which is tried again: ") + error.what());
        look_again = steady_clock::now() + 20 * options_.poll;
      }
      for (ClaimedBatch& batch : batches) start(std::move(batch));
      if (batches.size() == free) continue;
    }
    const std::size_t before = slots_->under_way();
    slots_->wait(std::min(tick, options_.poll));
    if (slots_->under_way() < before) look_again = steady_clock::now();  // the end of one may have made another one ready
  }
  const auto latest = steady_clock::now() + options_.patience;
  bool ended = false;
  while (slots_->under_way() > 0) {
    if (!ended && (steady_clock::now() >= latest || !goes_on())) {
      ended = true;
      slots_->cancel();
    }
    slots_->wait(tick);
  }
}

}  // namespace switchgear

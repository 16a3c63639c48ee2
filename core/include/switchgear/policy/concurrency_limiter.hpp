// How many requests may be under way at once, found by trying: one more while the limit is used and replies come, a tenth less on a
// drop or a timeout (AIMD, as in Netflix's concurrency-limits).
//
// A Slot is a lease that its destructor returns; it borrows the limiter and must not outlive it. Any thread. The constructor throws
// Error(config); acquire() throws Error(cancelled).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {

struct ConcurrencyLimiterOptions {
  std::uint32_t initial = 20;  ///< `least` to `most`
  std::uint32_t least = 1;     ///< 1 to `most`
  std::uint32_t most = 200;    ///< up to 100,000
};

struct ConcurrencyMetrics {
  std::uint32_t limit = 0, in_flight = 0, waiting = 0;
  std::uint64_t drops = 0;
};

class ConcurrencyLimiter {
 public:
  class Slot {
   public:
    Slot(Slot&& other) noexcept : limiter_(std::exchange(other.limiter_, nullptr)) {}
    Slot& operator=(Slot&& other) noexcept {
      if (this != &other) {
        end(0);
        limiter_ = std::exchange(other.limiter_, nullptr);
      }
      return *this;
    }
    ~Slot() { end(0); }

    void success() noexcept { end(1); }
    /// Throttled, turned away or timed out.
    void dropped() noexcept { end(-1); }

   private:
    friend class ConcurrencyLimiter;
    explicit Slot(ConcurrencyLimiter* limiter) noexcept : limiter_(limiter) {}
    void end(int verdict) noexcept {
      if (limiter_ != nullptr) std::exchange(limiter_, nullptr)->finish(verdict);
    }
    ConcurrencyLimiter* limiter_;
  };

  explicit ConcurrencyLimiter(ConcurrencyLimiterOptions options = {});
  ConcurrencyLimiter(const ConcurrencyLimiter&) = delete;
  ConcurrencyLimiter& operator=(const ConcurrencyLimiter&) = delete;

  std::optional<Slot> try_acquire();
  Slot acquire(std::stop_token stop = {});
  /// Waits for a slot at most so long; nothing: there was none.
  std::optional<Slot> acquire_for(std::chrono::nanoseconds longest);

  ConcurrencyMetrics metrics() const;
  const ConcurrencyLimiterOptions& options() const noexcept { return options_; }

 private:
  void finish(int verdict) noexcept;

  const ConcurrencyLimiterOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable_any freed_;
  ConcurrencyMetrics now_;
};

}  // namespace switchgear

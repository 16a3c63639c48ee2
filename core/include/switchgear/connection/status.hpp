// How a connection is, in one word, and since when: worked out from what its calls met and what its breakers do.
//
//     unknown       nothing was tried yet
//     online        the last calls went well
//     degraded      some entities or operations fail or are kept back by their breaker; the rest works
//     offline       the source can't be reached: a call could make no connection, the connection's breaker is open, or replies
//                   failed to come several times in a row. What a retry got over changes nothing.
//     auth_required the credentials were refused for good: somebody has to act
//     paused        by hand; nothing is sent
//     disconnected  by hand, for good; nothing is sent
//
// Whatever is further down in this order outweighs what is above it, but offline outweighs auth_required. Any thread. A success
// costs a few relaxed loads while all is well, and a lock while it is not. Listeners run outside the lock, in order, on a thread that
// caused a transition, so that they may call anything here; what they throw is logged. Throws nothing else but std::bad_alloc.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/connection/error_log.hpp"
#include "switchgear/policy/circuit_breaker.hpp"
#include "switchgear/policy/concurrency_limiter.hpp"
#include "switchgear/policy/guard.hpp"
#include "switchgear/policy/rate_limiter.hpp"

namespace switchgear {

enum class LiveState : std::uint8_t { unknown, online, degraded, offline, auth_required, paused, disconnected };

std::string_view to_string(LiveState state) noexcept;

/// A transition.
struct StatusChange {
  std::string connection_id;
  LiveState from, to;
  WallTime at;
  std::optional<Error> error;  ///< what brought it about; nothing where none did
};

struct ConnectionStatus {
  std::string connection_id;
  LiveState state = LiveState::unknown;
  WallTime since;
  std::optional<Error> error;  ///< why it is not online
  std::vector<BreakerStatus> breakers;
  std::optional<RateLimiterMetrics> rate;  ///< nothing: that limiter is off
  std::optional<ConcurrencyMetrics> concurrency;
};

class StatusTracker {
 public:
  StatusTracker(std::string connection_id, Clock& clock);
  StatusTracker(const StatusTracker&) = delete;
  StatusTracker& operator=(const StatusTracker&) = delete;

  /// A call came to a good end.
  void succeeded(OperationRecord& operation) {
    operation.succeeded(clock_.wall());
    if (doubtful_.load(std::memory_order_relaxed) || operation.failing.load(std::memory_order_relaxed)) settle(operation);
  }

  /// A call failed for good, after its retries. Errors that are about the call and not about the source change nothing.
  void failed(OperationRecord& operation, const Error& error);

  void breaker_changed(const BreakerEvent& event, bool of_connection);

  /// A check found that the source is there and takes the credentials.
  void reachable();

  void pause() { hold(LiveState::paused); }
  void disconnect() { hold(LiveState::disconnected); }
  void resume();

  /// Nothing may be sent: Error(circuit_open, "paused" or "disconnected").
  std::optional<Error> refusal() const;

  LiveState state() const;
  /// Without breakers and limits, which are the guard's.
  ConnectionStatus status() const;

  void on_status(std::function<void(const StatusChange&)> listener);

 private:
  using Listeners = std::vector<std::function<void(const StatusChange&)>>;
  using Lock = std::unique_lock<std::mutex>;

  void settle(OperationRecord& operation);
  void hold(LiveState by_hand);
  LiveState derived() const;
  void move(Lock& lock, const std::optional<Error>& why);
  void deliver(Lock& lock) noexcept;

  const std::string connection_id_;
  Clock& clock_;
  std::atomic<bool> doubtful_{true};  // a success may change the state: it is unknown, or something speaks against the source
  std::atomic<bool> held_{false};

  mutable std::mutex mutex_;
  LiveState state_ = LiveState::unknown;
  WallTime since_;
  std::optional<Error> error_;
  std::optional<LiveState> by_hand_;
  bool tried_ = false;
  bool unreachable_ = false;
  bool refused_ = false;  // the credentials
  bool connection_breaker_open_ = false;
  std::uint32_t silent_in_a_row_ = 0;  // calls without a usable reply
  std::set<std::string> open_breakers_;
  std::set<const OperationRecord*> failing_;
  std::shared_ptr<const Listeners> listeners_;
  std::deque<StatusChange> changes_;
  bool delivering_ = false;
};

}  // namespace switchgear

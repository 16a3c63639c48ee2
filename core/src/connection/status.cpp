#include "switchgear/connection/status.hpp"

#include <array>
#include <exception>
#include <utility>

#include "switchgear/base/log.hpp"

namespace switchgear {
namespace {

constexpr std::uint32_t silent_is_offline = 3;

/// No connection could be made at all.
bool is_unreachable(const Error& error) {
  if (error.category == Category::timeout) return error.detail == "connect";
  return error.category == Category::offline && error.detail != "lost";
}

/// The source was there, and then no usable reply came: once is an accident.
bool is_silent(const Error& error) {
  return error.category == Category::offline || error.category == Category::timeout || error.category == Category::unavailable;
}

bool is_refusal(const Error& error) { return error.category == Category::auth_invalid || error.category == Category::auth_expired; }

/// About the source or our right to it, and so about the next call too.
bool is_failure_of_operation(const Error& error) {
  switch (error.category) {
    case Category::offline:
    case Category::timeout:
    case Category::permission:
    case Category::rate_limit:
    case Category::csrf:
    case Category::server:
    case Category::unavailable:
    case Category::protocol:
    case Category::plugin:
      return true;
    default:
      return false;
  }
}

bool is_open(BreakerState state) {
  return state == BreakerState::open || state == BreakerState::half_open || state == BreakerState::forced_open;
}

}  // namespace

std::string_view to_string(LiveState state) noexcept {
  constexpr std::array<std::string_view, 7> words = {"unknown", "online", "degraded", "offline", "auth_required", "paused", "disconnected"};
  return words[static_cast<std::size_t>(state)];
}

StatusTracker::StatusTracker(std::string connection_id, Clock& clock)
    : connection_id_(std::move(connection_id)), clock_(clock), since_(clock.wall()) {}

LiveState StatusTracker::derived() const {
  if (by_hand_) return *by_hand_;
  if (unreachable_ || connection_breaker_open_ || silent_in_a_row_ >= silent_is_offline) return LiveState::offline;
  if (refused_) return LiveState::auth_required;
  if (!failing_.empty() || !open_breakers_.empty()) return LiveState::degraded;
  return tried_ ? LiveState::online : LiveState::unknown;
}

void StatusTracker::settle(OperationRecord& operation) {
  Lock lock(mutex_);
  operation.failing.store(false, std::memory_order_relaxed);
  failing_.erase(&operation);
  tried_ = true;
  unreachable_ = false;
  refused_ = false;
  silent_in_a_row_ = 0;
  move(lock, std::nullopt);
}

void StatusTracker::reachable() {
  Lock lock(mutex_);
  tried_ = true;
  unreachable_ = false;
  refused_ = false;
  silent_in_a_row_ = 0;
  move(lock, std::nullopt);
}

void StatusTracker::failed(OperationRecord& operation, const Error& error) {
  const bool of_operation = is_failure_of_operation(error);
  if (!of_operation && !is_refusal(error)) return;
  Lock lock(mutex_);
  tried_ = true;
  if (is_unreachable(error)) unreachable_ = true;
  if (is_silent(error)) {
    ++silent_in_a_row_;
  } else {
    unreachable_ = false;  // it answered
    silent_in_a_row_ = 0;
  }
  if (is_refusal(error)) refused_ = true;
  if (of_operation) {
    operation.failing.store(true, std::memory_order_relaxed);
    failing_.insert(&operation);
  }
  move(lock, error);
}

void StatusTracker::breaker_changed(const BreakerEvent& event, bool of_connection) {
  if (event.kind != BreakerEventKind::state_changed && event.kind != BreakerEventKind::reset) return;
  Lock lock(mutex_);
  if (of_connection) {
    connection_breaker_open_ = is_open(event.to);
  } else if (is_open(event.to)) {
    open_breakers_.insert(event.breaker);
  } else {
    open_breakers_.erase(event.breaker);
  }
  move(lock, error_);
}

void StatusTracker::hold(LiveState by_hand) {
  Lock lock(mutex_);
  by_hand_ = by_hand;
  held_.store(true, std::memory_order_release);
  move(lock, std::nullopt);
}

void StatusTracker::resume() {
  Lock lock(mutex_);
  by_hand_.reset();
  held_.store(false, std::memory_order_release);
  move(lock, std::nullopt);
}

std::optional<Error> StatusTracker::refusal() const {
  if (!held_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (!by_hand_) return std::nullopt;
  const std::string word(to_string(*by_hand_));
  Error error(Category::circuit_open, word, "connection '" + connection_id_ + "' is " + word + ": nothing was sent");
  error.hint = *by_hand_ == LiveState::paused ? "resume() lets its calls through again" : "reconnect it, or use another connection";
  error.nothing_sent = true;
  error.connection_id = connection_id_;
  return error;
}

LiveState StatusTracker::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

ConnectionStatus StatusTracker::status() const {
  ConnectionStatus status;
  const std::lock_guard lock(mutex_);
  status.connection_id = connection_id_;
  status.state = state_;
  status.since = since_;
  status.error = error_;
  return status;
}

void StatusTracker::on_status(std::function<void(const StatusChange&)> listener) {
  const std::lock_guard lock(mutex_);
  auto more = listeners_ ? std::make_shared<Listeners>(*listeners_) : std::make_shared<Listeners>();
  more->push_back(std::move(listener));
  listeners_ = std::move(more);
}

/// To the state that the facts amount to; gives the lock up.
void StatusTracker::move(Lock& lock, const std::optional<Error>& why) {
  const LiveState next = derived();
  const bool troubled = next == LiveState::degraded || next == LiveState::offline || next == LiveState::auth_required;
  doubtful_.store(!tried_ || unreachable_ || refused_ || silent_in_a_row_ > 0, std::memory_order_relaxed);
  if (why && troubled) error_ = why;
  if (!troubled) error_.reset();
  if (next == state_) return;
  since_ = clock_.wall();
  if (listeners_) changes_.push_back({connection_id_, state_, next, since_, error_});
  state_ = next;
  deliver(lock);
}

/// One thread at a time delivers, so that all listeners hear the changes in their order.
void StatusTracker::deliver(Lock& lock) noexcept {
  if (delivering_) return;
  delivering_ = true;
  while (!changes_.empty()) {
    const StatusChange change = std::move(changes_.front());
    changes_.pop_front();
    const std::shared_ptr<const Listeners> listeners = listeners_;
    lock.unlock();
    for (const auto& listener : *listeners) {
      try {
        listener(change);
      } catch (const std::exception& problem) {
        log(LogLevel::error, connection_id_, std::string("a status listener failed: ") + problem.what());
      } catch (...) {
        log(LogLevel::error, connection_id_, "a status listener failed");
      }
    }
    lock.lock();
  }
  delivering_ = false;
}

}  // namespace switchgear

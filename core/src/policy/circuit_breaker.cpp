#include "switchgear/policy/circuit_breaker.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "option_check.hpp"
#include "switchgear/base/log.hpp"

namespace switchgear {
namespace {

using std::chrono::nanoseconds;

constexpr unsigned state_bits = 3;
constexpr std::uint64_t state_mask = (1U << state_bits) - 1;
constexpr std::size_t most_pending_events = 4096;

BreakerState state_of(std::uint64_t word) noexcept { return static_cast<BreakerState>(word & state_mask); }

CircuitBreakerOptions checked(CircuitBreakerOptions options) {
  check_share("failure_rate", options.failure_rate);
  check_share("slow_rate", options.slow_rate);
  check_time("slow_call", options.slow_call);
  if (const auto* count = std::get_if<CountWindow>(&options.window)) {
    check_number("window", count->calls, 1, 1'000'000);
    if (options.min_calls > count->calls) {
      refuse_option("min_calls", std::to_string(options.min_calls), "from 1 to the window's " + std::to_string(count->calls) + " calls");
    }
  } else {
    const auto length = std::get<TimeWindow>(options.window).length;
    if (length < std::chrono::seconds(1) || length > std::chrono::hours(24)) {
      refuse_option("window", std::to_string(length.count()) + " s", "from 1 s to 86400 s");
    }
  }
  if (options.min_calls == 0) refuse_option("min_calls", "0", "at least 1");
  check_number("half_open_calls", options.half_open_calls, 1, 10'000);
  check_time("half_open_max_wait", options.half_open_max_wait);
  check_time("open_for.cap", options.open_for.cap);
  check_time("open_for.initial", options.open_for.initial, options.open_for.cap);
  check_number("open_for.factor", options.open_for.factor, 1, 100);
  return options;
}

/// The end of a wait, without overflow however far off.
SteadyTime after(SteadyTime start, nanoseconds wait) noexcept { return start + std::clamp(wait, nanoseconds(0), longest_time); }

}  // namespace

std::string_view to_string(BreakerState state) noexcept {
  constexpr std::array<std::string_view, 6> words = {"closed", "open", "half_open", "forced_open", "disabled", "metrics_only"};
  return words[static_cast<std::size_t>(state)];
}

std::string_view to_string(BreakerEventKind kind) noexcept {
  constexpr std::array<std::string_view, 5> words = {"state_changed", "call_refused", "failure_rate_exceeded", "slow_rate_exceeded",
                                                     "reset"};
  return words[static_cast<std::size_t>(kind)];
}

CircuitBreaker::CircuitBreaker(CircuitBreakerOptions options, Clock& clock)
    : options_(checked(std::move(options))), clock_(clock), window_(options_.window), leases_(options_.half_open_calls) {}

// ---------------------------------------------------------------------------------------------------------------- taking a permit

std::optional<Permit> CircuitBreaker::acquire() { return acquire_from(clock_.now(), false); }

std::optional<Permit> CircuitBreaker::acquire_deferred() { return acquire_from(clock_.now(), true); }

std::optional<Permit> CircuitBreaker::acquire_from(SteadyTime now, bool deferred) {
  const std::uint64_t word = word_.load(std::memory_order_acquire);
  const BreakerState current = state_of(word);
  if (current == BreakerState::closed || current == BreakerState::metrics_only || current == BreakerState::disabled) {
    return Permit(this, word, now, Permit::no_lease);
  }
  Lock lock(mutex_);
  std::optional<Permit> permit = acquire_locked(now, deferred);
  if (!permit) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    tell(BreakerEventKind::call_refused, state_of(word_), 0, now);
  }
  settle(lock);
  return permit;
}

std::optional<Permit> CircuitBreaker::acquire_locked(SteadyTime now, bool deferred) {
  if (state_of(word_) == BreakerState::open) {
    if (now < reopens_at_) return std::nullopt;
    enter(BreakerState::half_open, now);
  }
  if (state_of(word_) == BreakerState::half_open) lapse_probes(now);  // which may decide
  const BreakerState current = state_of(word_);
  if (current == BreakerState::open || current == BreakerState::forced_open) return std::nullopt;
  if (current != BreakerState::half_open) return Permit(this, word_, now, Permit::no_lease);
  if (probes_.calls + probes_out_ >= options_.half_open_calls) return std::nullopt;
  Lease* lease = find_lease(Permit::no_lease);
  lease->number = ++last_lease_;
  lease->started = deferred ? SteadyTime::max() : now;
  ++probes_out_;
  return Permit(this, word_, now, lease->number);
}

CircuitBreaker::Lease* CircuitBreaker::find_lease(std::uint64_t number) noexcept {
  const auto found = std::find_if(leases_.begin(), leases_.end(), [&](const Lease& lease) { return lease.number == number; });
  return found == leases_.end() ? nullptr : &*found;
}

void Permit::start() noexcept {
  if (breaker_ == nullptr) return;
  started_ = breaker_->clock_.now();
  if (lease_ != no_lease) breaker_->start_lease(*this, started_);
}

void CircuitBreaker::start_lease(const Permit& permit, SteadyTime now) noexcept {
  const Lock lock(mutex_);
  if (word_ != permit.word_) return;
  if (Lease* lease = find_lease(permit.lease_)) lease->started = now;
}

// --------------------------------------------------------------------------------------------------------------- recording results

void CircuitBreaker::finish(const Permit& permit, Outcome outcome, std::optional<nanoseconds> duration,
                            std::optional<nanoseconds> retry_after) noexcept {
  const bool probe = permit.lease_ != Permit::no_lease;
  if (outcome == Outcome::neutral && !probe) return;
  const SteadyTime now = clock_.now();
  const bool failed = outcome == Outcome::failure;
  const bool slow = duration.value_or(now - permit.started_) > options_.slow_call;
  Lock lock(mutex_);
  const std::uint64_t word = word_.load(std::memory_order_relaxed);
  if (word != permit.word_) {
    ++dropped_;
    return;
  }
  if (probe) {
    Lease* lease = find_lease(permit.lease_);
    if (lease == nullptr) {  // lapsed: it has been counted as a failure
      ++dropped_;
      return;
    }
    *lease = {};
    --probes_out_;
    if (outcome == Outcome::neutral) return;
    count_probe(failed, slow, now, retry_after.value_or(nanoseconds(0)));
  } else if (state_of(word) != BreakerState::disabled) {
    count_in_window(failed, slow, now, retry_after.value_or(nanoseconds(0)));
  }
  settle(lock);
}

void CircuitBreaker::count_in_window(bool failed, bool slow, SteadyTime now, nanoseconds retry_after) {
  window_.add(failed, slow, now);
  ++total_calls_;
  if (!failed && !slow) return;  // a success never trips
  if (failed) ++total_failures_;
  const WindowTotals& totals = window_.totals(now);
  if (totals.calls < options_.min_calls) return;
  const BreakerState current = state_of(word_);
  const bool once = current == BreakerState::metrics_only;
  const bool too_many_failures = totals.failure_rate() >= options_.failure_rate;
  const bool too_slow = totals.slow_rate() >= options_.slow_rate;
  if (too_many_failures && !(once && failure_rate_told_)) {
    failure_rate_told_ = true;
    tell(BreakerEventKind::failure_rate_exceeded, current, totals.failure_rate(), now);
  }
  if (too_slow && !(once && slow_rate_told_)) {
    slow_rate_told_ = true;
    tell(BreakerEventKind::slow_rate_exceeded, current, totals.slow_rate(), now);
  }
  if (!once && (too_many_failures || too_slow)) open(now, retry_after);
}

/// Decides as soon as the permits still to come can't change the outcome.
void CircuitBreaker::count_probe(bool failed, bool slow, SteadyTime now, nanoseconds retry_after) {
  probes_.add(failed, slow);
  ++total_calls_;
  if (failed) ++total_failures_;
  const double all = options_.half_open_calls;
  const auto to_come = static_cast<double>(options_.half_open_calls - probes_.calls);
  const auto failures = static_cast<double>(probes_.failures);
  const auto slow_ones = static_cast<double>(probes_.slow);
  if (failures / all >= options_.failure_rate || slow_ones / all >= options_.slow_rate) {
    if (failures / all >= options_.failure_rate)
      tell(BreakerEventKind::failure_rate_exceeded, BreakerState::half_open, probes_.failure_rate(), now);
    if (slow_ones / all >= options_.slow_rate)
      tell(BreakerEventKind::slow_rate_exceeded, BreakerState::half_open, probes_.slow_rate(), now);
    open(now, retry_after);
  } else if ((failures + to_come) / all < options_.failure_rate && (slow_ones + to_come) / all < options_.slow_rate) {
    opened_in_a_row_ = 0;
    enter(BreakerState::closed, now);
  }
}

/// A probe that never came back is a failure, or the breaker would stay half open for ever.
void CircuitBreaker::lapse_probes(SteadyTime now) {
  for (Lease& lease : leases_) {
    if (lease.number == Permit::no_lease || lease.started == SteadyTime::max()) continue;
    if (now - lease.started < options_.half_open_max_wait) continue;
    lease = {};
    --probes_out_;
    count_probe(true, options_.half_open_max_wait > options_.slow_call, now, nanoseconds(0));
    if (state_of(word_) != BreakerState::half_open) return;
  }
}

// ------------------------------------------------------------------------------------------------------------------ changing state

nanoseconds CircuitBreaker::scheduled_wait() const noexcept {
  const OpenWait& wait = options_.open_for;
  const double grown = static_cast<double>(wait.initial.count()) * std::pow(wait.factor, static_cast<double>(opened_in_a_row_) - 1);
  return grown < static_cast<double>(wait.cap.count()) ? nanoseconds(std::llround(grown)) : wait.cap;
}

void CircuitBreaker::open(SteadyTime now, nanoseconds retry_after) {
  ++opened_in_a_row_;
  opened_at_ = now;
  least_wait_ = retry_after;
  reopens_at_ = after(now, std::max(scheduled_wait(), retry_after));
  wait_wanted_ = static_cast<bool>(options_.open_for.function);
  enter(BreakerState::open, now);
}

void CircuitBreaker::enter(BreakerState state, SteadyTime now) {
  const std::uint64_t word = word_.load(std::memory_order_relaxed);
  const BreakerState from = state_of(word);
  probes_ = {};
  probes_out_ = 0;
  std::fill(leases_.begin(), leases_.end(), Lease{});
  if (state != BreakerState::open) window_.clear();  // while open, the metrics show what opened it
  failure_rate_told_ = slow_rate_told_ = false;
  word_.store(((word >> state_bits) + 1) << state_bits | static_cast<std::uint64_t>(state), std::memory_order_release);
  if (state != from) tell(BreakerEventKind::state_changed, from, 0, now);
}

void CircuitBreaker::enter_by_hand(BreakerState state) {
  Lock lock(mutex_);
  opened_in_a_row_ = 0;
  wait_wanted_ = false;
  enter(state, clock_.now());
  settle(lock);
}

void CircuitBreaker::force_open() { enter_by_hand(BreakerState::forced_open); }
void CircuitBreaker::disable() { enter_by_hand(BreakerState::disabled); }
void CircuitBreaker::metrics_only() { enter_by_hand(BreakerState::metrics_only); }

void CircuitBreaker::reset() {
  Lock lock(mutex_);
  opened_in_a_row_ = 0;
  wait_wanted_ = false;
  const SteadyTime now = clock_.now();
  enter(BreakerState::closed, now);
  tell(BreakerEventKind::reset, BreakerState::closed, 0, now);
  settle(lock);
}

std::optional<BreakerMemory> CircuitBreaker::memory() const {
  const SteadyTime now = clock_.now();
  const Lock lock(mutex_);
  const BreakerState current = state_of(word_);
  if (current == BreakerState::half_open) return BreakerMemory{opened_in_a_row_, nanoseconds(0)};
  if (current != BreakerState::open) return std::nullopt;
  return BreakerMemory{opened_in_a_row_, std::max(nanoseconds(0), nanoseconds(reopens_at_ - now))};
}

void CircuitBreaker::restore(const BreakerMemory& memory) {
  const Lock lock(mutex_);
  const std::uint64_t word = word_.load(std::memory_order_relaxed);
  if (state_of(word) != BreakerState::closed) return;
  opened_in_a_row_ = std::max(1U, memory.opened_in_a_row);
  opened_at_ = clock_.now();
  reopens_at_ = after(opened_at_, memory.remaining);
  word_.store(((word >> state_bits) + 1) << state_bits | static_cast<std::uint64_t>(BreakerState::open), std::memory_order_release);
}

// -------------------------------------------------------------------------------------------------------------------------- events

void CircuitBreaker::on_event(std::function<void(const BreakerEvent&)> listener) {
  const Lock lock(mutex_);
  auto next = std::make_shared<Listeners>(listeners_ ? *listeners_ : Listeners());
  next->push_back(std::move(listener));
  listeners_ = std::move(next);
}

void CircuitBreaker::tell(BreakerEventKind kind, BreakerState from, double rate, SteadyTime now) {
  if (!listeners_) return;
  // A listener that hangs must not cost memory without end; what matters most, a change of state, is never dropped.
  if (kind == BreakerEventKind::call_refused && events_.size() >= most_pending_events) return;
  events_.push_back({kind, options_.name, from, state_of(word_), rate, now});
}

void CircuitBreaker::settle(Lock& lock) noexcept {
  if (wait_wanted_) ask_for_wait(lock);
  if (!events_.empty()) deliver(lock);
}

nanoseconds CircuitBreaker::asked_wait(std::uint32_t n) const noexcept {
  try {
    return options_.open_for.function(n);
  } catch (const std::exception& e) {
    log(LogLevel::error, options_.name, std::string("open_for threw: ") + e.what());
  } catch (...) {
    log(LogLevel::error, options_.name, "open_for threw");
  }
  return options_.open_for.initial;
}

void CircuitBreaker::ask_for_wait(Lock& lock) noexcept {
  wait_wanted_ = false;
  const std::uint64_t word = word_;
  const std::uint32_t n = opened_in_a_row_;
  lock.unlock();
  const nanoseconds wait = asked_wait(n);
  lock.lock();
  if (word_ == word) reopens_at_ = after(opened_at_, std::max(wait, least_wait_));
}

/// One thread delivers at a time, so that the order holds; the others leave their events to it.
void CircuitBreaker::deliver(Lock& lock) noexcept {
  if (delivering_) return;
  delivering_ = true;
  while (!events_.empty()) {
    const BreakerEvent event = std::move(events_.front());
    events_.pop_front();
    const std::shared_ptr<const Listeners> listeners = listeners_;
    lock.unlock();
    for (const auto& listener : *listeners) {
      try {
        listener(event);
      } catch (const std::exception& e) {
        log(LogLevel::error, options_.name, std::string("a listener threw: ") + e.what());
      } catch (...) {
        log(LogLevel::error, options_.name, "a listener threw");
      }
    }
    lock.lock();
  }
  delivering_ = false;
}

// ------------------------------------------------------------------------------------------------------------------------- reading

BreakerState CircuitBreaker::state() const noexcept { return state_of(word_.load(std::memory_order_acquire)); }

std::optional<nanoseconds> CircuitBreaker::retry_after_locked(SteadyTime now) const {
  const BreakerState current = state_of(word_);
  if (current == BreakerState::open) return std::max(nanoseconds(0), nanoseconds(reopens_at_ - now));
  if (current != BreakerState::half_open) return std::nullopt;
  nanoseconds first = options_.half_open_max_wait;  // a probe is under way; at the latest then its lease lapses
  for (const Lease& lease : leases_) {
    if (lease.number == Permit::no_lease || lease.started == SteadyTime::max()) continue;
    first = std::min(first, std::max(nanoseconds(0), nanoseconds(lease.started + options_.half_open_max_wait - now)));
  }
  return first;
}

BreakerMetrics CircuitBreaker::metrics() const {
  const SteadyTime now = clock_.now();
  const Lock lock(mutex_);
  BreakerMetrics metrics;
  metrics.state = state_of(word_);
  const WindowTotals& totals = metrics.state == BreakerState::half_open ? probes_ : window_.totals(now);
  metrics.calls = totals.calls;
  metrics.failures = totals.failures;
  metrics.slow_calls = totals.slow;
  metrics.failure_rate = totals.failure_rate();
  metrics.slow_rate = totals.slow_rate();
  metrics.refused = refused_.load(std::memory_order_relaxed);
  metrics.total_calls = total_calls_;
  metrics.total_failures = total_failures_;
  metrics.dropped = dropped_;
  if (metrics.state == BreakerState::open) metrics.retry_after = retry_after_locked(now);
  return metrics;
}

Error CircuitBreaker::refusal() const {
  const SteadyTime now = clock_.now();
  const Lock lock(mutex_);
  const BreakerState current = state_of(word_);
  Error error(Category::circuit_open,
              "the circuit breaker " + options_.name + " is " + std::string(to_string(current)) + ": nothing was sent");
  error.nothing_sent = true;
  error.retryable = current != BreakerState::forced_open;
  if (const auto wait = retry_after_locked(now)) {
    error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(*wait);
    error.hint = "too many calls failed; a probe is let through in " + seconds_text(*error.retry_after);
  } else if (current == BreakerState::forced_open) {
    error.hint = "it was opened by hand: reset() closes it";
  }
  return error;
}

Outcome CircuitBreaker::outcome_of(const std::exception_ptr& thrown) const {
  if (options_.classify) return options_.classify(thrown);
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return judge(error, BreakerScope::operation);
  } catch (...) {
    return Outcome::failure;
  }
}

}  // namespace switchgear

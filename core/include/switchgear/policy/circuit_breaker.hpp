// Stops calling what does not answer, and finds out by few calls when it does again.
//
//     closed --(a failure or slow call, and too many of them)--> open --(acquire after the wait)--> half_open --> closed or open
//     forced_open, disabled and metrics_only are entered and left by hand.
//
// A call takes a Permit, a lease that comes back whatever happens: its destructor returns it. Each state has its generation; a result that
// arrives in a later one is dropped. A permit borrows its breaker and must not outlive it; it belongs to one thread at a time.
// All members of CircuitBreaker may be called from any thread; acquire in the closed state takes no lock, recording one short lock, and
// neither allocates. Listeners run outside the lock, in order, on a thread that caused an event (so a listener may call anything here);
// what they throw is logged. Throws: the constructor Error(config) for options out of range; call() Error(circuit_open) and what the call
// throws.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/policy/breaker_rules.hpp"
#include "switchgear/policy/call_window.hpp"

namespace switchgear {

enum class BreakerState : std::uint8_t { closed, open, half_open, forced_open, disabled, metrics_only };

std::string_view to_string(BreakerState state) noexcept;

/// How long to stay open the n-th time in a row: `initial` x factor^(n-1), at most `cap`; or whatever `function` says.
struct OpenWait {
  std::chrono::nanoseconds initial = std::chrono::seconds(30);  ///< above 0, at most `cap`
  double factor = 1.0;                                          ///< 1 to 100; 1 is a fixed wait
  std::chrono::nanoseconds cap = std::chrono::minutes(5);       ///< at most 365 days
  /// Of n = 1, 2, ...; called outside the lock; a result below 0 or above 365 days is cut; if it throws, `initial` holds.
  std::function<std::chrono::nanoseconds(std::uint32_t n)> function = {};
};

enum class BreakerEventKind : std::uint8_t { state_changed, call_refused, failure_rate_exceeded, slow_rate_exceeded, reset };

std::string_view to_string(BreakerEventKind kind) noexcept;

struct BreakerEvent {
  BreakerEventKind kind;
  std::string breaker;  ///< its name
  BreakerState from;    ///< the same as `to` unless the state changed
  BreakerState to;
  double rate;  ///< the exceeded one; else 0
  SteadyTime at;
};

struct CircuitBreakerOptions {
  std::string name = "breaker";
  double failure_rate = 0.5;                                      ///< (0, 1]: open at this share of failures
  double slow_rate = 1.0;                                         ///< (0, 1]: or of slow calls
  std::chrono::nanoseconds slow_call = std::chrono::seconds(60);  ///< above 0; slow is what takes longer
  std::variant<CountWindow, TimeWindow> window = CountWindow{};   ///< the last calls, or the last seconds
  std::uint32_t min_calls = 10;                                   ///< 1 to the window's calls: fewer decide nothing
  OpenWait open_for = {};
  std::uint32_t half_open_calls = 3;                                       ///< 1 to 10,000: permits in all, not at a time
  std::chrono::nanoseconds half_open_max_wait = std::chrono::seconds(60);  ///< above 0; a permit out for longer has failed
  /// What an exception of call() counts as; unset: judge() for an Error, failure for anything else.
  std::function<Outcome(const std::exception_ptr&)> classify = {};
};

struct BreakerMetrics {
  BreakerState state = BreakerState::closed;
  std::uint64_t calls = 0, failures = 0, slow_calls = 0;  ///< in the window; in half_open: of its permits
  double failure_rate = 0, slow_rate = 0;                 ///< 0 without calls
  std::uint64_t refused = 0;                              ///< this and the next three: since it was made
  std::uint64_t total_calls = 0, total_failures = 0;
  std::uint64_t dropped = 0;                            ///< results that came too late to count
  std::optional<std::chrono::nanoseconds> retry_after;  ///< while open: until a probe is let through
};

/// What an open breaker hands on to one in another process.
struct BreakerMemory {
  std::uint32_t opened_in_a_row = 1;
  std::chrono::nanoseconds remaining{0};  ///< until a probe is let through
};

class CircuitBreaker {
 public:
  class Permit {
   public:
    Permit(Permit&& other) noexcept
        : breaker_(std::exchange(other.breaker_, nullptr)), word_(other.word_), started_(other.started_), lease_(other.lease_) {}
    Permit& operator=(Permit&& other) noexcept {
      if (this != &other) {
        release();
        breaker_ = std::exchange(other.breaker_, nullptr);
        word_ = other.word_, started_ = other.started_, lease_ = other.lease_;
      }
      return *this;
    }
    ~Permit() { release(); }

    /// The attempt begins now: its duration and a probe's lease run from here. For permits of acquire_deferred().
    void start() noexcept;

    /// Each ends the permit; later ones change nothing. Without a duration: the time since start.
    void success(std::optional<std::chrono::nanoseconds> duration = {}) { end(Outcome::success, duration, {}); }
    void failure(std::optional<std::chrono::nanoseconds> duration = {}, std::optional<std::chrono::nanoseconds> retry_after = {}) {
      end(Outcome::failure, duration, retry_after);
    }
    void release() noexcept { end(Outcome::neutral, {}, {}); }
    void end(Outcome outcome, std::optional<std::chrono::nanoseconds> duration,
             std::optional<std::chrono::nanoseconds> retry_after) noexcept {
      if (breaker_ == nullptr) return;
      std::exchange(breaker_, nullptr)->finish(*this, outcome, duration, retry_after);
    }

    /// The breaker has changed its state since: what this permit brings will not count.
    bool stale() const noexcept { return breaker_ == nullptr || breaker_->word_.load(std::memory_order_acquire) != word_; }

   private:
    friend class CircuitBreaker;
    static constexpr std::uint64_t no_lease = 0;
    Permit(CircuitBreaker* breaker, std::uint64_t word, SteadyTime started, std::uint64_t lease) noexcept
        : breaker_(breaker), word_(word), started_(started), lease_(lease) {}

    CircuitBreaker* breaker_;
    std::uint64_t word_;
    SteadyTime started_;
    std::uint64_t lease_;
  };

  explicit CircuitBreaker(CircuitBreakerOptions options = {}, Clock& clock = Clock::system());
  CircuitBreaker(const CircuitBreaker&) = delete;
  CircuitBreaker& operator=(const CircuitBreaker&) = delete;

  /// Nothing: refused. See refusal() for the reason as an Error.
  std::optional<Permit> acquire();

  /// As acquire(), but neither duration nor lease runs before Permit::start(): for callers that still wait for something else.
  std::optional<Permit> acquire_deferred();

  /// Error(circuit_open) with the state, and retry_after while that is known.
  Error refusal() const;

  /// Acquires, calls, records; an exception is classified and passed on.
  template <class F>
  std::invoke_result_t<F> call(F&& fn) {
    std::optional<Permit> permit = acquire();
    if (!permit) throw refusal();
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
        std::forward<F>(fn)();
        permit->success();
      } else {
        std::invoke_result_t<F> result = std::forward<F>(fn)();
        permit->success();
        return result;
      }
    } catch (...) {
      permit->end(outcome_of(std::current_exception()), {}, {});
      throw;
    }
  }

  /// Reading changes nothing: an open breaker whose wait is over is open until somebody acquires.
  BreakerState state() const noexcept;
  BreakerMetrics metrics() const;
  const CircuitBreakerOptions& options() const noexcept { return options_; }

  void force_open();
  void disable();
  void metrics_only();
  /// Closed, with an empty window.
  void reset();

  /// While it is open or half open: what restore() takes. A probe under way is none of another process's.
  std::optional<BreakerMemory> memory() const;
  /// A closed one is open from now on, for `remaining`. No event tells of it: nothing happened here.
  void restore(const BreakerMemory& memory);

  void on_event(std::function<void(const BreakerEvent&)> listener);

 private:
  using Listeners = std::vector<std::function<void(const BreakerEvent&)>>;
  using Lock = std::unique_lock<std::mutex>;

  struct Lease {
    std::uint64_t number = Permit::no_lease;  // no_lease: free
    SteadyTime started;                       // max(): not started yet
  };

  std::optional<Permit> acquire_from(SteadyTime now, bool deferred);
  std::optional<Permit> acquire_locked(SteadyTime now, bool deferred);
  void finish(const Permit& permit, Outcome outcome, std::optional<std::chrono::nanoseconds> duration,
              std::optional<std::chrono::nanoseconds> retry_after) noexcept;
  void start_lease(const Permit& permit, SteadyTime now) noexcept;
  Outcome outcome_of(const std::exception_ptr& thrown) const;

  void count_in_window(bool failed, bool slow, SteadyTime now, std::chrono::nanoseconds retry_after);
  void count_probe(bool failed, bool slow, SteadyTime now, std::chrono::nanoseconds retry_after);
  void lapse_probes(SteadyTime now);
  Lease* find_lease(std::uint64_t number) noexcept;
  void open(SteadyTime now, std::chrono::nanoseconds retry_after);
  std::chrono::nanoseconds scheduled_wait() const noexcept;
  void enter(BreakerState state, SteadyTime now);
  void enter_by_hand(BreakerState state);
  void tell(BreakerEventKind kind, BreakerState from, double rate, SteadyTime now);
  /// Gives the lock up, then does what must not be done under it.
  void settle(Lock& lock) noexcept;
  void ask_for_wait(Lock& lock) noexcept;
  std::chrono::nanoseconds asked_wait(std::uint32_t n) const noexcept;
  void deliver(Lock& lock) noexcept;
  std::optional<std::chrono::nanoseconds> retry_after_locked(SteadyTime now) const;

  const CircuitBreakerOptions options_;
  Clock& clock_;
  /// generation << 3 | state, so that one load tells both.
  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::uint64_t> refused_{0};

  mutable std::mutex mutex_;
  mutable CallWindow window_;
  std::uint64_t total_calls_ = 0, total_failures_ = 0, dropped_ = 0;
  bool failure_rate_told_ = false, slow_rate_told_ = false;  // metrics_only: once each
  std::uint32_t opened_in_a_row_ = 0;
  SteadyTime opened_at_{}, reopens_at_{};
  bool wait_wanted_ = false;  // options_.open_for.function is still to be asked
  std::chrono::nanoseconds least_wait_{0};
  std::vector<Lease> leases_;
  std::uint64_t last_lease_ = Permit::no_lease;
  std::uint32_t probes_out_ = 0;
  WindowTotals probes_;
  std::shared_ptr<const Listeners> listeners_;
  std::deque<BreakerEvent> events_;
  bool delivering_ = false;
};

using Permit = CircuitBreaker::Permit;

}  // namespace switchgear

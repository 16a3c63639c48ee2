// Everything that stands between a call and a source, in the one order there is:
//
//     retry( circuit breakers( rate limiter( concurrency limiter( attempt ))))
//
// Two breakers look at each attempt: the connection's, which counts only what says that the whole system is away, and one for each
// (entity, operation); both permits are taken or neither. They time the attempt alone: waiting for a limiter is no slow call.
// One Guard belongs to one connection. Any thread; run() blocks its caller and is woken by call.stop. It throws what the attempt throws,
// Error(circuit_open) when nothing may be sent, and Error(cancelled).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/policy/circuit_breaker.hpp"
#include "switchgear/policy/concurrency_limiter.hpp"
#include "switchgear/policy/rate_limiter.hpp"
#include "switchgear/policy/retry.hpp"

namespace switchgear {

/// Unset: that policy is off. Breakers' names are given by the guard.
struct GuardOptions {
  std::optional<RetryOptions> retry = RetryOptions{};
  std::optional<CircuitBreakerOptions> connection_breaker = CircuitBreakerOptions{};
  std::optional<CircuitBreakerOptions> operation_breaker = CircuitBreakerOptions{};
  std::optional<RateLimiterOptions> rate_limiter = RateLimiterOptions{};
  std::optional<ConcurrencyLimiterOptions> concurrency = ConcurrencyLimiterOptions{};
};

/// What the guard has done; may be shared by threads.
struct GuardCounters {
  std::atomic<std::uint64_t> attempts{0}, retries{0}, renewals{0}, refused{0};
  std::atomic<std::int64_t> waited_ns{0};  ///< for the rate limiter, for a free slot and between attempts
};

/// One call, that is one request with its retries.
struct GuardCall {
  std::string_view entity = {};
  std::string_view operation = {};  ///< "read", "create" ...
  RetrySubject subject = {};
  std::stop_token stop = {};
  /// Called once after credentials were refused and once after a csrf error, see is_renewable(): renews token, session or CSRF token, or
  /// takes up a secret that has changed. True: the call is repeated at once, which costs no retry. What it throws goes to the caller.
  std::function<bool(const Error& error)> renew = {};
  GuardCounters* counters = nullptr;  ///< counted in besides the guard's own; must outlive the call
};

/// What an attempt is told, and what it may say.
struct Attempt {
  std::uint32_t number = 1;
  bool renewed = false;  ///< credentials were renewed in this call: a 401 is final (ClassifyContext::renewed)
  /// Set by an attempt that returns a failed reply instead of throwing: the guard retries and counts as if it had thrown, and in the end
  /// returns the reply.
  std::optional<Error> error = {};
};

struct BreakerStatus {
  std::string name;
  std::string entity, operation;  ///< both empty: the connection's
  BreakerMetrics metrics;
};

/// What breakers and limiter have learnt, for a guard in another process.
struct GuardMemory {
  struct Breaker {
    std::string entity, operation;  ///< both empty: the connection's
    BreakerMemory memory;
  };
  std::vector<Breaker> breakers;  ///< those that are open
  std::optional<RateMemory> rate;
};

class Guard {
 public:
  explicit Guard(std::string name, GuardOptions options = {}, Clock& clock = Clock::system(), UniformRandom random = system_random());
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// `attempt` is called as attempt(Attempt&) once or more; its last result is returned.
  template <class F>
  std::invoke_result_t<F&, Attempt&> run(const GuardCall& call, F&& attempt) {
    using Result = std::invoke_result_t<F&, Attempt&>;
    if constexpr (std::is_void_v<Result>) {
      execute(call, [&attempt](Attempt& current) { attempt(current); });
    } else {
      std::optional<Result> result;
      execute(call, [&attempt, &result](Attempt& current) { result.emplace(attempt(current)); });
      return std::move(*result);
    }
  }

  /// The order of the policies and their parameters, for people.
  std::string explain() const;

  const GuardCounters& counters() const noexcept { return counters_; }
  /// The connection's first, then those of (entity, operation) that were used so far.
  std::vector<BreakerStatus> breakers() const;

  GuardMemory memory() const;
  /// For one that has sent nothing yet. What policy is off stays off.
  void restore(const GuardMemory& memory);

  /// Null where that policy is off. A breaker for (entity, operation) is made when first asked for, and lives as long as the guard.
  CircuitBreaker* connection_breaker() noexcept { return connection_breaker_.get(); }
  CircuitBreaker* operation_breaker(std::string_view entity, std::string_view operation);
  RateLimiter* rate_limiter() noexcept { return rate_limiter_.get(); }
  ConcurrencyLimiter* concurrency() noexcept { return concurrency_.get(); }
  const RateLimiter* rate_limiter() const noexcept { return rate_limiter_.get(); }
  const ConcurrencyLimiter* concurrency() const noexcept { return concurrency_.get(); }
  Retry* retry() noexcept { return retry_.get(); }

  /// Hears all breakers, also those still to be made.
  void on_event(std::function<void(const BreakerEvent&)> listener);

 private:
  using Key = std::pair<std::string, std::string>;
  using KeyView = std::pair<std::string_view, std::string_view>;
  struct KeyLess {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      return KeyView(a.first, a.second) < KeyView(b.first, b.second);
    }
  };
  struct Permits;

  void execute(const GuardCall& call, const std::function<void(Attempt&)>& attempt);
  /// Nothing: a breaker refused, and `refusal` says which.
  std::optional<Permits> acquire(CircuitBreaker* operation, std::optional<Error>& refusal);
  std::optional<Error> try_once(const GuardCall& call, CircuitBreaker* operation, Attempt& current,
                                const std::function<void(Attempt&)>& attempt, std::exception_ptr& thrown);
  void feed_back(const std::optional<Error>& error, std::optional<ConcurrencyLimiter::Slot>& slot);
  void wait_between(const GuardCall& call, std::chrono::nanoseconds delay);
  void count(const GuardCall& call, std::atomic<std::uint64_t> GuardCounters::* counter) noexcept;
  void count_wait(const GuardCall& call, std::chrono::nanoseconds waited) noexcept;

  const std::string name_;
  const GuardOptions options_;
  Clock& clock_;
  std::unique_ptr<Retry> retry_;
  std::unique_ptr<CircuitBreaker> connection_breaker_;
  std::unique_ptr<RateLimiter> rate_limiter_;
  std::unique_ptr<ConcurrencyLimiter> concurrency_;
  mutable std::shared_mutex mutex_;
  std::map<Key, std::unique_ptr<CircuitBreaker>, KeyLess> operation_breakers_;
  std::vector<std::function<void(const BreakerEvent&)>> listeners_;
  GuardCounters counters_;
};

}  // namespace switchgear

// Whether and when to try again: full jitter, a quota shared by all calls of a connection, and the source's own Retry-After.
//
// Retry holds options, randomness and quota, and may be used from any thread; RetryRun is one call's state and belongs to one thread.
// What may be repeated at all is decided by may_retry(). Nothing here sleeps but call(). The constructor throws Error(config).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <type_traits>
#include <utility>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/policy/retryable.hpp"

namespace switchgear {

/// A number in [0, 1); called from any thread.
using UniformRandom = std::function<double()>;

/// A generator of its own for each thread, seeded from the operating system.
UniformRandom system_random();

struct RetryOptions {
  std::uint32_t attempts = 3;  ///< 1 to 100, the first one included
  std::chrono::nanoseconds base =
      std::chrono::seconds(1);  ///< above 0, at most `cap`; the n-th delay is rand[0,1) x min(2^(n-1) base, cap)
  std::chrono::nanoseconds cap = std::chrono::seconds(20);  ///< at most 1 h
  std::uint32_t quota = 500;                                ///< tokens, 0 to 1,000,000; without tokens there is no retry
  std::uint32_t retry_cost = 5;                             ///< tokens, 0 to `quota`
  std::uint32_t timeout_cost = 10;                          ///< tokens for a retry after a timeout, 0 to `quota`
};

/// What is known about a request that might be repeated.
struct RetrySubject {
  std::string_view method = "GET";
  bool idempotency_key = false;  ///< it carries one that the source honours
};

class Retry;

class RetryRun {
 public:
  /// How long to wait before the next attempt; nothing: give `error` to the caller unchanged. Takes tokens from the quota.
  std::optional<std::chrono::nanoseconds> next(const Error& error, const RetrySubject& subject);

  /// The last attempt succeeded: gives tokens back.
  void success();

  std::uint32_t retries() const noexcept { return retries_; }

 private:
  friend class Retry;
  explicit RetryRun(Retry& retry) noexcept : retry_(retry) {}

  Retry& retry_;
  std::uint32_t retries_ = 0;
  std::uint32_t last_cost_ = 0;
};

class Retry {
 public:
  explicit Retry(RetryOptions options = {}, UniformRandom random = system_random());
  Retry(const Retry&) = delete;
  Retry& operator=(const Retry&) = delete;

  RetryRun start() noexcept { return RetryRun(*this); }

  /// Calls until it succeeds or an Error may not be retried, sleeping in between. Throws what the last call threw, Error(cancelled) on a
  /// stop request.
  template <class F>
  std::invoke_result_t<F&> call(F&& fn, const RetrySubject& subject = {}, Clock& clock = Clock::system(), std::stop_token stop = {}) {
    RetryRun run = start();
    for (;;) {
      std::chrono::nanoseconds delay{0};
      try {
        if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
          fn();
          return run.success();
        } else {
          std::invoke_result_t<F&> result = fn();
          run.success();
          return result;
        }
      } catch (const Error& error) {
        const std::optional<std::chrono::nanoseconds> next = run.next(error, subject);
        if (!next) throw;
        delay = *next;
      }
      if (!clock.sleep_for(delay, stop)) throw Error(Category::cancelled, "cancelled while waiting for the next attempt");
    }
  }

  std::uint32_t tokens() const;
  const RetryOptions& options() const noexcept { return options_; }

 private:
  friend class RetryRun;
  bool take(std::uint32_t cost);
  void give(std::uint32_t tokens);
  std::chrono::nanoseconds delay(std::uint32_t retry);

  const RetryOptions options_;
  const UniformRandom random_;
  mutable std::mutex mutex_;
  std::uint32_t tokens_;
};

}  // namespace switchgear

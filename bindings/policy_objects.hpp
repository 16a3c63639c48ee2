// What Python holds of the policies, and how its arguments become theirs.
//
// Each object owns its policy and a reference to the clock that was given for it. All are used with the GIL held; what they wait for is
// waited for without it. Arguments that are no number, or none of this world, are refused here with Error(config) naming field, value and
// range; the ranges themselves are the core's, which checks them.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/policy/circuit_breaker.hpp"
#include "switchgear/policy/rate_limiter.hpp"
#include "switchgear/policy/retry.hpp"

namespace switchgear::bindings {

/// A Clock, or None for the real one.
struct ClockReference {
  pybind11::object owner;
  Clock& clock;

  explicit ClockReference(pybind11::object given)
      : owner(std::move(given)), clock(owner.is_none() ? Clock::system() : owner.cast<Clock&>()) {}
};

/// Waits without the GIL; raises what a signal handler raised, within 100 ms.
void sleep_on(Clock& clock, std::chrono::nanoseconds duration);

/// Seconds or a timedelta. Without range beyond what can be counted in nanoseconds.
std::chrono::nanoseconds duration_from(const pybind11::handle& value, const char* field);
std::optional<std::chrono::nanoseconds> optional_duration_from(const pybind11::handle& value, const char* field);
double number_from(const pybind11::handle& value, const char* field, const char* range);
std::uint32_t whole_from(const pybind11::handle& value, const char* field, std::uint32_t least, std::uint32_t most);
double seconds_of(std::chrono::nanoseconds duration) noexcept;

struct BreakerObject {
  /// A permit of __enter__ called as a function, to be found by the __exit__ that belongs to it.
  struct Entered {
    std::thread::id thread;
    const void* context;  // of contextvars: each asyncio task has its own
    Permit permit;
  };

  ClockReference time;
  CircuitBreaker breaker;
  std::mutex mutex;
  std::vector<Entered> entered;
  std::vector<std::chrono::nanoseconds> waits_asked_ahead;  // of open_for's function, for breakers on threads that never run Python

  BreakerObject(CircuitBreakerOptions options, pybind11::object clock) : time(std::move(clock)), breaker(std::move(options), time.clock) {}
};

struct RateLimiterObject {
  ClockReference time;
  RateLimiter limiter;

  RateLimiterObject(RateLimiterOptions options, pybind11::object clock) : time(std::move(clock)), limiter(options, time.clock) {}
};

/// The randomness is Python's only where it was given: then it is called, with the GIL held, by those who retry.
struct RetryObject {
  Retry retry;

  RetryObject(RetryOptions options, const pybind11::object& random);
};

/// Ends a permit as `exception` (None: none was raised) says; the breaker's Python side classifies it.
void end_by_exception(const pybind11::handle& breaker, Permit permit, const pybind11::handle& exception,
                      std::optional<std::chrono::nanoseconds> duration = {});

/// __enter__, __exit__ and their async twins. See with_breaker.cpp.
void add_with_statement(pybind11::class_<BreakerObject>& breaker);

}  // namespace switchgear::bindings

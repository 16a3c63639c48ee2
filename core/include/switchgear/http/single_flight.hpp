// A value that many threads use and one at a time renews, while the others wait for its result.
//
// Each value has a generation; whoever wants another one names the generation that no longer serves. If it was replaced meanwhile, the
// replacement is the answer and nothing is renewed. All members may be called from any thread; no lock is held while renewing.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>

#include "switchgear/base/error.hpp"

namespace switchgear {

template <class Value>
class SingleFlight {
 public:
  struct Held {
    std::uint64_t generation = 0;        ///< 0: there was none yet
    std::shared_ptr<const Value> value;  ///< null: there is none
  };

  Held current() const {
    const std::lock_guard lock(mutex_);
    return held_;
  }

  /// `make()` returns the new Value. What it throws reaches all who waited for it; but when the one who renewed was merely cancelled,
  /// one of the others takes over.
  template <class Make>
  Held renew(std::uint64_t stale, Make&& make, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (held_.generation == stale && renewing_) {
      const std::uint64_t flight = flights_;
      if (!landed_.wait(lock, stop, [&] { return flights_ != flight; })) {
        throw Error(Category::cancelled, "the request was cancelled while it waited for new credentials");
      }
      if (held_.generation == stale && failed_flight_ == flight && failure_) std::rethrow_exception(failure_);
    }
    if (held_.generation != stale) return held_;
    renewing_ = true;
    lock.unlock();
    std::shared_ptr<const Value> made;
    std::exception_ptr failure;
    bool cancelled = false;
    try {
      made = std::make_shared<const Value>(make());
    } catch (const Error& error) {
      failure = std::current_exception();
      cancelled = error.category == Category::cancelled;
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    renewing_ = false;
    failed_flight_ = flights_++;
    failure_ = cancelled ? nullptr : failure;
    if (!failure) held_ = {held_.generation + 1, std::move(made)};
    const Held result = held_;
    landed_.notify_all();
    lock.unlock();
    if (failure) std::rethrow_exception(failure);
    return result;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any landed_;
  Held held_;
  bool renewing_ = false;
  std::uint64_t flights_ = 0;        ///< how many have landed
  std::uint64_t failed_flight_ = 0;  ///< the one that failure_ is of
  std::exception_ptr failure_;
};

}  // namespace switchgear

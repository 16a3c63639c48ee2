// A call of the core that an event loop waits for: it runs on a thread of its own, which never takes the GIL, and an eventfd tells when it
// is over.
//
// Owns the thread, the descriptor and the result until it is taken. Used with the GIL held, by one thread at a time. cancel() asks the call
// to stop; close() and the destructor ask and wait for it, without the GIL. result() throws what the call threw.
#pragma once

#include <pybind11/pybind11.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>

#include "news.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/process_stamp.hpp"

namespace switchgear::bindings {

/// A descriptor, if the system had one.
inline int opened(int descriptor) {
  if (descriptor >= 0) return descriptor;
  throw Error(Category::config, "too_many_files",
              "this process may open no more files, and an event loop needs one for each reader and call")
      .with_hint("raise the limit (ulimit -n), or do less at once");
}

class PendingCall {
 public:
  /// Runs `work(stop_token)`; `convert` makes a Python object of what it returned, with the GIL held.
  template <class Work, class Convert>
  PendingCall(Work work, Convert convert) : fd_(opened(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {
    using Result = std::invoke_result_t<Work&, std::stop_token>;
    auto outcome = std::make_shared<std::optional<Result>>();
    take_ = [outcome, convert = std::move(convert)] { return convert(*std::exchange(*outcome, std::nullopt)); };
    thread_ = std::jthread([this, outcome = outcome.get(), work = std::move(work)](std::stop_token stop) mutable {
      try {
        outcome->emplace(work(std::move(stop)));
      } catch (...) {
        failure_ = std::current_exception();
      }
      done_.store(true, std::memory_order_release);
      const std::uint64_t one = 1;
      // The first write to an eventfd of its own can't fail.
      [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
    });
  }
  ~PendingCall() {
    close();
    ::close(fd_);
  }
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;

  int ready_fd() const noexcept { return fd_; }

  bool is_usable() const noexcept { return process_.is_current(); }

  /// Only once, and only when ready_fd() is readable.
  pybind11::object result() {
    process_.check("this call");
    if (!done_.load(std::memory_order_acquire) || !take_) {
      throw Error(Category::internal, "pending", "the result of a call was asked for before it was there, or twice");
    }
    hand_over_news();
    const auto take = std::exchange(take_, nullptr);
    if (failure_) std::rethrow_exception(failure_);
    return take();
  }

  void cancel() {
    if (is_usable()) thread_.request_stop();
  }

  void close() {
    if (!is_usable()) return;
    const pybind11::gil_scoped_release release;
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    take_ = nullptr;  // a result that nobody took goes here: a reader's end may take a moment
  }

 private:
  ProcessStamp process_;
  int fd_;
  std::function<pybind11::object()> take_;  // holds the result, too
  std::exception_ptr failure_;
  std::atomic<bool> done_{false};
  std::jthread thread_;  // last: it uses the others
};

/// A forked child has no such thread to wait for.
struct LeakCallAfterFork {
  void operator()(PendingCall* call) const {
    if (call->is_usable()) delete call;
  }
};

using PendingCallHolder = std::unique_ptr<PendingCall, LeakCallAfterFork>;

}  // namespace switchgear::bindings

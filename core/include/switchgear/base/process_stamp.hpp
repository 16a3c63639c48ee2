// Remembers which process made an object. Threads, locks and sockets do not survive a fork: what was made before one must not be used
// after it, and says so instead of hanging. Any thread.
#pragma once

#include <unistd.h>

#include <string>

#include "switchgear/base/error.hpp"

namespace switchgear {

class ProcessStamp {
 public:
  bool is_current() const noexcept { return made_in_ == ::getpid(); }

  /// Throws Error(unsupported, "fork") in any other process; `what` names the object.
  void check(const std::string& what) const {
    if (is_current()) return;
    throw Error(Category::unsupported, "fork",
                what + " was made in process " + std::to_string(made_in_) + " and cannot be used in process " + std::to_string(::getpid()) +
                    ", forked from it")
        .with_hint("open it after the fork, or use multiprocessing's 'spawn' start method");
  }

 private:
  pid_t made_in_ = ::getpid();
};

}  // namespace switchgear

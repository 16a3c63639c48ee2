// An object that a process makes when it first asks for it and never destroys: threads may use it until the very end. After a fork the
// child gets one of its own, because locks and threads of the parent's are of no use there. Any thread.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>

namespace switchgear {

template <class T>
T& per_process() {
  static std::mutex mutex;
  static std::atomic<T*> object = nullptr;
  static std::atomic<pid_t> owner = 0;
  if (owner == ::getpid()) return *object;
  const std::lock_guard lock(mutex);
  if (owner != ::getpid()) {
    object = std::make_unique<T>().release();
    owner = ::getpid();
  }
  return *object;
}

}  // namespace switchgear

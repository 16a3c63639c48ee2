// The threads that requests of readers run on: a bounded number for the whole process, shared out fairly among connections.
//
// A task is one request. Groups (one for a connection) take turns; and a group that already runs as many tasks as threads are left may
// not take another one, so that a connection whose source hangs leaves room for the others: one alone gets half of the threads, two a
// third each, and one that runs nothing always gets a free thread. Threads are started when needed and end after idling. Any thread may
// submit; tasks must not throw. The destructor waits for running tasks and drops waiting ones.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

namespace switchgear {

class FetchPool {
 public:
  using Task = std::function<void()>;

  static constexpr std::size_t default_max_threads = 64;

  explicit FetchPool(std::size_t max_threads = default_max_threads);
  ~FetchPool();
  FetchPool(const FetchPool&) = delete;
  FetchPool& operator=(const FetchPool&) = delete;

  /// The process's own. A fork has another.
  static FetchPool& process();

  void submit(const std::string& group, Task task);

  std::size_t threads() const;
  std::size_t most_threads() const;  ///< that there ever were at once

 private:
  struct Group {
    std::string name;
    std::deque<Task> waiting;
    std::size_t running = 0;
  };
  using Groups = std::list<Group>;

  void work();
  Groups::iterator next_group();  // end: nothing may be started now
  void wake_or_start();

  const std::size_t max_threads_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Groups groups_;  // those with something to do or running; the next in turn first
  std::unordered_map<std::string, Groups::iterator> by_name_;
  std::size_t threads_ = 0, idle_ = 0, running_ = 0, most_ = 0;
  bool closing_ = false;
};

}  // namespace switchgear

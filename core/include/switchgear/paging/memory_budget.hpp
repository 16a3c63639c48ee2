// How many bytes pages may occupy between the source and their columns: one budget for a process, shared by its readers.
//
// take_or_wait() may refuse, and then tells the waiter when there is room; take() never does, and is for the one page that a reader may
// always hold: so readers that wait for each other's bytes can't come to a standstill, and what is held is at most the budget and a page a
// reader. Waiters are woken in the order in which they came. Any thread; nothing is thrown but std::bad_alloc. Waiters are called without
// a lock held, by the thread that gives bytes back.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace switchgear {

class MemoryBudget {
 public:
  /// Told that there is room again; whoever drops the last reference is told no more.
  using Waiter = std::function<void()>;

  static constexpr std::uint64_t default_max_bytes = std::uint64_t{512} << 20U;

  explicit MemoryBudget(std::uint64_t max_bytes = default_max_bytes) : max_bytes_(max_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// The process's own. A fork has another.
  static MemoryBudget& process();

  bool take_or_wait(std::uint64_t bytes, const std::shared_ptr<Waiter>& waiter);
  void take(std::uint64_t bytes);
  void give_back(std::uint64_t bytes);

  void set_max_bytes(std::uint64_t max_bytes);
  std::uint64_t max_bytes() const;
  std::uint64_t in_use() const;
  std::uint64_t peak() const;  ///< the most that was ever in use

 private:
  void wake();
  void add(std::uint64_t bytes) noexcept;

  mutable std::mutex mutex_;
  std::uint64_t max_bytes_;
  std::uint64_t in_use_ = 0;
  std::uint64_t peak_ = 0;
  std::deque<std::weak_ptr<Waiter>> waiters_;
  std::shared_ptr<Waiter> waking_;  // whose turn it is
  bool again_ = false;
};

}  // namespace switchgear

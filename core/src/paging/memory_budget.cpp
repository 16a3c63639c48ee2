#include "switchgear/paging/memory_budget.hpp"

#include <algorithm>
#include <utility>

#include "per_process.hpp"

namespace switchgear {

MemoryBudget& MemoryBudget::process() { return per_process<MemoryBudget>(); }

void MemoryBudget::add(std::uint64_t bytes) noexcept {
  in_use_ += bytes;
  peak_ = std::max(peak_, in_use_);
}

bool MemoryBudget::take_or_wait(std::uint64_t bytes, const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  const auto same = [&](const std::weak_ptr<Waiter>& other) { return !other.owner_before(waiter) && !waiter.owner_before(other); };
  const bool has_turn = waiter == waking_;
  const auto place = std::find_if(waiters_.begin(), waiters_.end(), same);
  // Who came later does not pass by those who wait.
  if (in_use_ + bytes <= max_bytes_ && (has_turn || place == waiters_.begin())) {
    if (place != waiters_.end()) waiters_.erase(place);
    add(bytes);
    return true;
  }
  if (place != waiters_.end()) return false;
  if (has_turn) {
    waiters_.push_front(waiter);
  } else {
    waiters_.push_back(waiter);
  }
  return false;
}

void MemoryBudget::take(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  add(bytes);
}

void MemoryBudget::give_back(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    in_use_ -= std::min(bytes, in_use_);
  }
  wake();
}

void MemoryBudget::set_max_bytes(std::uint64_t max_bytes) {
  {
    const std::lock_guard lock(mutex_);
    max_bytes_ = max_bytes;
  }
  wake();
}

// The first in line has its turn: it takes what it needs, or stays the first and ends the round, or wants nothing any more.
void MemoryBudget::wake() {
  std::unique_lock lock(mutex_);
  if (waking_ != nullptr) {
    again_ = true;  // whoever is at it sees to this, too
    return;
  }
  while (!waiters_.empty() && in_use_ < max_bytes_) {
    const std::shared_ptr<Waiter> first = waiters_.front().lock();
    waiters_.pop_front();
    if (first == nullptr) continue;
    waking_ = first;
    lock.unlock();
    (*first)();
    lock.lock();
    waking_ = nullptr;
    const bool stays = !waiters_.empty() && waiters_.front().lock() == first;
    if (stays && !std::exchange(again_, false)) return;
  }
  again_ = false;
}

std::uint64_t MemoryBudget::max_bytes() const {
  const std::lock_guard lock(mutex_);
  return max_bytes_;
}

std::uint64_t MemoryBudget::in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use_;
}

std::uint64_t MemoryBudget::peak() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}

}  // namespace switchgear

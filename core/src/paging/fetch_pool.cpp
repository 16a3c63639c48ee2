#include "switchgear/paging/fetch_pool.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "per_process.hpp"

namespace switchgear {
namespace {

constexpr std::chrono::seconds longest_idle{30};

}  // namespace

FetchPool::FetchPool(std::size_t max_threads) : max_threads_(std::max<std::size_t>(max_threads, 1)) {}

FetchPool::~FetchPool() {
  std::unique_lock lock(mutex_);
  closing_ = true;
  for (Group& group : groups_) group.waiting.clear();
  changed_.notify_all();
  changed_.wait(lock, [this] { return threads_ == 0; });
}

FetchPool& FetchPool::process() { return per_process<FetchPool>(); }

void FetchPool::submit(const std::string& group, Task task) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(group);
  Groups::iterator into{};
  if (found != by_name_.end()) {
    into = found->second;
  } else {
    into = groups_.insert(groups_.end(), Group{group, {}, 0});
    by_name_.emplace(group, into);
  }
  into->waiting.push_back(std::move(task));
  wake_or_start();
}

void FetchPool::wake_or_start() {
  if (next_group() == groups_.end()) return;
  if (idle_ > 0) return changed_.notify_one();
  if (threads_ >= max_threads_) return;
  ++threads_;
  most_ = std::max(most_, threads_);
  try {
    std::thread([this] { work(); }).detach();  // counted: the destructor waits for it
  } catch (...) {
    --threads_;
    if (threads_ == 0) throw;  // those that there are do the work
  }
}

FetchPool::Groups::iterator FetchPool::next_group() {
  const std::size_t left = max_threads_ - running_;
  return std::find_if(groups_.begin(), groups_.end(), [left](const Group& group) {
    return !group.waiting.empty() && left > 0 && (group.running == 0 || group.running < left);
  });
}

void FetchPool::work() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    const Groups::iterator group = next_group();
    if (group == groups_.end()) {
      ++idle_;
      const bool woken = changed_.wait_for(lock, longest_idle, [this] { return closing_ || next_group() != groups_.end(); });
      --idle_;
      if (!woken) break;
      continue;
    }
    Task task = std::move(group->waiting.front());
    group->waiting.pop_front();
    ++group->running;
    ++running_;
    groups_.splice(groups_.end(), groups_, group);
    wake_or_start();  // who was woken for it may have been woken for another one as well
    lock.unlock();
    task();
    task = nullptr;  // what it holds is let go before another one may see it as ended
    lock.lock();
    --running_;
    if (--group->running == 0 && group->waiting.empty()) {
      by_name_.erase(group->name);
      groups_.erase(group);
    }
    if (idle_ > 0 && next_group() != groups_.end()) changed_.notify_all();
  }
  --threads_;
  changed_.notify_all();
}

std::size_t FetchPool::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_;
}

std::size_t FetchPool::most_threads() const {
  const std::lock_guard lock(mutex_);
  return most_;
}

}  // namespace switchgear

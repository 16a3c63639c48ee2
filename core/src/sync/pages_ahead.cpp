#include "pages_ahead.hpp"

#include <utility>

#include "switchgear/paging/memory_budget.hpp"

namespace switchgear::sync_detail {
namespace {

using Wait = PageReader::Wait;

constexpr std::chrono::milliseconds tick{100};

}  // namespace

PagesAhead::PagesAhead(PageReader& pages, std::uint64_t max_bytes) : pages_(pages), max_bytes_(max_bytes) {
  if (max_bytes_ > 0) thread_ = std::thread([this] { read_on(); });
}

PagesAhead::~PagesAhead() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  pages_.stop();
  taken_.notify_one();
  thread_.join();
  MemoryBudget::process().give_back(bytes_);
}

PagesAhead::Came PagesAhead::read_one(std::chrono::milliseconds timeout) {
  Came came;
  try {
    came.wait = pages_.next_for(timeout, came.page);
    if (came.page) came.bytes = came.page->batch.bytes();
  } catch (...) {
    came.error = std::current_exception();
  }
  came.stats = pages_.stats();
  return came;
}

// What fills the budget may be other readers' pages, and nobody says here when those are gone: so it is looked at again.
bool PagesAhead::has_room() const {
  const MemoryBudget& budget = MemoryBudget::process();
  return waiting_.empty() || (bytes_ < max_bytes_ && budget.in_use() < budget.max_bytes());
}

void PagesAhead::read_on() {
  for (;;) {
    Came came = read_one(tick);
    const bool last = came.is_last();
    std::unique_lock lock(mutex_);
    if (stopped_) return;
    if (came.wait == Wait::pending && !last) continue;
    MemoryBudget::process().take(came.bytes);
    bytes_ += came.bytes;
    waiting_.push_back(std::move(came));
    came_.notify_one();
    if (last) return;
    while (!stopped_ && !has_room()) taken_.wait_for(lock, tick);
    if (stopped_) return;
  }
}

Wait PagesAhead::next_for(std::chrono::milliseconds timeout, std::optional<Page>& page) {
  page.reset();
  Came came;
  if (max_bytes_ == 0) {
    came = read_one(timeout);
  } else {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, timeout, [this] { return !waiting_.empty(); })) return Wait::pending;
    if (waiting_.front().is_last()) {  // told again and again
      came = waiting_.front();
    } else {
      came = std::move(waiting_.front());
      waiting_.pop_front();
      bytes_ -= came.bytes;
    }
  }
  if (came.bytes > 0 && max_bytes_ > 0) {
    MemoryBudget::process().give_back(came.bytes);
    taken_.notify_one();
  }
  stats_ = came.stats;
  if (came.error != nullptr) std::rethrow_exception(came.error);
  page = std::move(came.page);
  return came.wait;
}

}  // namespace switchgear::sync_detail

#include "group_commit.hpp"

#include <algorithm>
#include <optional>

#include "store_error.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear::store_detail {
namespace {

constexpr std::size_t most_together = 256;  // so that the first of them does not wait for ever
constexpr int most_tries = 8;

}  // namespace

void GroupCommit::run(const Work& work) {
  if (database_.kind() == DatabaseKind::postgresql) return run_alone(work);
  Waiting mine{&work, nullptr};
  run_in_turn(mine);
  if (mine.error) std::rethrow_exception(mine.error);
}

void GroupCommit::run_alone(const Work& work) {
  for (int tries = 1;; ++tries) {
    bool began = false;
    try {
      auto session = database_.session();
      Transaction transaction(session);
      began = true;
      work(session);
      transaction.commit();
      return;
    } catch (const Error& error) {
      // A deadlock undid everything; a connection that is lost before the transaction began was lost while it lay idle.
      const bool collided = began && error.category == Category::store && error.detail == "busy";
      const bool was_stale = !began && is_lost(error);
      if (tries == most_tries || (!collided && !was_stale)) throw;
    }
  }
}

void GroupCommit::run_in_turn(Waiting& mine) {
  std::unique_lock lock(mutex_);
  queue_.push_back(&mine);
  turn_.wait(lock, [&] { return mine.done || !leading_; });
  if (mine.done) return;
  leading_ = true;
  Group group;
  // Its own work is somewhere in the queue; those before it go first, and it leads until it is done.
  while (!mine.done) {
    group.assign(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), most_together)));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(group.size()));
    lock.unlock();
    commit(group);
    lock.lock();
    for (Waiting* waiting : group) waiting->done = true;
    turn_.notify_all();
  }
  leading_ = false;
  turn_.notify_all();
}

void GroupCommit::commit(const Group& group) {
  if (group.size() > 1 && commit_together(group)) return;
  for (Waiting* waiting : group) commit_one(*waiting);
}

/// False when the common transaction is gone: each must then be done alone, so that only the one at fault fails.
bool GroupCommit::commit_together(const Group& group) {
  bool began = false;
  try {
    auto session = database_.session();
    Transaction transaction(session);
    began = true;
    for (Waiting* waiting : group) {
      Savepoint savepoint(session);
      try {
        (*waiting->work)(session);
        savepoint.release();
      } catch (...) {
        waiting->error = std::current_exception();
        // SQLite answers some failures, such as a full disk, by undoing everything. Whatever came next would be committed by itself.
        if (!savepoint.undo()) return false;
      }
    }
    transaction.commit();
    return true;
  } catch (const Error& error) {
    if (began) return false;
    // Nobody gets the lock: to wait for it anew for each of them would take minutes. Each gets an error of its own, because it may change
    // it.
    for (Waiting* waiting : group) waiting->error = std::make_exception_ptr(error);
    return true;
  } catch (...) {
    return false;
  }
}

void GroupCommit::commit_one(Waiting& waiting) {
  waiting.error = nullptr;
  try {
    auto session = database_.session();
    Transaction transaction(session);
    (*waiting.work)(session);
    transaction.commit();
  } catch (...) {
    waiting.error = std::current_exception();
  }
}

}  // namespace switchgear::store_detail

// Transactions that share a commit. SQLite has one writer at a time and each commit waits for the disk, so whoever comes while another
// thread is writing is taken along by the next one: a hundred writers cost one fsync instead of a hundred. There is no thread of its own:
// the first to come does the work of all that wait. PostgreSQL does the same by itself, so there each work has its own transaction.
//
// Any thread. What one work throws undoes that work alone and reaches its own caller.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "switchgear/store/database.hpp"

namespace switchgear::store_detail {

class GroupCommit {
 public:
  using Work = std::function<void(DatabaseSession&)>;

  explicit GroupCommit(Database& database) : database_(database) {}

  /// Returns when what `work` wrote is committed. Throws what `work` throws, and Error(store) when the commit fails.
  void run(const Work& work);

 private:
  struct Waiting {
    const Work* work;
    std::exception_ptr error;
    bool done = false;
  };
  using Group = std::vector<Waiting*>;

  void run_alone(const Work& work);
  void run_in_turn(Waiting& mine);
  void commit(const Group& group);
  bool commit_together(const Group& group);
  void commit_one(Waiting& waiting);

  Database& database_;
  std::mutex mutex_;
  std::condition_variable turn_;
  std::deque<Waiting*> queue_;
  bool leading_ = false;
};

}  // namespace switchgear::store_detail

// What was read of a listing and is not committed yet: rows, with the columns that each has beside its record's, and keys of records that
// the source has removed.
//
// A checkpoint deletes before it writes. So a record that comes back after its removal may be in the same checkpoint, but one that is
// removed after its row came may not: would_revive() tells. Plain values, used by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "row_keys.hpp"
#include "switchgear/base/clock.hpp"
#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/rows.hpp"
#include "switchgear/sync/destination.hpp"

namespace switchgear::sync_detail {

class Unwritten {
 public:
  /// Of a listing that begins, or goes on. `key`: removed records are known by it; empty: none will be named.
  void begin(WallTime synced_at, const std::string& run_id, std::vector<std::string> key);

  void add(const RecordBatch& rows);
  void add_removed(const RecordBatch& keys);

  /// Is the row of one of these among those that were added?
  bool would_revive(const RecordBatch& keys) const;

  bool empty() const noexcept { return batches_.empty() && removed_.empty(); }
  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t removed() const noexcept { return removed_rows_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

  /// What is left is counted still, until clear().
  void give(Checkpoint& checkpoint);
  void clear();

 private:
  ColumnAdder adder_;
  std::vector<std::string> key_;
  std::vector<RecordBatch> batches_, removed_;
  std::int64_t rows_ = 0, removed_rows_ = 0;
  std::uint64_t bytes_ = 0;
  std::unordered_set<KeyHash, KeyHasher> keys_;  // of the rows
  std::string key_types_;                        // those that they were hashed in; other ones have other hashes
  bool mixed_types_ = false;
};

}  // namespace switchgear::sync_detail

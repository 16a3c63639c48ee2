#include "unwritten.hpp"

#include <chrono>
#include <utility>

#include "switchgear/data/schema.hpp"

namespace switchgear::sync_detail {
namespace {

std::string types_of(const RecordBatch& batch, const std::vector<std::string>& key) {
  const Schema schema = from_arrow_schema(*batch.schema());
  std::string types;
  for (const std::string& name : key) {
    const Field* const field = schema.find(name);
    types.append(field == nullptr ? "" : type_text(*field)).push_back('\n');
  }
  return types;
}

}  // namespace

void Unwritten::begin(WallTime synced_at, const std::string& run_id, std::vector<std::string> key) {
  Field at;
  at.name = synced_at_column;
  at.type = DataType::timestamp;
  Field id;
  id.name = run_id_column;
  adder_ = {};
  adder_.add_constant(at, std::chrono::floor<std::chrono::microseconds>(synced_at).time_since_epoch().count());
  adder_.add_constant(id, run_id);
  key_ = std::move(key);
}

void Unwritten::add(const RecordBatch& rows) {
  batches_.push_back(adder_.apply(rows));
  rows_ += rows.length();
  bytes_ += rows.bytes();
  if (key_.empty() || rows.length() == 0) return;
  const std::string types = types_of(rows, key_);
  mixed_types_ = mixed_types_ || (!keys_.empty() && types != key_types_);
  key_types_ = types;
  for (const KeyHash& hash : key_hashes(rows, key_)) keys_.insert(hash);
}

void Unwritten::add_removed(const RecordBatch& keys) {
  removed_.push_back(keys);
  removed_rows_ += keys.length();
  bytes_ += keys.bytes();
}

bool Unwritten::would_revive(const RecordBatch& keys) const {
  const std::vector<KeyHash> hashes = key_hashes(keys, key_);  // and so each has a key
  if (keys_.empty()) return false;
  if (mixed_types_ || types_of(keys, key_) != key_types_) return true;
  for (const KeyHash& hash : hashes)
    if (keys_.contains(hash)) return true;
  return false;
}

void Unwritten::give(Checkpoint& checkpoint) {
  checkpoint.batches = std::exchange(batches_, {});
  checkpoint.removed = std::exchange(removed_, {});
}

void Unwritten::clear() {
  batches_.clear();
  removed_.clear();
  rows_ = removed_rows_ = 0;
  bytes_ = 0;
  keys_.clear();
  key_types_.clear();
  mixed_types_ = false;
}

}  // namespace switchgear::sync_detail

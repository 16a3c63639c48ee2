// What the engine reads out of columns: keys, as hashes, and values of the cursor.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/schema.hpp"

namespace switchgear::sync_detail {

/// 128 bits, so that of millions of keys no two are taken for one.
struct KeyHash {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const KeyHash&) const = default;
};

struct KeyHasher {
  std::size_t operator()(const KeyHash& hash) const noexcept { return hash.low; }
};

/// For each row one of its values in `key`. Throws Error(data, "key") naming a column that is missing or a row without a value.
std::vector<KeyHash> key_hashes(const RecordBatch& batch, const std::vector<std::string>& key);

/// For each row one of all its values, null ones too.
std::vector<KeyHash> row_hashes(const RecordBatch& batch);

bool repeats_a_key(const std::vector<RecordBatch>& batches, const std::vector<std::string>& key);

/// A value of a cursor that can be compared: instants and whole numbers by size, text by its bytes.
struct CursorValue {
  bool is_text = false;
  std::int64_t number = 0;
  std::string text;
  auto operator<=>(const CursorValue&) const = default;
};

/// Reads the column `cursor` of a batch.
class CursorColumn {
 public:
  /// Throws Error(config, "cursor") for a column that is missing or has a type without an order.
  CursorColumn(const RecordBatch& batch, const std::string& cursor);

  DataType type() const noexcept { return type_; }
  bool has_zone() const noexcept { return utc_; }
  /// Nothing: null.
  std::optional<CursorValue> at(std::int64_t row) const;

 private:
  SharedArrowArray whole_;
  const ::ArrowArray* column_;
  DataType type_;
  bool utc_ = true;
};

/// "2026-01-31T08:00:00.000000Z"
std::string instant_text(std::int64_t microseconds);

/// The batches with a column that counts their rows.
void add_sequence(std::vector<RecordBatch>& batches, std::string_view name);

}  // namespace switchgear::sync_detail

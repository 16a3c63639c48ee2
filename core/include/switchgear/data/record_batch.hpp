// Records as Arrow columns: what a page becomes.
//
// A value with shared, immutable memory: copies are cheap and may be used from any thread.
#pragma once

#include <cstdint>
#include <utility>

#include "switchgear/data/arrow_abi.hpp"

namespace switchgear {

class RecordBatch {
 public:
  /// `array` is a struct array with one child for each of `schema`'s.
  RecordBatch(SharedArrowSchema schema, SharedArrowArray array) : schema_(std::move(schema)), array_(std::move(array)) {}

  std::int64_t length() const noexcept { return array_->length; }
  const SharedArrowSchema& schema() const noexcept { return schema_; }
  const SharedArrowArray& array() const noexcept { return array_; }

  RecordBatch first(std::int64_t rows) const { return rows >= length() ? *this : RecordBatch(schema_, slice(array_, 0, rows)); }

  std::uint64_t bytes() const { return arrow_bytes(*array_, *schema_); }

 private:
  SharedArrowSchema schema_;
  SharedArrowArray array_;
};

}  // namespace switchgear

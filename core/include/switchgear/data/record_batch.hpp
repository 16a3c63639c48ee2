// Records as Arrow columns: what a page becomes.
//
// A value with shared, immutable memory: copies are cheap and may be used from any thread.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

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

  /// Some of the columns, in the same memory; `schema` is theirs.
  RecordBatch columns(const std::vector<std::size_t>& which, SharedArrowSchema schema) const {
    std::vector<::ArrowArray> parts(which.size());
    for (std::size_t i = 0; i < which.size(); ++i) {
      share_part(array_, *array_->children[which[i]], &parts[i]);
      parts[i].offset += array_->offset;
      parts[i].length = length();
      if (array_->offset != 0) parts[i].null_count = -1;
    }
    return {std::move(schema), make_batch(std::move(parts), length())};
  }

  std::uint64_t bytes() const { return arrow_bytes(*array_, *schema_); }

 private:
  SharedArrowSchema schema_;
  SharedArrowArray array_;
};

}  // namespace switchgear

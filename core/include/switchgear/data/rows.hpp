// Rows and columns of batches, put together anew: some of the rows, more columns.
//
// Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/schema.hpp"

namespace switchgear {

/// The rows whose entry is not 0, in their order; the batch itself where all are. `schema` is the batch's.
RecordBatch select_rows(const RecordBatch& batch, const Schema& schema, const std::vector<std::uint8_t>& selected);

/// The columns, and no rows.
RecordBatch no_rows(const Schema& schema);

/// Adds columns to batches. It remembers what it made for the batch before, which mostly has the same columns.
class ColumnAdder {
 public:
  /// A column with the same value in each row.
  void add_constant(const Field& field, std::string_view text);
  void add_constant(const Field& field, std::int64_t number);

  /// A column that counts rows, over all batches, from 0.
  void add_counter(const Field& field);

  RecordBatch apply(const RecordBatch& batch);

 private:
  enum class Kind { text, number, counter };
  struct Added {
    Kind kind;
    Field field;
    std::string text;
    std::int64_t number = 0;
  };

  SharedArrowArray columns_of(std::int64_t length);

  std::vector<Added> added_;
  std::int64_t counted_ = 0;
  SharedArrowSchema seen_, wider_;
  SharedArrowArray columns_;  // of the length that the last batch had
};

}  // namespace switchgear

// Conditions on columns, for what a source cannot filter by itself: the rows of a batch for which all of them hold.
//
// A RowFilter is made once for the conditions of a read; immutable, any thread. A null is equal to nothing but null, and so differs from
// every value, as in OData's `ne` (4.01 URL Conventions, 5.1.1.1.2) and in Python: `!= 'OPEN'` keeps it, `<` and `in` do not. Numbers are
// compared exactly, whatever they are written as; text by its bytes. Throws Error(config, "where") that names the condition,
// for a column that there is not or whose type can't be compared with the value.
#pragma once

#include <utility>
#include <vector>

#include "switchgear/data/condition.hpp"
#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/schema.hpp"

namespace switchgear {

class RowFilter {
 public:
  explicit RowFilter(std::vector<Condition> conditions) : conditions_(std::move(conditions)) {}

  /// The rows of which all conditions hold, in their order; the batch itself where all rows do. `schema` is the batch's.
  RecordBatch apply(const RecordBatch& batch, const Schema& schema) const;

  /// Whether the conditions can be asked of these columns. Throws Error(config, "where") if not.
  void check(const Schema& schema) const;

  const std::vector<Condition>& conditions() const noexcept { return conditions_; }

 private:
  std::vector<Condition> conditions_;
};

}  // namespace switchgear

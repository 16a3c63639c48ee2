// Batches whose columns have widened from page to page, all with the columns of the widest: no value is changed, only written in the wider
// type. Columns that a batch lacks are null. Shares memory where a column's type is the same already.
//
// Any thread. Throws Error(data, "schema") naming column and types where one can't become the other without loss.
#pragma once

#include <vector>

#include "switchgear/data/record_batch.hpp"

namespace switchgear {

/// `schema` is that of the reader when it has read the last of them.
std::vector<RecordBatch> unify(const std::vector<RecordBatch>& batches, const SharedArrowSchema& schema);

}  // namespace switchgear

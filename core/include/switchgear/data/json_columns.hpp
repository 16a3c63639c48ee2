// JSON records into Arrow columns, in one pass and without a DOM.
//
// A JsonColumns is made once for a schema and used for all pages of a reader, by one thread at a time; it remembers the order of the
// members, so that a name is compared once, not searched. What does not fit is never dropped: a value of another type, a member
// without a column, a second member of the same name go, as JSON, into the column `_rescued` (an object: member -> original value).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "switchgear/data/json_page.hpp"
#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/schema.hpp"

namespace switchgear {

class JsonColumns {
 public:
  /// `projected`: the caller asked for these columns only, so that other members are left out, not rescued.
  explicit JsonColumns(Schema schema, bool projected = false);
  ~JsonColumns();
  JsonColumns(JsonColumns&&) noexcept;
  JsonColumns& operator=(JsonColumns&&) noexcept;

  /// The records of the page, which is used up. Throws Error(protocol) naming record and byte where the JSON is broken.
  RecordBatch read(JsonPage& page);

  /// The given schema and `_rescued`.
  const Schema& schema() const noexcept;
  const SharedArrowSchema& arrow_schema() const noexcept;

  /// Records with something in `_rescued`, since the beginning.
  std::uint64_t rescued() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace switchgear

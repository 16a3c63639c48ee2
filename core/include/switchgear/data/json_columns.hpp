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

struct JsonColumnsOptions {
  bool projected = false;  ///< the caller asked for these columns only: other members are left out, not rescued
  bool strict = false;     ///< what would be rescued is an Error(data, "schema") that names record, column and value
};

class JsonColumns {
 public:
  explicit JsonColumns(Schema schema, JsonColumnsOptions options = {});
  ~JsonColumns();
  JsonColumns(JsonColumns&&) noexcept;
  JsonColumns& operator=(JsonColumns&&) noexcept;

  /// The records of the page. Throws Error(protocol) naming record and byte where the JSON is broken.
  RecordBatch read(const JsonPage& page);

  /// Had the page that was read last something that a wider schema could have a column for? A new member, or a value that an inferred
  /// column has no room for.
  bool outgrown() const noexcept;

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

// What the values of a listing have been so far, and the narrowest columns that hold all of them.
//
// Sees whole pages before they are read (`see(page)`), and the batches that were read meanwhile (`see(batch)`), whose numbers count as
// well. What has been handed over widens only into what its values can be written as again: whole numbers -> decimals, or doubles where
// these hold every digit -> JSON text; dates and text -> text -> JSON text. An instant has lost its spelling, so its column stays one for
// ever. Used by one thread at a time. see(page) throws Error(protocol.json) where the JSON is broken.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "switchgear/data/json_page.hpp"
#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/schema.hpp"

namespace switchgear {

struct InferenceOptions {
  bool structures = false;          ///< objects and arrays become structures and lists; else JSON text
  std::vector<Field> declared{};    ///< columns whose type is settled, wherever they stand in the records
  std::vector<std::string> only{};  ///< these columns, in this order; empty: all that there are
};

class SchemaInference {
 public:
  explicit SchemaInference(InferenceOptions options = {});
  ~SchemaInference();
  SchemaInference(SchemaInference&&) noexcept;
  SchemaInference& operator=(SchemaInference&&) noexcept;

  /// Looks at the first `max_records` records; returns how many there were to look at.
  std::size_t see(const JsonPage& page, std::size_t max_records = SIZE_MAX);

  /// A batch that JsonColumns made with schema().
  void see(const RecordBatch& batch);

  /// The columns are in use from now on.
  void hand_over();

  /// Columns in the order in which their names were first seen; declared ones that were not seen come last.
  Schema schema() const;

  /// Has any record had this member?
  bool has_seen(std::string_view name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace switchgear

// The columns of a listing: declared, or learned from its first pages, and what becomes of a page that does not fit them.
//
//   evolve   inferred columns widen and new ones are added, page by page; a page's own schema says which it has (see unify.hpp)
//   frozen   columns stay as they were declared or first seen; what does not fit is rescued. The only way for an Arrow stream, which has
//   one
//            schema from its first batch to its last
//   strict   as frozen, but what does not fit is an Error(data, "schema")
//
// Nothing is lost in any of them. A declared type holds in all of them: what does not fit it is rescued, or refused. Used by one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/data/flatten.hpp"
#include "switchgear/data/json_columns.hpp"
#include "switchgear/data/json_page.hpp"
#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/row_filter.hpp"
#include "switchgear/data/schema.hpp"
#include "switchgear/data/schema_inference.hpp"

namespace switchgear {

enum class SchemaMode { evolve, frozen, strict };

/// What becomes of objects and arrays.
enum class Nested {
  as_declared,  ///< structures and lists where they are declared, JSON text where they are inferred
  json,         ///< JSON text
  structure,    ///< structures and lists
  flatten,      ///< structures become columns of their members: Location_Site; lists stay lists
};

/// "evolve", "frozen", "strict"; "": nothing is said. Throws Error(config, "schema") for another word.
std::optional<SchemaMode> schema_mode_from(std::string_view word);

/// "json", "struct", "flatten"; "": as declared. Throws Error(config, "nested") for another word.
Nested nested_from(std::string_view word);

struct PageColumnsOptions {
  std::optional<Schema> schema;      ///< nothing: inferred
  std::vector<Field> overrides{};    ///< types of some of the inferred columns; one that is not nullable must be among the members seen
  std::vector<std::string> only{};   ///< of inferred columns these, in this order; empty: all
  bool projected = false;            ///< the columns are what was asked for: other members are left out, not rescued
  std::optional<SchemaMode> mode{};  ///< nothing: evolve where columns are inferred, frozen where they are declared
  Nested nested = Nested::as_declared;
  std::vector<Condition> conditions{};  ///< that the source was not asked for: records for which one does not hold are left out
  std::vector<std::string> hidden{};    ///< columns that were read for their sake alone
};

class PageColumns {
 public:
  explicit PageColumns(PageColumnsOptions options);

  /// Are there columns yet? Else pages are to be looked at, then settle()d.
  bool settled() const noexcept { return columns_.has_value() || foreign_ != nullptr; }

  /// Will columns change after settle()? If not, more than one page is worth a look.
  bool evolves() const noexcept { return mode_ == SchemaMode::evolve; }

  /// From evolve to frozen. Before settle(), or without effect on columns that are learned by then.
  void freeze() noexcept;

  /// How many records there were to look at, at most `max_records`. Throws Error(protocol).
  std::size_t look_at(const JsonPage& page, std::size_t max_records);

  /// The columns of what was looked at. Throws Error(config, "column") for an override whose column nobody has seen.
  void settle();

  /// The page as columns. Throws Error(protocol), or, if strict, Error(data, "schema").
  RecordBatch read(const JsonPage& page);

  /// The same for a page that a connector made itself, which settles too. Throws Error(unsupported|data).
  RecordBatch read(const RecordBatch& page);

  /// Those of the next page, as far as they are known.
  const Schema& schema() const noexcept { return shown_; }
  const SharedArrowSchema& arrow_schema() const noexcept { return arrow_schema_; }

  /// Records with something in `_rescued`.
  std::uint64_t rescued() const noexcept { return rescued_before_ + (columns_ ? columns_->rescued() : 0); }

  /// Records left out by the conditions.
  std::uint64_t filtered() const noexcept { return filtered_; }

  /// Pages come from JSON, so that one from a connector has no place among them.
  bool reads_json() const noexcept { return columns_.has_value(); }

 private:
  void use(Schema schema);
  void check_overrides();
  void show(Schema schema, SharedArrowSchema arrow_schema);
  RecordBatch selected(RecordBatch batch);

  PageColumnsOptions options_;
  SchemaMode mode_;
  std::optional<SchemaInference> inference_;
  std::size_t seen_records_ = 0;
  std::optional<JsonColumns> columns_;
  Schema in_use_;  // what they were made for
  SharedArrowSchema foreign_;
  Flattening flattening_;
  RowFilter filter_;
  Schema whole_;  // with the hidden ones
  SharedArrowSchema whole_arrow_schema_;
  std::vector<std::size_t> visible_;  // where they stand in it; empty: all are
  Schema shown_;
  SharedArrowSchema arrow_schema_;
  std::uint64_t rescued_before_ = 0;
  std::uint64_t filtered_ = 0;
};

}  // namespace switchgear

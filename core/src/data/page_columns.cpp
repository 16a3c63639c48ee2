#include "switchgear/data/page_columns.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

void nested_as_json(std::vector<Field>& fields) {
  for (Field& field : fields) {
    if (field.type != DataType::structure && field.type != DataType::list) continue;
    field.type = DataType::json;
    field.children.clear();
  }
}

bool has_nested(const Schema& schema) {
  return std::any_of(schema.fields.begin(), schema.fields.end(),
                     [](const Field& field) { return field.type == DataType::structure || field.type == DataType::list; });
}

/// What is declared does not widen; what was not inferred may be added.
SchemaInference inference_for(const PageColumnsOptions& options) {
  InferenceOptions inference;
  inference.structures = options.nested == Nested::structure || options.nested == Nested::flatten;
  inference.only = options.only;
  inference.declared = options.schema ? options.schema->fields : options.overrides;
  for (Field& field : inference.declared) field.nullable = true;
  return SchemaInference(std::move(inference));
}

}  // namespace

std::optional<SchemaMode> schema_mode_from(std::string_view word) {
  if (word.empty()) return std::nullopt;
  if (word == "evolve") return SchemaMode::evolve;
  if (word == "frozen") return SchemaMode::frozen;
  if (word == "strict") return SchemaMode::strict;
  constexpr std::array<std::string_view, 3> known = {"evolve", "frozen", "strict"};
  throw Error(Category::config, "schema", "schema=\"" + std::string(word) + "\" is unknown" + did_you_mean(word, known))
      .with_hint("evolve, frozen, strict, or a dict of columns and types: {\"Cost\": \"decimal(12,3)\"}");
}

Nested nested_from(std::string_view word) {
  if (word.empty()) return Nested::as_declared;
  if (word == "json") return Nested::json;
  if (word == "struct") return Nested::structure;
  if (word == "flatten") return Nested::flatten;
  constexpr std::array<std::string_view, 3> known = {"json", "struct", "flatten"};
  throw Error(Category::config, "nested", "nested=\"" + std::string(word) + "\" is unknown" + did_you_mean(word, known))
      .with_hint("json, struct or flatten");
}

PageColumns::PageColumns(PageColumnsOptions options)
    : options_(std::move(options)),
      mode_(options_.mode.value_or(options_.schema ? SchemaMode::frozen : SchemaMode::evolve)),
      filter_(options_.conditions) {
  if (options_.nested == Nested::json) {
    if (options_.schema) nested_as_json(options_.schema->fields);
    nested_as_json(options_.overrides);
  }
  if (!options_.schema) {
    inference_.emplace(inference_for(options_));
    return;
  }
  if (evolves() && !options_.projected) {
    inference_.emplace(inference_for(options_));
    inference_->hand_over();
  }
  use(*options_.schema);
}

void PageColumns::freeze() noexcept {
  if (mode_ != SchemaMode::evolve) return;
  mode_ = SchemaMode::frozen;
  if (columns_) inference_.reset();
}

std::size_t PageColumns::look_at(const JsonPage& page, std::size_t max_records) {
  const std::size_t records = inference_->see(page, max_records);
  seen_records_ += records;
  return records;
}

void PageColumns::settle() {
  if (seen_records_ > 0) check_overrides();
  inference_->hand_over();
  use(inference_->schema());
  if (!evolves()) inference_.reset();
}

// A name that is nowhere is a slip of the pen more often than a column that comes later.
void PageColumns::check_overrides() {
  std::vector<std::string> names;
  for (const Field& field : inference_->schema().fields) {
    if (inference_->has_seen(field.name)) names.push_back(field.name);
  }
  for (const Field& field : options_.overrides) {
    if (field.nullable || inference_->has_seen(field.name)) continue;
    throw Error(Category::config, "column",
                "schema= names the column '" + field.name + "', which none of the first " + std::to_string(seen_records_) + " records has" +
                    did_you_mean(field.name, names))
        .with_hint("if it comes only later, say so by a '?' behind its type: \"" + type_text(field) + "?\"");
  }
}

void PageColumns::use(Schema schema) {
  in_use_ = std::move(schema);
  columns_.emplace(in_use_, JsonColumnsOptions{options_.projected, mode_ == SchemaMode::strict});
  if (options_.nested != Nested::flatten) return show(columns_->schema(), columns_->arrow_schema());
  Schema flat = flattening_.flat(columns_->schema());
  SharedArrowSchema arrow_schema = to_arrow_schema(flat);
  show(std::move(flat), std::move(arrow_schema));
}

void PageColumns::show(Schema schema, SharedArrowSchema arrow_schema) {
  whole_ = shown_ = std::move(schema);
  whole_arrow_schema_ = arrow_schema_ = std::move(arrow_schema);
  filter_.check(whole_);
  if (options_.hidden.empty()) return;
  visible_.clear();
  for (std::size_t i = 0; i < whole_.fields.size(); ++i) {
    if (std::find(options_.hidden.begin(), options_.hidden.end(), whole_.fields[i].name) == options_.hidden.end()) visible_.push_back(i);
  }
  shown_.fields.clear();
  for (const std::size_t i : visible_) shown_.fields.push_back(whole_.fields[i]);
  arrow_schema_ = to_arrow_schema(shown_);
}

RecordBatch PageColumns::selected(RecordBatch batch) {
  if (filter_.conditions().empty()) return batch;
  const std::int64_t before = batch.length();
  batch = filter_.apply(batch, whole_);
  filtered_ += static_cast<std::uint64_t>(before - batch.length());
  return options_.hidden.empty() ? batch : batch.columns(visible_, arrow_schema_);
}

RecordBatch PageColumns::read(const JsonPage& page) {
  const std::uint64_t rescued_until_now = columns_->rescued();
  RecordBatch batch = columns_->read(page);
  if (inference_ && evolves()) {
    if (columns_->outgrown()) {
      inference_->see(page);
      if (Schema wider = inference_->schema(); wider != in_use_) {
        rescued_before_ += rescued_until_now;
        use(std::move(wider));
        batch = columns_->read(page);
      }
      inference_->hand_over();
    } else {
      inference_->see(batch);
    }
  }
  return selected(options_.nested == Nested::flatten ? Flattening::apply(batch, columns_->schema(), whole_arrow_schema_) : batch);
}

RecordBatch PageColumns::read(const RecordBatch& page) {
  const Schema schema = from_arrow_schema(*page.schema());
  if (foreign_ != nullptr && schema == whole_) return selected(page);
  if ((options_.nested == Nested::json || options_.nested == Nested::flatten) && has_nested(schema)) {
    throw Error(Category::unsupported, "nested", "this connector makes its columns itself, and its structures and lists stay what they are")
        .with_hint("leave nested= out");
  }
  if (foreign_ != nullptr && !evolves()) {
    throw Error(Category::data, "schema", "the connector's columns have changed from one page to the next")
        .with_hint("schema=\"evolve\" reads such a listing page by page");
  }
  foreign_ = page.schema();
  show(schema, foreign_);
  return selected(page);
}

}  // namespace switchgear

#include "switchgear/data/rows.hpp"

#include <algorithm>

#include "column_builder.hpp"

namespace switchgear {

RecordBatch no_rows(const Schema& schema) {
  std::vector<ColumnBuilder> columns(schema.fields.begin(), schema.fields.end());
  return {to_arrow_schema(schema), finish_columns(columns, 0)};
}

void ColumnAdder::add_constant(const Field& field, std::string_view text) { added_.push_back({Kind::text, field, std::string(text)}); }

void ColumnAdder::add_constant(const Field& field, std::int64_t number) { added_.push_back({Kind::number, field, {}, number}); }

void ColumnAdder::add_counter(const Field& field) { added_.push_back({Kind::counter, field, {}}); }

SharedArrowArray ColumnAdder::columns_of(std::int64_t length) {
  const bool counts = std::any_of(added_.begin(), added_.end(), [](const Added& one) { return one.kind == Kind::counter; });
  if (columns_ != nullptr && columns_->length == length && !counts) return columns_;
  std::vector<ColumnBuilder> columns;
  for (const Added& one : added_) {
    ColumnBuilder& column = columns.emplace_back(one.field);
    for (std::int64_t row = 0; row < length; ++row) {
      switch (one.kind) {
        case Kind::text:
          column.append_text(one.text);
          break;
        case Kind::number:
          column.append(one.number);
          break;
        case Kind::counter:
          column.append(counted_ + row);
          break;
      }
    }
  }
  counted_ += length;
  return columns_ = finish_columns(columns, length);
}

RecordBatch ColumnAdder::apply(const RecordBatch& batch) {
  if (seen_ != batch.schema()) {
    Schema schema = from_arrow_schema(*batch.schema());
    for (const Added& one : added_) schema.fields.push_back(one.field);
    seen_ = batch.schema();
    wider_ = to_arrow_schema(schema);
  }
  const SharedArrowArray more = columns_of(batch.length());
  const SharedArrowArray& own = batch.array();
  std::vector<::ArrowArray> columns(static_cast<std::size_t>(own->n_children) + added_.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto first_added = static_cast<std::size_t>(own->n_children);
    if (i >= first_added) {
      share_part(more, *more->children[i - first_added], &columns[i]);
      continue;
    }
    share_part(own, *own->children[i], &columns[i]);
    columns[i].offset += own->offset;
    columns[i].length = batch.length();
    if (own->offset != 0) columns[i].null_count = -1;
  }
  return {wider_, make_batch(std::move(columns), batch.length())};
}

}  // namespace switchgear

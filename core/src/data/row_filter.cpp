#include "switchgear/data/row_filter.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <utility>

#include "column_builder.hpp"
#include "json_values.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/data/rows.hpp"

namespace switchgear {
namespace {

using Kind = ConditionValue::Kind;

Error refused(std::string message) { return {Category::config, "where", std::move(message)}; }

// ---- columns --------------------------------------------------------------------------------------------------------

bool bit(const void* bits, std::int64_t index) {
  const auto byte = static_cast<const std::uint8_t*>(bits)[index / 8];
  return (static_cast<unsigned>(byte) >> static_cast<unsigned>(index % 8) & 1U) != 0;
}

/// A column's memory, row by row; `before` rows of it belong to somebody else, besides the array's own offset.
class Column {
 public:
  explicit Column(const ::ArrowArray& array, std::int64_t before = 0) : array_(array), offset_(array.offset + before) {}

  bool is_null(std::int64_t row) const {
    return array_.n_buffers == 0 || (array_.buffers[0] != nullptr && !bit(array_.buffers[0], offset_ + row));
  }
  bool boolean(std::int64_t row) const { return bit(array_.buffers[1], offset_ + row); }

  template <class T>
  T value(std::int64_t row) const {
    T result;
    std::memcpy(&result, static_cast<const char*>(array_.buffers[1]) + static_cast<std::size_t>(offset_ + row) * sizeof(T), sizeof(T));
    return result;
  }

  std::string_view text(std::int64_t row) const {
    const auto [begin, end] = range(row);
    return {static_cast<const char*>(array_.buffers[2]) + begin, static_cast<std::size_t>(end - begin)};
  }

  /// Of a text its bytes, of a list its items.
  std::pair<std::int32_t, std::int32_t> range(std::int64_t row) const {
    const auto* offsets = static_cast<const std::int32_t*>(array_.buffers[1]) + offset_ + row;
    return {offsets[0], offsets[1]};
  }

  /// A member of a structure begins where the structure does; an item of a list where its range says.
  Column member(std::size_t index) const { return Column(*array_.children[index], offset_); }
  Column items() const { return Column(*array_.children[0]); }

 private:
  const ::ArrowArray& array_;
  std::int64_t offset_;
};

// ---- conditions on columns ------------------------------------------------------------------------------------------

template <Comparison comparison, class T, class U>
bool compares(const T& value, const U& other) {
  switch (comparison) {
    case Comparison::equal:
    case Comparison::in:
      return value == other;
    case Comparison::not_equal:
      return value != other;
    case Comparison::less:
      return value < other;
    case Comparison::less_or_equal:
      return value <= other;
    case Comparison::greater:
      return value > other;
    case Comparison::greater_or_equal:
      return value >= other;
  }
  return false;
}

/// Calls `use` with the comparison as a constant, so that a loop in it does not ask for every row.
template <class Use>
auto with_constant(Comparison comparison, Use use) {
  switch (comparison) {
    case Comparison::equal:
      return use(std::integral_constant<Comparison, Comparison::equal>());
    case Comparison::not_equal:
      return use(std::integral_constant<Comparison, Comparison::not_equal>());
    case Comparison::less:
      return use(std::integral_constant<Comparison, Comparison::less>());
    case Comparison::less_or_equal:
      return use(std::integral_constant<Comparison, Comparison::less_or_equal>());
    case Comparison::greater:
      return use(std::integral_constant<Comparison, Comparison::greater>());
    case Comparison::greater_or_equal:
      return use(std::integral_constant<Comparison, Comparison::greater_or_equal>());
    case Comparison::in:
      break;
  }
  return use(std::integral_constant<Comparison, Comparison::in>());
}

template <class T>
bool holds(Comparison comparison, const T& value, const T& other) {
  return with_constant(comparison, [&](auto constant) { return compares<constant.value>(value, other); });
}

using Selected = std::vector<std::uint8_t>;

/// One condition on one column. A null is looked at here, so that whatever compares meets values only.
class Selection {
 public:
  Selection(const Condition& condition, const Column& column, Selected& selected)
      : comparison_(condition.comparison), column_(column), selected_(selected) {
    const bool null_wanted =
        std::any_of(condition.values.begin(), condition.values.end(), [](const auto& value) { return value.kind == Kind::null; });
    null_holds_ = null_wanted != (comparison_ == Comparison::not_equal);
  }

  /// `get` reads a row's value, which compares with the `wanted` ones. Without any, a value differs from all there are.
  template <class T, class Get>
  void compare(const std::vector<T>& wanted, Get get) {
    if (wanted.empty()) return each([this](std::int64_t) { return comparison_ == Comparison::not_equal; });
    if (comparison_ == Comparison::in) {
      return each([&](std::int64_t row) { return std::find(wanted.begin(), wanted.end(), get(row)) != wanted.end(); });
    }
    with_constant(comparison_, [&](auto constant) {
      each([&, first = wanted.front()](std::int64_t row) { return compares<constant.value>(get(row), first); });
    });
  }

  template <class Holds>
  void each(Holds holds) {
    for (std::size_t i = 0; i < selected_.size(); ++i) {
      if (selected_[i] == 0) continue;
      const auto row = static_cast<std::int64_t>(i);
      selected_[i] = column_.is_null(row) ? null_holds_ : holds(row);
    }
  }

  const Column& column() const noexcept { return column_; }

 private:
  Comparison comparison_;
  const Column& column_;
  Selected& selected_;
  bool null_holds_;
};

/// Wide enough for every number here, and on the machines we know exact for 64 bits.
std::optional<long double> number(std::string_view text) {
  long double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec == std::errc::result_out_of_range) return text.front() == '-' ? -HUGE_VALL : HUGE_VALL;
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

long double power_of_ten(int exponent) {
  long double result = 1;
  while (exponent-- > 0) result *= 10;
  return result;
}

/// A condition that does not fit a column; thrown only where it is, and told what it is about then.
struct Mismatch : std::exception {};

/// The values but null, as `parse` reads them.
template <class T, class Parse>
std::vector<T> wanted_values(const Condition& condition, Parse parse) {
  std::vector<T> wanted;
  for (const ConditionValue& value : condition.values) {
    if (value.kind == Kind::null) continue;
    std::optional<T> parsed = parse(value);
    if (!parsed) throw Mismatch();
    wanted.push_back(*std::move(parsed));
  }
  return wanted;
}

/// `exact` reads a value as the column has it. Where one can't be (2.5 for a column of whole numbers), all are compared as numbers.
template <class T, class Exact>
void select_numbers(const Condition& condition, long double unit, Exact exact, Selection* selection) {
  const auto as_number = [](const ConditionValue& value) { return value.kind == Kind::boolean ? std::nullopt : number(value.text); };
  const std::vector<long double> numbers = wanted_values<long double>(condition, as_number);
  if (selection == nullptr) return;
  const auto get = [column = selection->column()](std::int64_t row) { return column.template value<T>(row); };
  std::vector<T> same;
  for (const ConditionValue& value : condition.values) {
    if (value.kind == Kind::null) continue;
    if (const std::optional<T> found = exact(value.text)) same.push_back(*found);
  }
  if (same.size() == numbers.size()) return selection->compare(same, get);
  selection->compare(numbers, [&](std::int64_t row) { return static_cast<long double>(get(row)) / unit; });
}

template <class T, class Parse>
void select_parsed(const Condition& condition, Parse parse, Selection* selection) {
  const auto wanted = wanted_values<T>(
      condition, [&](const ConditionValue& value) { return value.kind == Kind::text ? parse(value.text) : std::optional<T>(); });
  if (selection == nullptr) return;
  selection->compare(wanted, [column = selection->column()](std::int64_t row) { return column.template value<T>(row); });
}

void select_booleans(const Condition& condition, Selection* selection) {
  const auto wanted = wanted_values<std::uint8_t>(condition, [](const ConditionValue& value) -> std::optional<std::uint8_t> {
    if (value.kind != Kind::boolean) return std::nullopt;
    return value.text == "true";
  });
  if (selection == nullptr) return;
  selection->compare(wanted, [column = selection->column()](std::int64_t row) { return std::uint8_t{column.boolean(row)}; });
}

void select_texts(const Condition& condition, Selection* selection) {
  const auto wanted = wanted_values<std::string_view>(condition, [](const ConditionValue& value) -> std::optional<std::string_view> {
    if (value.kind != Kind::text) return std::nullopt;
    return value.text;
  });
  if (selection == nullptr) return;
  selection->compare(wanted, [column = selection->column()](std::int64_t row) { return column.text(row); });
}

/// A column of mixed values has them as JSON text. A value of another kind than the condition's is as different from it as can be.
void select_json(const Condition& condition, Selection* selection) {
  if (selection == nullptr) return;
  const bool negated = condition.comparison == Comparison::not_equal;
  const Comparison comparison = negated ? Comparison::equal : condition.comparison;
  selection->each([&, column = selection->column()](std::int64_t row) {
    const std::string_view text = column.text(row);
    const auto value = nlohmann::json::parse(text, nullptr, false);
    const bool found = std::any_of(condition.values.begin(), condition.values.end(), [&](const ConditionValue& wanted) {
      if (value.is_string() && wanted.kind == Kind::text) return holds(comparison, value.get_ref<const std::string&>(), wanted.text);
      if (value.is_boolean() && wanted.kind == Kind::boolean) return holds(comparison, value.get<bool>(), wanted.text == "true");
      if (!value.is_number() || wanted.kind != Kind::number) return false;
      return holds(comparison, number(text).value_or(0), number(wanted.text).value_or(0));
    });
    return found != negated;
  });
}

/// A date alone is its midnight.
std::optional<std::int64_t> instant(const std::string& text, bool utc) {
  const std::optional<Timestamp> parsed = parse_timestamp(text);
  if (parsed && parsed->has_zone == utc) return parsed->us;
  if (const auto day = parse_date(text)) return std::int64_t{*day} * 86'400'000'000;
  return std::nullopt;
}

/// Without a selection it only looks whether the condition fits. Throws Mismatch where it does not.
void dispatch(const Condition& condition, const Field& field, Selection* selection) {
  switch (field.type) {
    case DataType::boolean:
      return select_booleans(condition, selection);
    case DataType::int64:
      return select_numbers<std::int64_t>(condition, 1, parse_int64, selection);
    case DataType::uint64:
      return select_numbers<std::uint64_t>(condition, 1, parse_uint64, selection);
    case DataType::float64:
      return select_numbers<double>(condition, 1, parse_float64, selection);
    case DataType::decimal: {
      const auto exact = [&field](const std::string& text) { return parse_decimal(text, 38, field.scale); };
      return select_numbers<int128>(condition, power_of_ten(field.scale), exact, selection);
    }
    case DataType::date:
      return select_parsed<std::int32_t>(condition, parse_date, selection);
    case DataType::time:
      return select_parsed<std::int64_t>(condition, parse_time, selection);
    case DataType::timestamp:
      return select_parsed<std::int64_t>(condition, [&field](const std::string& text) { return instant(text, field.utc); }, selection);
    case DataType::utf8:
      return select_texts(condition, selection);
    case DataType::json:
      return select_json(condition, selection);
    default:
      throw Mismatch();
  }
}

void apply_one(const Condition& condition, const Field& field, Selection* selection) {
  try {
    dispatch(condition, field, selection);
  } catch (const Mismatch&) {
    const bool comparable = field.type != DataType::structure && field.type != DataType::list && field.type != DataType::binary;
    throw refused("the condition " + condition.describe() + " does not fit the column '" + field.name + "', which is " + type_text(field))
        .with_hint(comparable ? "compare with a value of that type; instants as 2026-01-31T06:00:00Z"
                              : "select by it in pandas, polars or DuckDB");
  }
}

const Field& field_of(const Condition& condition, const Schema& schema) {
  if (const Field* field = schema.find(condition.field)) return *field;
  std::vector<std::string> names;
  for (const Field& field : schema.fields) names.push_back(field.name);
  throw refused("the condition " + condition.describe() + " is about a column that there is not" + did_you_mean(condition.field, names));
}

// ---- rows -----------------------------------------------------------------------------------------------------------

void append_row(const Column& from, std::int64_t row, ColumnBuilder& into);

void append_value(const Column& from, std::int64_t row, ColumnBuilder& into) {
  switch (into.field().type) {
    case DataType::boolean:
      return into.append_bool(from.boolean(row));
    case DataType::date:
      return into.append(from.value<std::int32_t>(row));
    case DataType::decimal:
      return into.append(from.value<int128>(row));
    case DataType::utf8:
    case DataType::json:
    case DataType::binary:
      return into.append_text(from.text(row));
    case DataType::structure:
      for (std::size_t i = 0; i < into.children().size(); ++i) append_row(from.member(i), row, into.children()[i]);
      return into.append_structure();
    case DataType::list: {
      const auto [begin, end] = from.range(row);
      for (std::int64_t item = begin; item < end; ++item) append_row(from.items(), item, into.children().front());
      return into.append_list();
    }
    default:
      return into.append(from.value<std::int64_t>(row));
  }
}

void append_row(const Column& from, std::int64_t row, ColumnBuilder& into) {
  if (from.is_null(row)) {
    into.append_null();
  } else {
    append_value(from, row, into);
  }
}

}  // namespace

void RowFilter::check(const Schema& schema) const {
  for (const Condition& condition : conditions_) apply_one(condition, field_of(condition, schema), nullptr);
}

RecordBatch RowFilter::apply(const RecordBatch& batch, const Schema& schema) const {
  const ::ArrowArray& array = *batch.array();
  Selected selected(static_cast<std::size_t>(batch.length()), 1);
  for (const Condition& condition : conditions_) {
    const Field& field = field_of(condition, schema);
    const Column column(*array.children[&field - schema.fields.data()], array.offset);
    Selection selection(condition, column, selected);
    apply_one(condition, field, &selection);
  }
  return select_rows(batch, schema, selected);
}

RecordBatch select_rows(const RecordBatch& batch, const Schema& schema, const std::vector<std::uint8_t>& selected) {
  const ::ArrowArray& array = *batch.array();
  const auto kept = std::count_if(selected.begin(), selected.end(), [](std::uint8_t one) { return one != 0; });
  if (kept == batch.length()) return batch;
  std::vector<ColumnBuilder> columns(schema.fields.begin(), schema.fields.end());
  for (std::size_t i = 0; i < columns.size() && kept > 0; ++i) {
    const Column from(*array.children[i], array.offset);
    for (std::size_t row = 0; row < selected.size(); ++row) {
      if (selected[row] != 0) append_row(from, static_cast<std::int64_t>(row), columns[i]);
    }
  }
  return {batch.schema(), finish_columns(columns, kept)};
}

}  // namespace switchgear

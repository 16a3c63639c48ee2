#include "switchgear/data/unify.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include "column_builder.hpp"
#include "json_values.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

bool is_set(const ::ArrowArray& array, std::int64_t row) {
  const auto* bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  return bits == nullptr || (static_cast<unsigned>(bits[row / 8]) >> static_cast<unsigned>(row % 8) & 1U) != 0;
}

template <class T>
T value_at(const ::ArrowArray& array, std::int64_t row) {
  T value{};
  std::memcpy(&value, static_cast<const char*>(array.buffers[1]) + row * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

std::string_view text_at(const ::ArrowArray& array, std::int64_t row) {
  const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
  return {static_cast<const char*>(array.buffers[2]) + offsets[row], static_cast<std::size_t>(offsets[row + 1] - offsets[row])};
}

// ---- values as text -------------------------------------------------------------------------------------------------

std::string decimal_text(int128 value, int scale) {
  std::string digits;
  for (int128 rest = value < 0 ? -value : value; rest > 0; rest /= 10) digits.insert(digits.begin(), static_cast<char>('0' + rest % 10));
  if (digits.size() <= static_cast<std::size_t>(scale)) digits.insert(0, static_cast<std::size_t>(scale) + 1 - digits.size(), '0');
  if (scale > 0) digits.insert(digits.size() - static_cast<std::size_t>(scale), ".");
  return (value < 0 ? "-" : "") + digits;
}

/// The shortest text that is the same double, with a point or an exponent: 1 was whole, 1.0 was not.
std::string double_text(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  std::array<char, 32> shortest{};
  char* const last = shortest.data() + shortest.size();
  // Without an exponent to_chars writes a large double out to its last binary digit, which is another number than the one that was sent.
  constexpr double every_whole_number = 9007199254740992;
  const bool large = std::fabs(value) >= every_whole_number;
  const auto end =
      large ? std::to_chars(shortest.data(), last, value, std::chars_format::scientific) : std::to_chars(shortest.data(), last, value);
  std::string text(shortest.data(), end.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string date_text(std::int32_t days) {
  // Years from March ("civil_from_days", H. Hinnant).
  const std::int64_t shifted = std::int64_t{days} + 719468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const std::int64_t day_of_era = shifted - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const std::int64_t month = month_from_march + (month_from_march < 10 ? 3 : -9);
  const std::int64_t numbers[] = {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
                                  day_of_year - (153 * month_from_march + 2) / 5 + 1};
  std::string text;
  for (const std::int64_t number : numbers) {
    const std::string digits = std::to_string(number);
    const std::size_t width = text.empty() ? 4 : 2;
    text.append(text.empty() ? "" : "-").append(width > digits.size() ? width - digits.size() : 0, '0').append(digits);
  }
  return text;
}

std::string quoted(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json.append({'\\', c});
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      json.append("\\u00").append({digits[static_cast<unsigned char>(c) >> 4U], digits[static_cast<unsigned char>(c) & 15U]});
    } else {
      json.push_back(c);
    }
  }
  return json + "\"";
}

// ---- one value into a wider column ------------------------------------------------------------------------------------

bool append_number(std::string_view text, ColumnBuilder& into) {
  const auto append = [&into](const auto& value) {
    if (value) into.append(*value);
    return value.has_value();
  };
  switch (into.field().type) {
    case DataType::uint64:
      return append(parse_uint64(text));
    case DataType::float64:
      return append(parse_exact_float64(text));
    case DataType::decimal:
      return append(parse_decimal(text, into.field().precision, into.field().scale));
    case DataType::json:
      into.append_text(text);
      return true;
    default:
      return false;
  }
}

bool append_text(std::string_view text, ColumnBuilder& into) {
  if (into.field().type == DataType::utf8) {
    into.append_text(text);
  } else if (into.field().type == DataType::json) {
    into.append_text(quoted(text));
  } else {
    return false;
  }
  return true;
}

bool append_value(const ::ArrowArray& array, const Field& from, std::int64_t row, ColumnBuilder& into) {
  switch (from.type) {
    case DataType::boolean:
      if (into.field().type != DataType::json) return false;
      into.append_text((static_cast<const std::uint8_t*>(array.buffers[1])[row / 8] >> static_cast<unsigned>(row % 8) & 1U) != 0 ? "true"
                                                                                                                                 : "false");
      return true;
    case DataType::int64:
      return append_number(std::to_string(value_at<std::int64_t>(array, row)), into);
    case DataType::uint64:
      return append_number(std::to_string(value_at<std::uint64_t>(array, row)), into);
    case DataType::decimal:
      return append_number(decimal_text(value_at<int128>(array, row), from.scale), into);
    case DataType::float64:
      return into.field().type == DataType::json && append_number(double_text(value_at<double>(array, row)), into);
    case DataType::date:
      return append_text(date_text(value_at<std::int32_t>(array, row)), into);
    case DataType::utf8:
      return append_text(text_at(array, row), into);
    default:
      return false;  // JSON may become anything only where it is null
  }
}

void convert(const SharedArrowArray& whole, const ::ArrowArray& array, const Field& from, const Field& to, const std::string& path,
             ::ArrowArray* out);

/// The wider structure or list around children that have widened.
void convert_nested(const SharedArrowArray& whole, const ::ArrowArray& array, const Field& from, const Field& to, const std::string& path,
                    ::ArrowArray* out) {
  std::vector<::ArrowArray> children(to.children.size());
  try {
    for (std::size_t i = 0; i < to.children.size(); ++i) {
      const Field& wanted = to.children[i];
      std::size_t found = 0;
      if (to.type == DataType::structure) {
        while (found < from.children.size() && from.children[found].name != wanted.name) ++found;
      }
      if (found < from.children.size()) {
        convert(whole, *array.children[found], from.children[found], wanted, path + "/" + wanted.name, &children[i]);
      } else {
        ColumnBuilder nulls(wanted);
        nulls.append_nulls_up_to(array.offset + array.length);
        nulls.finish(&children[i]);
      }
    }
  } catch (...) {
    for (::ArrowArray& child : children) {
      if (child.release != nullptr) child.release(&child);
    }
    throw;
  }
  share_shell(whole, array, std::move(children), out);
}

bool same_type(const Field& a, const Field& b) {
  if (a.type != b.type || a.children.size() != b.children.size()) return false;
  if (a.type == DataType::decimal && (a.precision != b.precision || a.scale != b.scale)) return false;
  if (a.type == DataType::timestamp && a.utc != b.utc) return false;
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    if (a.children[i].name != b.children[i].name || !same_type(a.children[i], b.children[i])) return false;
  }
  return true;
}

[[noreturn]] void refuse(const Field& from, const Field& to, const std::string& path) {
  throw Error(Category::data, "schema",
              "column '" + path + "' is " + type_text(from) + " in one page and " + type_text(to) +
                  " in another, and can't become that without loss")
      .with_hint("read page by page, or give the column a type: schema={\"" + path + "\": \"json\"}");
}

void convert(const SharedArrowArray& whole, const ::ArrowArray& array, const Field& from, const Field& to, const std::string& path,
             ::ArrowArray* out) {
  if (same_type(from, to)) return share_part(whole, array, out);
  if (from.type == to.type && (to.type == DataType::structure || to.type == DataType::list))
    return convert_nested(whole, array, from, to, path, out);
  ColumnBuilder column(to);
  // What stands before the first row is kept, because a parent's offsets may count from there.
  for (std::int64_t row = 0; row < array.offset + array.length; ++row) {
    if (!is_set(array, row)) {
      column.append_null();
    } else if (!append_value(array, from, row, column)) {
      if (row >= array.offset) refuse(from, to, path);
      column.append_null();
    }
  }
  column.finish(out);
  out->offset = array.offset;
  out->length = array.length;
  if (array.offset > 0 && out->null_count > 0) out->null_count = -1;  // not counted
}

bool has_values(const ::ArrowArray& array) {
  for (std::int64_t row = array.offset; row < array.offset + array.length; ++row) {
    if (is_set(array, row)) return true;
  }
  return false;
}

RecordBatch widened(const RecordBatch& batch, const Schema& schema, const SharedArrowSchema& arrow_schema) {
  const Schema own = from_arrow_schema(*batch.schema());
  if (own == schema) return {arrow_schema, batch.array()};
  for (std::size_t i = 0; i < own.fields.size(); ++i) {
    const Field& field = own.fields[i];
    // What was always null may have become a structure, and been flattened.
    if (schema.find(field.name) == nullptr && has_values(*batch.array()->children[i])) refuse(field, Field(), field.name);
  }
  // Rows count from the children's own offsets, see slice().
  std::vector<::ArrowArray> columns(schema.fields.size());
  try {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Field& wanted = schema.fields[i];
      const Field* found = own.find(wanted.name);
      if (found != nullptr) {
        convert(batch.array(), *batch.array()->children[found - own.fields.data()], *found, wanted, wanted.name, &columns[i]);
      } else {
        ColumnBuilder nulls(wanted);
        nulls.append_nulls_up_to(batch.length());
        nulls.finish(&columns[i]);
      }
    }
  } catch (...) {
    for (::ArrowArray& column : columns) {
      if (column.release != nullptr) column.release(&column);
    }
    throw;
  }
  return {arrow_schema, make_batch(std::move(columns), batch.length())};
}

}  // namespace

std::vector<RecordBatch> unify(const std::vector<RecordBatch>& batches, const SharedArrowSchema& schema) {
  const Schema wanted = from_arrow_schema(*schema);
  std::vector<RecordBatch> result;
  result.reserve(batches.size());
  for (const RecordBatch& batch : batches) result.push_back(widened(batch, wanted, schema));
  return result;
}

}  // namespace switchgear

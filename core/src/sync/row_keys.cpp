#include "row_keys.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "switchgear/base/error.hpp"
#include "switchgear/data/rows.hpp"

namespace switchgear::sync_detail {
namespace {

bool is_null(const ::ArrowArray& array, std::int64_t row) {
  const auto* bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  return bits != nullptr && (static_cast<unsigned>(bits[row / 8]) >> static_cast<unsigned>(row % 8) & 1U) == 0;
}

std::size_t width_of(DataType type) {
  switch (type) {
    case DataType::date:
      return 4;
    case DataType::decimal:
      return 16;
    case DataType::int64:
    case DataType::uint64:
    case DataType::float64:
    case DataType::time:
    case DataType::timestamp:
      return 8;
    default:
      return 0;
  }
}

/// The bytes of a value; rows count from the array's own beginning.
std::string_view bytes_of(const ::ArrowArray& array, DataType type, std::int64_t row) {
  if (const std::size_t width = width_of(type); width > 0)
    return {static_cast<const char*>(array.buffers[1]) + static_cast<std::size_t>(row) * width, width};
  if (type == DataType::boolean) {
    const bool set = (static_cast<const std::uint8_t*>(array.buffers[1])[row / 8] >> static_cast<unsigned>(row % 8) & 1U) != 0;
    return set ? "t" : "f";
  }
  if (type == DataType::structure || type == DataType::list)
    throw Error(Category::data, "key", "objects and arrays identify no record")
        .with_hint("choose nested=\"json\", or name fields of plain values");
  const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
  return {static_cast<const char*>(array.buffers[2]) + offsets[row], static_cast<std::size_t>(offsets[row + 1] - offsets[row])};
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

/// Two independent 64-bit hashes, eight bytes at a time, each mixed by a 128-bit product.
void add(KeyHash& hash, std::string_view bytes) noexcept {
  const auto step = [&hash](std::uint64_t word) {
    hash.low = mixed(hash.low ^ word ^ 0xa0761d6478bd642fU, 0xe7037ed1a0b428dbU ^ hash.high);
    hash.high = mixed(hash.high ^ word ^ 0x8ebc6af09c88c6e3U, 0x589965cc75374cc3U ^ hash.low);
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    step(word);
  }
  std::uint64_t rest = 0;
  if (at < bytes.size()) std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
  step(rest);
  step(bytes.size());  // "a" + "bc" is not "ab" + "c"
}

std::size_t column_of(const Schema& schema, const std::string& name) {
  const Field* const field = schema.find(name);
  if (field == nullptr)
    throw Error(Category::data, "key", "the records have no field '" + name + "', which is part of their key")
        .with_hint("name the fields that identify a record in the connector's description, or read the column, too");
  return static_cast<std::size_t>(field - schema.fields.data());
}

}  // namespace

std::vector<KeyHash> key_hashes(const RecordBatch& batch, const std::vector<std::string>& key) {
  const Schema schema = from_arrow_schema(*batch.schema());
  std::vector<KeyHash> hashes(static_cast<std::size_t>(batch.length()));
  for (const std::string& name : key) {
    const std::size_t column = column_of(schema, name);
    const ::ArrowArray& array = *batch.array()->children[column];
    const std::int64_t offset = array.offset + batch.array()->offset;
    for (std::int64_t row = 0; row < batch.length(); ++row) {
      if (is_null(array, offset + row))
        throw Error(Category::data, "key",
                    "record " + std::to_string(row + 1) + " of a page has no value in '" + name + "', which is part of its key")
            .with_hint(
                "a record without a key can't be told from others: mend it in the source, or choose mode = \"append\" or \"replace\"");
      add(hashes[static_cast<std::size_t>(row)], bytes_of(array, schema.fields[column].type, offset + row));
    }
  }
  return hashes;
}

std::vector<KeyHash> row_hashes(const RecordBatch& batch) {
  const Schema schema = from_arrow_schema(*batch.schema());
  std::vector<KeyHash> hashes(static_cast<std::size_t>(batch.length()));
  for (std::size_t column = 0; column < schema.fields.size(); ++column) {
    const ::ArrowArray& array = *batch.array()->children[column];
    const std::int64_t offset = array.offset + batch.array()->offset;
    for (std::int64_t row = 0; row < batch.length(); ++row) {
      KeyHash& hash = hashes[static_cast<std::size_t>(row)];
      // A column that is new, and null, must not make another record of an old one.
      if (is_null(array, offset + row)) continue;
      add(hash, schema.fields[column].name);
      add(hash, bytes_of(array, schema.fields[column].type, offset + row));
    }
  }
  return hashes;
}

bool repeats_a_key(const std::vector<RecordBatch>& batches, const std::vector<std::string>& key) {
  std::size_t rows = 0;
  for (const RecordBatch& batch : batches) rows += static_cast<std::size_t>(batch.length());
  // Half of the places stay empty: a place is found where its hash says or soon after, several times faster than in a set of nodes.
  std::vector<KeyHash> places(std::bit_ceil(rows * 2 + 2));
  const std::size_t mask = places.size() - 1;
  constexpr KeyHash empty{};
  bool has_empty = false;  // the hash that marks an empty place
  for (const RecordBatch& batch : batches) {
    for (const KeyHash& hash : key_hashes(batch, key)) {
      if (hash == empty) {
        if (has_empty) return true;
        has_empty = true;
        continue;
      }
      std::size_t at = static_cast<std::size_t>(hash.low) & mask;
      while (places[at] != empty && places[at] != hash) at = (at + 1) & mask;
      if (places[at] == hash) return true;
      places[at] = hash;
    }
  }
  return false;
}

CursorColumn::CursorColumn(const RecordBatch& batch, const std::string& cursor) : whole_(batch.array()) {
  const Schema schema = from_arrow_schema(*batch.schema());
  const Field* const field = schema.find(cursor);
  const auto refuse = [&](const std::string& why) {
    return Error(Category::config, "cursor", "'" + cursor + "' can't be the cursor: " + why)
        .with_hint("name a field that grows with each change: a time of change, or a running number");
  };
  if (field == nullptr) {
    std::vector<std::string> names;
    for (const Field& each : schema.fields) names.push_back(each.name);
    throw refuse("the records have no such field" + did_you_mean(cursor, names));
  }
  type_ = field->type;
  utc_ = field->utc;
  if (type_ != DataType::timestamp && type_ != DataType::int64 && type_ != DataType::utf8 && type_ != DataType::date)
    throw refuse("its values are " + type_text(*field) + (type_ == DataType::json ? ", that is, of several types" : "") +
                 ", which has no order");
  column_ = whole_->children[field - schema.fields.data()];
}

std::optional<CursorValue> CursorColumn::at(std::int64_t row) const {
  const std::int64_t place = row + column_->offset + whole_->offset;
  if (is_null(*column_, place)) return std::nullopt;
  const std::string_view bytes = bytes_of(*column_, type_, place);
  CursorValue value;
  if (type_ == DataType::utf8) {
    value.is_text = true;
    value.text = bytes;
  } else if (type_ == DataType::date) {
    std::int32_t days = 0;
    std::memcpy(&days, bytes.data(), sizeof days);
    value.number = days;
  } else {
    std::memcpy(&value.number, bytes.data(), sizeof value.number);
  }
  return value;
}

std::string instant_text(std::int64_t microseconds) {
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(microseconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
                      static_cast<int>(clock.subseconds().count()));
  return text.data();
}

void add_sequence(std::vector<RecordBatch>& batches, std::string_view name) {
  Field field;
  field.name = std::string(name);
  field.type = DataType::int64;
  ColumnAdder adder;
  adder.add_counter(field);
  for (RecordBatch& batch : batches) batch = adder.apply(batch);
}

}  // namespace switchgear::sync_detail

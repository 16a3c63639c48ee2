// JsonPage::infer: columns for a source that declares none.
#include <algorithm>
#include <unordered_map>

#include "json_document.hpp"
#include "json_values.hpp"

namespace switchgear {
namespace {

/// What the values of one member have been so far.
struct Guess {
  std::string name;
  std::optional<DataType> type;  // nothing: only nulls
  bool utc = true;

  void see(std::string_view token) {
    if (token == "null" || type == DataType::json) return;
    bool has_zone = true;
    const DataType seen = classify(token, has_zone);
    if (!type) {
      type = seen;
      utc = has_zone;
      return;
    }
    if (seen == DataType::timestamp && *type == DataType::timestamp && has_zone != utc) {
      type = DataType::utf8;
    } else if (seen != *type) {
      type = both(*type, seen);
    }
  }

  static DataType classify(std::string_view token, bool& has_zone) {
    const char c = token.empty() ? '{' : token.front();
    if (c == 't' || c == 'f') return DataType::boolean;
    if (c == '{' || c == '[') return DataType::json;
    if (c == '"') {
      const std::string_view text = token.substr(1, token.size() < 2 ? 0 : token.size() - 2);
      if (parse_date(text)) return DataType::date;
      if (const auto timestamp = parse_timestamp(text)) {
        has_zone = timestamp->has_zone;
        return DataType::timestamp;
      }
      return DataType::utf8;
    }
    if (parse_int64(token)) return DataType::int64;
    if (parse_uint64(token)) return DataType::uint64;
    // A whole number beyond 64 bits, or digits that a double would lose, stays as it is written.
    return keeps_its_digits(token) ? DataType::float64 : DataType::json;
  }

  static bool keeps_its_digits(std::string_view number) {
    if (!parse_float64(number)) return false;
    std::size_t digits = 0;
    bool leading = true;
    bool fraction = false;
    for (const char d : number) {
      if (d == 'e' || d == 'E') {
        fraction = true;
        break;
      }
      if (d == '.') fraction = true;
      if (d >= '0' && d <= '9') {
        if (d != '0') leading = false;
        if (!leading) ++digits;
      }
    }
    return fraction && digits <= 17;  // more than a double can tell apart
  }

  static DataType both(DataType a, DataType b) {
    const auto is = [a, b](DataType x, DataType y) { return (a == x && b == y) || (a == y && b == x); };
    const auto is_text = [](DataType t) { return t == DataType::utf8 || t == DataType::date || t == DataType::timestamp; };
    if (is(DataType::int64, DataType::float64)) return DataType::float64;
    if (is_text(a) && is_text(b)) return DataType::utf8;
    return DataType::json;
  }
};

}  // namespace

std::optional<Schema> JsonPage::infer(std::size_t max_records) {
  std::vector<Guess> guesses;
  std::unordered_map<std::string, std::size_t> by_name;
  std::size_t row = 0;
  JsonCursor cursor = document_->records;
  if (cursor.front() == ']') return std::nullopt;
  do {
    if (row++ == max_records) break;
    const auto fail = [&] { document_->fail(cursor, "record " + std::to_string(row - 1) + " of the reply"); };
    if (!cursor.take('{')) {  // named by JsonColumns::read
      if (!cursor.skip_value()) fail();
      continue;
    }
    if (cursor.take('}')) continue;
    do {
      std::string_view raw_name;
      std::string name;
      if (!cursor.take_name(raw_name) || !document_->unescape(raw_name, name)) fail();
      std::string_view value;
      if (!cursor.take_value(value)) fail();
      if (!pointers_.control.empty() && name.find(pointers_.control) != std::string::npos) continue;
      const auto [found, added] = by_name.emplace(name, guesses.size());
      if (added) guesses.push_back({name, std::nullopt, true});
      guesses[found->second].see(value);
    } while (cursor.take(','));
    if (!cursor.take('}')) fail();
  } while (cursor.take(','));
  Schema schema;
  for (const Guess& guess : guesses) {
    Field field;
    field.name = guess.name;
    field.type = guess.type.value_or(DataType::json);
    field.utc = guess.utc;
    schema.fields.push_back(field);
  }
  return schema;
}

}  // namespace switchgear

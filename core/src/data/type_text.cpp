// parse_type and type_text: types as users and connectors write them.
#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/data/schema.hpp"

namespace switchgear {
namespace {

constexpr int max_depth = 16;

const std::vector<std::string>& known_words() {
  static const std::vector<std::string> words = {"bool", "int64",   "uint64",    "float64",         "utf8",    "binary",
                                                 "date", "time",    "timestamp", "timestamp_local", "epoch_s", "epoch_ms",
                                                 "json", "decimal", "list",      "struct"};
  return words;
}

/// Reads a type from the front of a text.
class TypeParser {
 public:
  TypeParser(std::string_view column, std::string_view text) : column_(column), whole_(text), rest_(text) {}

  Field whole(std::string name) {
    Field field = type(std::move(name), 0);
    field.nullable = take('?');
    if (!trim(rest_).empty()) refuse("'" + std::string(trim(rest_)) + "' is too much");
    return field;
  }

 private:
  Field type(std::string name, int depth) {
    if (depth > max_depth) refuse("it is nested more than " + std::to_string(max_depth) + " levels deep");
    Field field;
    field.name = std::move(name);
    const std::string word = take_word();
    if (word == "timestamp_local") {
      field.type = DataType::timestamp;
      field.utc = false;
    } else if (word == "epoch_s" || word == "epoch_ms") {
      field.type = DataType::timestamp;
      field.epoch = word == "epoch_s" ? Epoch::seconds : Epoch::milliseconds;
    } else if (const auto known = data_type_from(word)) {
      field.type = *known;
    } else {
      refuse("unknown type '" + word + "'" + did_you_mean(word, known_words()));
    }
    if (field.type == DataType::decimal) take_digits(field);
    if (field.type == DataType::list) take_item(field, depth);
    if (field.type == DataType::structure) take_members(field, depth);
    return field;
  }

  void take_digits(Field& field) {
    if (!take('(')) refuse("a decimal says how many digits it has, in all and behind the point");
    field.precision = take_number();
    if (!take(',')) refuse("behind the digits in all there must be ',' and those behind the point");
    field.scale = take_number();
    if (!take(')')) refuse("')' is missing");
    if (field.precision < 1 || field.precision > 38 || field.scale > field.precision)
      refuse("a decimal has 1 to 38 digits, and no more than these behind the point");
  }

  void take_item(Field& field, int depth) {
    if (!take('<')) refuse("a list says of what: list<utf8>");
    field.children.push_back(type("item", depth + 1));
    if (!take('>')) refuse("'>' is missing");
  }

  void take_members(Field& field, int depth) {
    if (!take('<')) refuse("a struct says of what: struct<Site: utf8, Floor: int64>");
    do {
      const auto colon = rest_.find_first_of(":<>,");
      const std::string_view name = trim(rest_.substr(0, colon));
      if (name.empty() || colon == std::string_view::npos || rest_[colon] != ':') refuse("a member is written 'Name: type'");
      rest_.remove_prefix(colon + 1);
      field.children.push_back(type(std::string(name), depth + 1));
    } while (take(','));
    if (!take('>')) refuse("'>' is missing");
  }

  std::string take_word() {
    skip_space();
    const auto end = std::min(rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), rest_.size());
    std::string word(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return word;
  }

  int take_number() {
    skip_space();
    int number = -1;
    const auto result = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (result.ec != std::errc() || number < 0) refuse("a number is missing");
    rest_.remove_prefix(static_cast<std::size_t>(result.ptr - rest_.data()));
    return number;
  }

  bool take(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void skip_space() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(Category::config, "schema", "the type '" + std::string(whole_) + "' of column '" + std::string(column_) + "': " + why)
        .with_hint(
            "bool, int64, uint64, float64, decimal(12,3), utf8, binary, date, time, timestamp, timestamp_local, epoch_s, epoch_ms, json, "
            "list<utf8>, struct<Site: utf8, Floor: int64>");
  }

  std::string_view column_, whole_, rest_;
};

}  // namespace

Field parse_type(std::string_view name, std::string_view text) { return TypeParser(name, text).whole(std::string(name)); }

std::string type_text(const Field& field) {
  switch (field.type) {
    case DataType::timestamp:
      if (field.epoch != Epoch::none) return field.epoch == Epoch::seconds ? "epoch_s" : "epoch_ms";
      return field.utc ? "timestamp" : "timestamp_local";
    case DataType::decimal:
      return "decimal(" + std::to_string(field.precision) + "," + std::to_string(field.scale) + ")";
    case DataType::list:
      return "list<" + (field.children.empty() ? std::string("json") : type_text(field.children.front())) + ">";
    case DataType::structure: {
      std::string text = "struct<";
      for (const Field& member : field.children) text += (text.back() == '<' ? "" : ", ") + member.name + ": " + type_text(member);
      return text + ">";
    }
    default:
      return std::string(to_string(field.type));
  }
}

}  // namespace switchgear

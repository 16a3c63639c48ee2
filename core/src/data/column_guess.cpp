#include "column_guess.hpp"

#include <algorithm>

namespace switchgear {
namespace {

/// An object with more members than this is a map whose keys are data; and a source that invents names for ever must not fill memory.
constexpr std::size_t max_members = 4096;

int digits_of(std::uint64_t value) noexcept {
  int digits = 0;
  for (; value > 0; value /= 10) ++digits;
  return digits;
}

bool float64_holds(std::uint64_t value) noexcept {
  constexpr std::uint64_t all_exact = std::uint64_t{1} << 53U;
  return value <= all_exact;
}

/// What a column in use becomes, when `wider` would hold everything.
Field widened(const Field& in_use, const Field& wider) {
  switch (in_use.type) {
    case DataType::int64:
    case DataType::uint64:
    case DataType::boolean:
    case DataType::date:
    case DataType::utf8:
      return wider;
    case DataType::structure:
    case DataType::list:
      return wider.type == in_use.type ? wider : in_use;
    case DataType::decimal:
      if (wider.type == DataType::decimal || wider.type == DataType::float64) return wider;
      break;
    case DataType::float64:
      if (wider.type == DataType::float64) return wider;
      break;
    default:
      return in_use;  // a timestamp, whose spelling is gone; JSON, which holds everything
  }
  Field text = in_use;
  text.type = DataType::json;
  text.inferred = false;
  text.precision = Field().precision;
  text.scale = 0;
  return text;
}

}  // namespace

void ColumnGuess::see(std::string_view token) {
  if (token == "null") return;
  const char c = token.empty() ? '\0' : token.front();
  if (c == 't' || c == 'f') return add(boolean);
  if (c != '"') {
    if (const auto facts = number_facts(token)) see_number(*facts);
    return;  // NaN, or no JSON at all, which is for the reading to say
  }
  const std::string_view between = token.substr(1, token.size() < 2 ? 0 : token.size() - 2);
  if (parse_date(between)) return add(date);
  const auto timestamp = parse_timestamp(between);
  add(!timestamp ? text : timestamp->has_zone ? instant : local);
}

void ColumnGuess::see_number(const NumberFacts& facts) {
  add(number);
  whole_ = whole_ && facts.whole;
  in_int64_ = in_int64_ && facts.int64;
  in_uint64_ = in_uint64_ && facts.uint64;
  in_float64_ = in_float64_ && facts.in_float64;
  whole_digits_ = std::max(whole_digits_, facts.whole_digits);
  scale_ = std::max(scale_, facts.scale);
}

void ColumnGuess::see_whole(std::int64_t low, std::uint64_t high) {
  if ((kinds_ & number) == 0) return;
  const std::uint64_t below = low < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(low) : 0;
  if (low < 0) in_uint64_ = false;
  in_float64_ = in_float64_ && float64_holds(below) && float64_holds(high);
  whole_digits_ = std::max<std::int64_t>(whole_digits_, digits_of(std::max(below, high)));
}

void ColumnGuess::see_decimal(std::int64_t whole_digits) {
  if ((kinds_ & number) == 0) return;
  in_float64_ = false;  // it was not looked at
  whole_digits_ = std::max(whole_digits_, whole_digits);
}

ColumnGuess* ColumnGuess::member(std::string_view name, std::size_t& hint, bool add_new) {
  // Records of one source have their members in one order.
  if (hint < members_.size() && members_[hint].name() == name) return &members_[hint++];
  const std::string key(name);
  const auto found = by_name_.find(key);
  if (found == by_name_.end()) {
    if (!add_new) return nullptr;
    if (members_.size() >= max_members) {
      too_wide_ = true;
      return nullptr;
    }
    by_name_.emplace(key, members_.size());
    hint = members_.size() + 1;
    return &members_.emplace_back(key);
  }
  hint = found->second + 1;
  return &members_[found->second];
}

ColumnGuess& ColumnGuess::item() {
  if (members_.empty()) members_.emplace_back("item");
  return members_.front();
}

void ColumnGuess::number_type(Field& field) const {
  constexpr std::int64_t max_digits = 38;
  const bool in_decimal = whole_digits_ + scale_ <= max_digits;
  if (whole_ && (in_int64_ || in_uint64_)) {
    field.type = in_int64_ ? DataType::int64 : DataType::uint64;
  } else if (in_float64_ && (!whole_ || !in_decimal)) {
    field.type = DataType::float64;
  } else if (in_decimal) {
    field.type = DataType::decimal;
    field.scale = static_cast<int>(scale_);
  }
}

Field ColumnGuess::narrowest() const {
  Field field;
  field.name = name_;
  field.type = DataType::json;
  field.inferred = true;
  const auto only = [this](unsigned kinds) { return kinds_ != 0 && (kinds_ & ~kinds) == 0; };
  if (only(boolean)) {
    field.type = DataType::boolean;
  } else if (only(number)) {
    number_type(field);
  } else if (only(date)) {
    field.type = DataType::date;
  } else if (only(instant) || only(local)) {
    field.type = DataType::timestamp;
    field.utc = only(instant);
  } else if (only(date | instant | local | text)) {
    field.type = DataType::utf8;
  } else if ((only(object) && !members_.empty() && (in_use_ || !too_wide_)) || only(array)) {  // Arrow's consumers know no empty structure
    field.type = only(array) ? DataType::list : DataType::structure;
    for (const ColumnGuess& member : members_) field.children.push_back(member.field());
    if (members_.empty()) field.children.push_back(ColumnGuess("item").field());
  }
  if (field.type == DataType::json) field.inferred = kinds_ == 0;  // what holds everything never widens
  return field;
}

Field ColumnGuess::field() const {
  Field field = narrowest();
  return in_use_ ? widened(*in_use_, field) : field;
}

void ColumnGuess::hand_over() {
  for (ColumnGuess& member : members_) member.hand_over();
  if (kinds_ != 0) in_use_ = field();  // what was always null can still become anything
}

}  // namespace switchgear

// What the values of one place in the records have been: a member, an item of a list, or the record itself.
//
// Plain values inside SchemaInference. Kinds of values are only ever added, so that the order in which values come changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "json_values.hpp"
#include "switchgear/data/schema.hpp"

namespace switchgear {

class ColumnGuess {
 public:
  explicit ColumnGuess(std::string name) : name_(std::move(name)) {}

  const std::string& name() const noexcept { return name_; }

  /// A scalar token as it stands in the JSON. null tells nothing; nor does NaN, which no inferred column takes.
  void see(std::string_view token);
  void see_object() noexcept { add(object); }
  void see_array() noexcept { add(array); }
  /// An object or array that is not looked into.
  void see_opaque() noexcept { add(opaque); }

  /// Numbers of an int64, uint64 or decimal column that was read meanwhile.
  void see_whole(std::int64_t low, std::uint64_t high);
  void see_decimal(std::int64_t whole_digits);

  /// The member of an object, added if there is room; nothing otherwise. `hint` is where the next one will probably be.
  ColumnGuess* member(std::string_view name, std::size_t& hint, bool add_new = true);
  bool has_member(std::string_view name) const { return by_name_.contains(std::string(name)); }
  ColumnGuess& item();
  std::vector<ColumnGuess>& members() noexcept { return members_; }
  const std::vector<ColumnGuess>& members() const noexcept { return members_; }

  /// The narrowest column for all values, as far as the one that is in use can become it.
  Field field() const;

  /// From now on field() widens only.
  void hand_over();

 private:
  enum Kind : std::uint8_t { boolean = 1, number = 2, date = 4, instant = 8, local = 16, text = 32, object = 64, array = 128 };
  static constexpr std::uint8_t opaque = object | array;

  void add(std::uint8_t kind) noexcept { kinds_ |= kind; }
  void see_number(const NumberFacts& facts);
  void see_double_of(std::int64_t value) noexcept;
  Field narrowest() const;
  void number_type(Field& field) const;

  std::string name_;
  std::optional<Field> in_use_;
  std::uint8_t kinds_ = 0;

  // Of all numbers:
  bool whole_ = true, in_int64_ = true, in_uint64_ = true, in_float64_ = true;
  std::int64_t whole_digits_ = 0;
  std::int64_t scale_ = 0;

  std::vector<ColumnGuess> members_;  // of objects, or the one item of arrays
  std::unordered_map<std::string, std::size_t> by_name_;
  bool too_wide_ = false;
};

}  // namespace switchgear

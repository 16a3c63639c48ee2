#include "switchgear/data/schema.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace switchgear {
namespace {

constexpr std::array<std::pair<DataType, std::string_view>, 13> type_words = {{
    {DataType::boolean, "bool"},
    {DataType::int64, "int64"},
    {DataType::uint64, "uint64"},
    {DataType::float64, "float64"},
    {DataType::utf8, "utf8"},
    {DataType::binary, "binary"},
    {DataType::date, "date"},
    {DataType::time, "time"},
    {DataType::timestamp, "timestamp"},
    {DataType::decimal, "decimal"},
    {DataType::json, "json"},
    {DataType::structure, "struct"},
    {DataType::list, "list"},
}};

}  // namespace

std::string_view to_string(DataType type) noexcept {
  for (const auto& [known, word] : type_words) {
    if (known == type) return word;
  }
  return "json";
}

std::optional<DataType> data_type_from(std::string_view word) noexcept {
  for (const auto& [type, known] : type_words) {
    if (known == word) return type;
  }
  return std::nullopt;
}

const Field* Schema::find(std::string_view name) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

}  // namespace switchgear

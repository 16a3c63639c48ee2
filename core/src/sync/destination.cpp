#include "switchgear/sync/destination.hpp"

#include <algorithm>
#include <array>

namespace switchgear {
namespace {

constexpr std::array<std::string_view, 3> mode_words = {"append", "replace", "upsert"};

}  // namespace

std::string_view to_string(SyncMode mode) noexcept { return mode_words.at(static_cast<std::size_t>(mode)); }

std::optional<SyncMode> sync_mode_from(std::string_view word) noexcept {
  const auto* const found = std::find(mode_words.begin(), mode_words.end(), word);
  if (found == mode_words.end()) return std::nullopt;
  return static_cast<SyncMode>(found - mode_words.begin());
}

}  // namespace switchgear

#include "switchgear/base/error.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace switchgear {
namespace {

constexpr std::array<std::string_view, category_last> words = {
    "offline",      "timeout",  "auth_expired", "auth_invalid", "permission",  "rate_limit",  "csrf",     "bad_request", "not_found",
    "gone",         "conflict", "too_large",    "server",       "unavailable", "protocol",    "config",   "cancelled",   "plugin",
    "circuit_open", "data",     "destination",  "store",        "signature",   "unsupported", "internal",
};

}  // namespace

std::string_view to_string(Category category) noexcept {
  const auto number = static_cast<std::int32_t>(category);
  if (number < category_first || number > category_last) return "internal";
  return words[static_cast<std::size_t>(number - category_first)];
}

std::optional<Category> category_from(std::string_view word) noexcept {
  const auto* found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Category>(category_first + static_cast<std::int32_t>(found - words.begin()));
}

std::optional<Category> category_from(std::int32_t number) noexcept {
  if (number < category_first || number > category_last) return std::nullopt;
  return static_cast<Category>(number);
}

std::string Error::code() const {
  std::string text(to_string(category));
  if (!detail.empty()) text.append(".").append(detail);
  return text;
}

std::string Error::describe() const {
  std::string text = code() + ": " + message;
  if (!connection_id.empty() || !entity.empty()) {
    text += " (" + connection_id + (connection_id.empty() || entity.empty() ? "" : "/") + entity + ")";
  }
  if (!hint.empty()) text += "; " + hint;
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  const auto same = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  };
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = same(a[i - 1], b[j - 1]) ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1])) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace switchgear

// What the codes mean that sources put into their error bodies.
#pragma once

#include <optional>
#include <string_view>

#include "switchgear/base/error.hpp"

namespace switchgear {

struct Verdict {
  Category category;
  std::string_view detail = {};
};

/// Codes that mean one thing whatever the status beside them says: throttle codes, expired tokens, locks.
std::optional<Verdict> verdict_of_code(std::string_view code) noexcept;

/// A guess by the words in a code ("RESOURCE_NOT_FOUND"), for replies whose status says nothing.
std::optional<Verdict> verdict_of_words(std::string_view code);

/// Nothing for a status that is no error.
std::optional<Verdict> verdict_of_status(int status) noexcept;

/// What to do next.
std::string_view hint_for(Category category, std::string_view detail) noexcept;

/// "Not Found"; "" for a status without a common name.
std::string_view reason_phrase(int status) noexcept;

}  // namespace switchgear

// Likely causes and next steps, as a table: by category, detail, and whether the same thing worked before.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/error.hpp"

namespace switchgear {

/// What the texts of the table are filled with: `{message}`, `{what}`, `{connection}`, `{entity}`, `{host}`, `{port}`, `{success}`,
/// `{first}`,
/// `{count}`.
struct RuleWords {
  std::string message, what, connection, entity, host, port, success, first, count;
};

struct Explanation {
  std::string cause;
  std::vector<std::string> next_steps;  ///< the error's own hint is the first, where it has one
};

/// `words.success` empty: it never worked as far as is known.
Explanation explain(const Error& error, const RuleWords& words);

}  // namespace switchgear

// The part of Structured Fields (RFC 9651) that rate-limit headers use: a list of items with integer parameters, or a dictionary of
// integers. One syntax error makes the whole field void, as the RFC demands. Views point into the text that was parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace switchgear {

struct FieldItem {
  std::string_view name;                                              ///< the string or token itself; in a dictionary the key
  std::optional<std::int64_t> value;                                  ///< of a dictionary
  std::vector<std::pair<std::string_view, std::int64_t>> parameters;  ///< only those that are integers

  std::optional<std::int64_t> parameter(std::string_view key) const noexcept;
};

/// Nothing if the text is malformed or longer than 4096 bytes; no items if it is empty.
std::optional<std::vector<FieldItem>> parse_structured_list(std::string_view text);

}  // namespace switchgear

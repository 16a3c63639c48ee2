// Why a webhook is not taken: one maker of Error(signature, …) for this folder, so that all of them read alike.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "switchgear/base/error.hpp"

namespace switchgear::webhook_detail {

[[noreturn]] inline void refuse(const char* detail, std::string message, std::string hint) {
  throw Error(Category::signature, detail, std::move(message)).with_hint(std::move(hint));
}

/// What a sender wrote, for a message: printable ASCII, at most `most` bytes.
inline std::string shown(std::string_view text, std::size_t most = 60) {
  std::string result;
  for (const char c : text.substr(0, most)) result.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  return text.size() > most ? result + "..." : result;
}

}  // namespace switchgear::webhook_detail

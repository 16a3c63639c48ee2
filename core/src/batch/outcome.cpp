#include "switchgear/batch/outcome.hpp"

#include <charconv>

namespace switchgear {

OnError OnError::parse(std::string_view text) {
  if (text == "continue") return {};
  if (text == "stop") return {Kind::stop, 0};
  double percent = 0;
  if (text.size() > 1 && text.back() == '%') {
    const char* const end = text.data() + text.size() - 1;
    const auto [at, failure] = std::from_chars(text.data(), end, percent);
    if (failure == std::errc() && at == end && percent >= 0 && percent < 100) return {Kind::threshold, percent / 100};
  }
  throw Error(Category::config, "on_error", "on_error is '" + std::string(text.substr(0, 40)) + "'")
      .with_hint("\"continue\", \"stop\", or a share of failures such as \"10%\"");
}

}  // namespace switchgear

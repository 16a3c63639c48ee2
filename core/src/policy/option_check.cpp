#include "option_check.hpp"

#include <array>
#include <cstdio>

namespace switchgear {

std::string number_text(double value) {
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.6g", value);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string seconds_text(std::chrono::nanoseconds duration) { return number_text(std::chrono::duration<double>(duration).count()) + " s"; }

void refuse_option(std::string_view field, std::string_view value, std::string_view range) {
  throw Error(Category::config, std::string(field) + " is " + std::string(value) + "; it must be " + std::string(range))
      .with_hint("correct " + std::string(field));
}

void check_number(std::string_view field, double value, double least, double most) {
  if (value >= least && value <= most) return;
  refuse_option(field, number_text(value), "from " + number_text(least) + " to " + number_text(most));
}

void check_share(std::string_view field, double value) {
  if (!(value > 0 && value <= 1)) refuse_option(field, number_text(value), "above 0 and at most 1");
}

void check_time(std::string_view field, std::chrono::nanoseconds value, std::chrono::nanoseconds longest) {
  if (value.count() <= 0 || value > longest) refuse_option(field, seconds_text(value), "above 0 s and at most " + seconds_text(longest));
}

}  // namespace switchgear

// Refuses configuration that contradicts itself: Error(config) naming field, value and range.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "switchgear/base/error.hpp"

namespace switchgear {

inline constexpr std::chrono::nanoseconds longest_time = std::chrono::hours(24 * 365);

/// "1.5 s"
std::string seconds_text(std::chrono::nanoseconds duration);

/// At most six digits, no trailing zeros.
std::string number_text(double value);

[[noreturn]] void refuse_option(std::string_view field, std::string_view value, std::string_view range);

/// Refuses NaN, too.
void check_number(std::string_view field, double value, double least, double most);

/// Above 0, at most 1.
void check_share(std::string_view field, double value);

/// Above 0, at most `longest`.
void check_time(std::string_view field, std::chrono::nanoseconds value, std::chrono::nanoseconds longest = longest_time);

}  // namespace switchgear

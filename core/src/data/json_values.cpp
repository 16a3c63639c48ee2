#include "json_values.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

namespace switchgear {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;
constexpr std::int64_t us_per_day = 86'400 * us_per_second;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Reads from the front of a text; every step that fails leaves `ok` false.
struct Scanner {
  std::string_view rest;
  bool ok = true;

  bool take(char c) noexcept {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  void expect(char c) noexcept { ok = take(c) && ok; }

  std::int64_t digits(std::size_t count) noexcept {
    if (rest.size() < count) return (ok = false, 0);
    std::int64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(rest[i])) ok = false;
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(count);
    return value;
  }

  /// The digits behind a point, as microseconds. Finer digits must be zero.
  std::int64_t fraction() noexcept {
    std::int64_t value = 0;
    std::size_t count = 0;
    for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1), ++count) {
      if (count < 6) {
        value = value * 10 + (rest.front() - '0');
      } else if (rest.front() != '0') {
        ok = false;
      }
    }
    if (count == 0) ok = false;
    for (; count < 6; ++count) value *= 10;
    return value;
  }
};

/// Days since 1970-01-01, by the algorithm that counts years from March ("days_from_civil", H. Hinnant).
constexpr std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) noexcept {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

constexpr std::int64_t days_in_month(std::int64_t year, std::int64_t month) noexcept {
  constexpr std::int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[month - 1];
}

std::int64_t scan_date(Scanner& in) noexcept {
  const std::int64_t year = in.digits(4);
  in.expect('-');
  const std::int64_t month = in.digits(2);
  in.expect('-');
  const std::int64_t day = in.digits(2);
  if (!in.ok || year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return (in.ok = false, 0);
  return days_from_civil(year, month, day);
}

std::int64_t scan_time(Scanner& in) noexcept {
  const std::int64_t hour = in.digits(2);
  in.expect(':');
  const std::int64_t minute = in.digits(2);
  std::int64_t second = 0;
  std::int64_t fraction = 0;
  if (in.take(':')) {
    second = in.digits(2);
    if (in.take('.')) fraction = in.fraction();
  }
  // Microseconds have no place for a leap second: 23:59:60 is rescued, not moved to another day.
  if (hour > 23 || minute > 59 || second > 59) in.ok = false;
  return ((hour * 60 + minute) * 60 + second) * us_per_second + fraction;
}

std::int64_t scan_offset_us(Scanner& in, bool negative) noexcept {
  const std::int64_t hours = in.digits(2);
  in.take(':');
  const std::int64_t minutes = in.rest.empty() ? 0 : in.digits(2);
  if (hours > 18 || minutes > 59) in.ok = false;
  const std::int64_t us = (hours * 60 + minutes) * 60 * us_per_second;
  return negative ? -us : us;
}

std::optional<Timestamp> parse_epoch_date(std::string_view text) noexcept {
  // "/Date(" milliseconds [ sign minutes ] ")/"
  if (!text.starts_with("/Date(") || !text.ends_with(")/")) return std::nullopt;
  text = text.substr(6, text.size() - 8);
  const auto sign = text.find_first_of("+-", 1);
  bool has_zone = true;
  if (sign != std::string_view::npos) {
    const std::string_view offset = text.substr(sign + 1);
    if (offset.empty() || !std::all_of(offset.begin(), offset.end(), is_digit)) return std::nullopt;
    text = text.substr(0, sign);
  } else {
    has_zone = false;  // Edm.DateTime has no zone; Edm.DateTimeOffset always writes one
  }
  const auto ms = parse_int64(text);
  if (!ms || *ms > std::numeric_limits<std::int64_t>::max() / 1000 || *ms < std::numeric_limits<std::int64_t>::min() / 1000)
    return std::nullopt;
  return Timestamp{*ms * 1000, has_zone};
}

template <class T>
std::optional<T> parse_whole(std::string_view text) noexcept {
  T value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr std::string_view whitespace = " \t\r\n";

/// The length of the JSON string at the front of `text`, quotes included; 0 if it is none.
std::size_t string_length(std::string_view text) noexcept {
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') return i + 1;
    if (static_cast<unsigned char>(c) < 0x20) return 0;
    if (c != '\\') continue;
    if (++i == text.size()) return 0;
    if (text[i] == 'u') {
      for (int k = 0; k < 4; ++k) {
        const std::string_view hex = "0123456789abcdefABCDEF";
        if (++i >= text.size() || hex.find(text[i]) == std::string_view::npos) return 0;
      }
    } else if (std::string_view("\"\\/bfnrt").find(text[i]) == std::string_view::npos) {
      return 0;
    }
  }
  return 0;
}

std::size_t scalar_length(std::string_view text) noexcept {
  if (text.front() == '"') return string_length(text);
  const std::size_t length = std::min(text.find_first_of(",]} \t\r\n"), text.size());
  const std::string_view token = text.substr(0, length);
  return token == "true" || token == "false" || token == "null" || is_json_number(token) ? length : 0;
}

}  // namespace

std::optional<std::int64_t> parse_int64(std::string_view text) noexcept { return parse_whole<std::int64_t>(text); }

std::optional<std::uint64_t> parse_uint64(std::string_view text) noexcept { return parse_whole<std::uint64_t>(text); }

std::optional<double> parse_float64(std::string_view text) noexcept {
  if (!text.empty() && is_digit(text.back())) {
    const auto value = parse_whole<double>(text);
    // A whole number is an identity or a count more often than a measurement: beyond 2^53 it must be met exactly.
    constexpr std::size_t always_exact = 15;
    if (value && text.size() > always_exact && text.find_first_of(".eE") == std::string_view::npos) {
      const auto exact = parse_decimal(text, 38, 0);
      if (!exact || static_cast<int128>(*value) != *exact) return std::nullopt;
    }
    return value;
  }
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "INF" || text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-INF" || text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

std::optional<int128> parse_decimal(std::string_view text, int precision, int scale) noexcept {
  if (text.empty()) return std::nullopt;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  std::int64_t exponent = 0;
  if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
    const auto parsed = parse_int64(digits);
    if (!parsed || *parsed > 1000 || *parsed < -1000) return std::nullopt;
    exponent = *parsed;
    text = text.substr(0, e);
  }
  const auto point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (whole.size() + fraction.size() == 0) return std::nullopt;

  // The value is the digits of both parts times 10^(exponent - |fraction|); it is wanted times 10^scale.
  std::int64_t shift = exponent - static_cast<std::int64_t>(fraction.size()) + scale;
  int128 limit = 1;
  for (int i = 0; i < precision; ++i) limit *= 10;
  int128 value = 0;
  const std::size_t n_digits = whole.size() + fraction.size();
  for (std::size_t i = 0; i < n_digits; ++i) {
    const char c = i < whole.size() ? whole[i] : fraction[i - whole.size()];
    if (!is_digit(c)) return std::nullopt;
    const bool below_scale = static_cast<std::int64_t>(n_digits - i) <= -shift;
    if (below_scale) {
      if (c != '0') return std::nullopt;
      continue;
    }
    if (value >= limit / 10) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  for (; shift > 0 && value != 0; --shift) {
    if (value >= limit / 10) return std::nullopt;
    value *= 10;
  }
  return negative ? -value : value;
}

std::optional<std::int32_t> parse_date(std::string_view text) noexcept {
  Scanner in{text};
  const std::int64_t days = scan_date(in);
  if (!in.ok || !in.rest.empty()) return std::nullopt;
  return static_cast<std::int32_t>(days);
}

std::optional<std::int64_t> parse_time(std::string_view text) noexcept {
  Scanner in{text};
  const std::int64_t us = scan_time(in);
  if (!in.ok || !in.rest.empty()) return std::nullopt;
  return us;
}

std::optional<Timestamp> parse_timestamp(std::string_view text) noexcept {
  if (!text.empty() && text.front() == '/') return parse_epoch_date(text);
  Scanner in{text};
  const std::int64_t days = scan_date(in);
  if (!in.take('T') && !in.take(' ') && !in.take('t')) return std::nullopt;
  std::int64_t us = days * us_per_day + scan_time(in);
  bool has_zone = true;
  if (in.take('Z') || in.take('z')) {
  } else if (in.take('+')) {
    us -= scan_offset_us(in, false);
  } else if (in.take('-')) {
    us -= scan_offset_us(in, true);
  } else {
    has_zone = false;
  }
  if (!in.ok || !in.rest.empty()) return std::nullopt;
  return Timestamp{us, has_zone};
}

bool is_json_number(std::string_view token) noexcept {
  Scanner in{token};
  in.take('-');
  if (in.rest.empty() || !is_digit(in.rest.front())) return false;
  const auto skip_digits = [&in] {
    const std::size_t before = in.rest.size();
    while (!in.rest.empty() && is_digit(in.rest.front())) in.rest.remove_prefix(1);
    return before != in.rest.size();
  };
  if (!in.take('0')) skip_digits();
  if (in.take('.') && !skip_digits()) return false;
  if (in.take('e') || in.take('E')) {
    if (!in.take('+')) in.take('-');
    if (!skip_digits()) return false;
  }
  return in.rest.empty();
}

bool is_json(std::string_view text, int max_depth) noexcept {
  // One bit of memory a level: whether it is an object. Vector growth is bounded by max_depth.
  std::vector<bool> open;
  const auto skip_space = [&text] { text.remove_prefix(std::min(text.find_first_not_of(whitespace), text.size())); };
  const auto take_key = [&] {
    skip_space();
    const std::size_t length = text.empty() || text.front() != '"' ? 0 : string_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
    skip_space();
    if (text.empty() || text.front() != ':') return false;
    text.remove_prefix(1);
    return true;
  };
  for (;;) {
    // A value is due.
    skip_space();
    if (text.empty()) return false;
    bool completed = true;
    if (text.front() == '{' || text.front() == '[') {
      if (static_cast<int>(open.size()) == max_depth) return false;
      const bool object = text.front() == '{';
      text.remove_prefix(1);
      skip_space();
      if (!text.empty() && text.front() == (object ? '}' : ']')) {
        text.remove_prefix(1);
      } else {
        open.push_back(object);
        if (object && !take_key()) return false;
        completed = false;
      }
    } else {
      const std::size_t length = scalar_length(text);
      if (length == 0) return false;
      text.remove_prefix(length);
    }
    // Close what ends here, up to the next comma.
    while (completed) {
      skip_space();
      if (open.empty()) return text.empty();
      if (text.empty()) return false;
      const char c = text.front();
      text.remove_prefix(1);
      if (c == ',') {
        if (open.back() && !take_key()) return false;
        completed = false;
      } else if (c == (open.back() ? '}' : ']')) {
        open.pop_back();
      } else {
        return false;
      }
    }
  }
}

}  // namespace switchgear

#include "json_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
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
  const auto us = parse_epoch(text, 1000);
  if (!us || text.find_first_of(".eE") != std::string_view::npos) return std::nullopt;
  return Timestamp{*us, has_zone};
}

template <class T>
std::optional<T> parse_whole(std::string_view text) noexcept {
  T value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Outside of these years calendars, Python's among them, have no name for an instant.
bool in_calendar(std::int64_t us) noexcept { return us >= -62'135'596'800 * us_per_second && us < 253'402'300'800 * us_per_second; }

/// A number as digits times a power of ten, without zeros at either end, so that two texts can be compared as numbers.
struct DecimalForm {
  static constexpr std::size_t most_of_a_double = 17;

  std::array<char, most_of_a_double> digits{};
  std::size_t n_digits = 0;  // may be more than are kept
  std::int64_t exponent = 0;
  bool plain = true;  // neither point nor exponent
};

/// `number` keeps to JSON's grammar, or to std::to_chars'.
DecimalForm decimal_form(std::string_view number) noexcept {
  DecimalForm form;
  std::size_t zeros = 0;  // behind the last digit that is none
  std::int64_t fraction = 0;
  bool behind_point = false;
  std::int64_t exponent = 0;
  for (std::size_t i = 0; i < number.size(); ++i) {
    const char c = number[i];
    if (c == '.') {
      behind_point = true;
      form.plain = false;
    } else if (c == 'e' || c == 'E') {
      form.plain = false;
      std::string_view digits = number.substr(i + 1);
      if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
      constexpr std::int64_t beyond_all = 1'000'000'000;
      exponent = parse_int64(digits).value_or(beyond_all);
      exponent = std::clamp(exponent, -beyond_all, beyond_all);
      break;
    } else if (is_digit(c)) {
      if (behind_point) ++fraction;
      if (c == '0') {
        if (form.n_digits > 0) ++zeros;
        continue;
      }
      for (; zeros > 0; --zeros) {
        if (form.n_digits < form.digits.size()) form.digits[form.n_digits] = '0';
        ++form.n_digits;
      }
      if (form.n_digits < form.digits.size()) form.digits[form.n_digits] = c;
      ++form.n_digits;
    }
  }
  if (form.n_digits > 0) form.exponent = exponent + static_cast<std::int64_t>(zeros) - fraction;
  return form;
}

/// Whether `value`, which was read from `text`, is written as the same number again.
bool gives_back(double value, std::string_view text, const DecimalForm& form) noexcept {
  constexpr std::size_t always_given_back = 15;
  constexpr std::int64_t far_from_the_ends = 290;
  const std::int64_t magnitude = form.exponent + static_cast<std::int64_t>(form.n_digits);
  if (form.n_digits <= always_given_back && magnitude > -far_from_the_ends && magnitude < far_from_the_ends) return true;
  if (form.n_digits > DecimalForm::most_of_a_double) return false;
  std::array<char, 32> shortest{};
  const auto end = std::to_chars(shortest.data(), shortest.data() + shortest.size(), value, std::chars_format::scientific);
  const DecimalForm back = decimal_form({shortest.data(), static_cast<std::size_t>(end.ptr - shortest.data())});
  if (back.n_digits != form.n_digits || back.exponent != form.exponent || back.digits != form.digits) return false;
  // A whole number is an identity or a count more often than a measurement, and consumers see what the double is, not its shortest text.
  if (!form.plain) return true;
  const auto exact = parse_decimal(text, 38, 0);
  return exact && static_cast<int128>(value) == *exact;
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

std::optional<double> parse_exact_float64(std::string_view text) noexcept {
  if (text.empty() || !is_digit(text.back())) return std::nullopt;
  const auto value = parse_whole<double>(text);
  if (!value) return std::nullopt;
  // Up to 15 digits always come back, but where a double has fewer: next to zero.
  constexpr std::size_t always_given_back = 15;
  constexpr double far_from_zero = 1e-290;
  if (text.size() <= always_given_back && std::fabs(*value) > far_from_zero) return value;
  if (!gives_back(*value, text, decimal_form(text))) return std::nullopt;
  return value;
}

std::optional<NumberFacts> number_facts(std::string_view text) noexcept {
  if (!is_json_number(text)) return std::nullopt;
  const DecimalForm form = decimal_form(text);
  NumberFacts facts;
  facts.whole = form.plain;
  if (form.plain) {
    facts.int64 = parse_int64(text);
    facts.uint64 = parse_uint64(text);
  }
  const auto value = parse_whole<double>(text);
  facts.in_float64 = value && gives_back(*value, text, form);
  facts.whole_digits = std::max<std::int64_t>(0, form.exponent + static_cast<std::int64_t>(form.n_digits));
  facts.scale = std::max<std::int64_t>(0, -form.exponent);
  return facts;
}

bool is_non_finite(std::string_view token) noexcept {
  if (token.starts_with('-') || token.starts_with('+')) token.remove_prefix(1);
  return token == "NaN" || token == "INF" || token == "Infinity" || token == "nan" || token == "inf";
}

std::string with_words_quoted(std::string_view json) {
  std::string result;
  while (!json.empty()) {
    std::size_t length = json.front() == '"' ? string_length(json) : 0;
    if (length == 0) {
      length = std::min(json.find_first_of(",:[]{}\" \t\r\n"), json.size());
      const bool word = is_non_finite(json.substr(0, length));
      if (word) result.append("\"").append(json.substr(0, length)).append("\"");
      if (word) json.remove_prefix(length);
      length = word ? 0 : std::max<std::size_t>(length, 1);
    }
    result.append(json.substr(0, length));
    json.remove_prefix(length);
  }
  return result;
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
  if (!in.ok || !in.rest.empty() || !in_calendar(us)) return std::nullopt;
  return Timestamp{us, has_zone};
}

std::optional<std::int64_t> parse_epoch(std::string_view text, int per_second) noexcept {
  const auto us = parse_decimal(text, 38, per_second == 1 ? 6 : 3);
  constexpr int128 most = std::numeric_limits<std::int64_t>::max();
  if (!us || *us > most || *us < -most || !in_calendar(static_cast<std::int64_t>(*us))) return std::nullopt;
  return static_cast<std::int64_t>(*us);
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

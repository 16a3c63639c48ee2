#include <algorithm>
#include <array>
#include <charconv>

#include "switchgear/http/rate_headers.hpp"

namespace switchgear {
namespace {

constexpr std::array<std::string_view, 7> short_days = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 7> long_days = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Takes what a date consists of from the front of a text; one mismatch and the whole is no date.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  void literal(std::string_view expected) {
    if (!rest_.starts_with(expected)) return fail();
    rest_.remove_prefix(expected.size());
  }

  int digits(std::size_t count) {
    int value = 0;
    if (rest_.size() < count || !std::all_of(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(count), is_digit)) return fail(), 0;
    std::from_chars(rest_.data(), rest_.data() + count, value);
    rest_.remove_prefix(count);
    return value;
  }

  /// asctime pads the day of the month with a space.
  int padded_day() {
    if (!rest_.starts_with(' ')) return digits(2);
    rest_.remove_prefix(1);
    return digits(1);
  }

  template <std::size_t N>
  int one_of(const std::array<std::string_view, N>& words) {
    for (std::size_t i = 0; i < N; ++i) {
      if (rest_.starts_with(words[i])) return (rest_.remove_prefix(words[i].size()), static_cast<int>(i) + 1);
    }
    return fail(), 0;
  }

  void time() { hour = digits(2), literal(":"), minute = digits(2), literal(":"), second = digits(2); }

  std::optional<std::chrono::sys_seconds> result() const {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    // 60 is a leap second.
    if (!ok_ || !rest_.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  }

  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  void fail() { ok_ = false, rest_ = {}; }

  std::string_view rest_;
  bool ok_ = true;
};

int full_year(int two_digits, WallTime now) {
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
  const int this_year = static_cast<int>(today.year());
  const int year = this_year - this_year % 100 + two_digits;
  if (year > this_year + 50) return year - 100;
  return year + 100 <= this_year + 50 ? year + 100 : year;
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text, WallTime now) {
  constexpr std::size_t longest = 33;  // "Wednesday, 06-Nov-94 08:49:37 GMT"
  if (text.size() > longest) return std::nullopt;
  DateReader read(text);
  const std::size_t comma = text.find(',');
  if (comma == 3) {
    read.one_of(short_days), read.literal(", ");
    read.day = read.digits(2), read.literal(" "), read.month = read.one_of(months), read.literal(" "), read.year = read.digits(4);
    read.literal(" "), read.time(), read.literal(" GMT");
  } else if (comma != std::string_view::npos) {
    read.one_of(long_days), read.literal(", ");
    read.day = read.digits(2), read.literal("-"), read.month = read.one_of(months), read.literal("-");
    read.year = full_year(read.digits(2), now);
    read.literal(" "), read.time(), read.literal(" GMT");
  } else {
    read.one_of(short_days), read.literal(" "), read.month = read.one_of(months), read.literal(" ");
    read.day = read.padded_day(), read.literal(" "), read.time(), read.literal(" "), read.year = read.digits(4);
  }
  return read.result();
}

}  // namespace switchgear

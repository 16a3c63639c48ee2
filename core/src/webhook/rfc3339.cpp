#include "rfc3339.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace switchgear::webhook_detail {
namespace {

constexpr std::int64_t seconds_a_day = 86'400;
constexpr std::int64_t last_second = 9'200'000'000;  // what a count of nanoseconds in 64 bits reaches

/// Digits from the front of a text, of which it is told how many.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool digits(std::size_t count, int& value) noexcept {
    if (rest_.size() < count) return false;
    value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }

  bool take(char c) noexcept {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Nanoseconds of the digits behind a point, of which there must be one.
  bool fraction(std::int32_t& nanoseconds) noexcept {
    std::size_t count = 0;
    nanoseconds = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++count, rest_.remove_prefix(1)) {
      if (count < 9) nanoseconds = nanoseconds * 10 + (rest_.front() - '0');
    }
    for (std::size_t i = count; i < 9; ++i) nanoseconds *= 10;
    return count > 0;
  }

  bool empty() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Seconds east of Greenwich.
bool read_zone(Scanner& in, int& seconds) noexcept {
  seconds = 0;
  if (in.take('Z') || in.take('z')) return true;
  const bool east = in.take('+');
  int hours = 0;
  int minutes = 0;
  if ((!east && !in.take('-')) || !in.digits(2, hours) || !in.take(':') || !in.digits(2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  seconds = (hours * 60 + minutes) * 60 * (east ? 1 : -1);
  return true;
}

}  // namespace

std::optional<Instant> parse_rfc3339(std::string_view text) noexcept {
  Scanner in(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!in.digits(4, year) || !in.take('-') || !in.digits(2, month) || !in.take('-') || !in.digits(2, day)) return std::nullopt;
  if (!in.take('T') && !in.take('t') && !in.take(' ')) return std::nullopt;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!in.digits(2, hour) || !in.take(':') || !in.digits(2, minute) || !in.take(':') || !in.digits(2, second)) return std::nullopt;
  Instant instant;
  if (in.take('.') && !in.fraction(instant.nanoseconds)) return std::nullopt;
  int zone = 0;
  if (!read_zone(in, zone) || !in.empty()) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  // A leap second is the first one of the next minute.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int in_day = (hour * 60 + minute) * 60 + second;
  instant.seconds = days * seconds_a_day + in_day - zone;
  return instant;
}

std::optional<WallTime> to_wall_time(Instant instant) noexcept {
  if (instant.seconds > last_second || instant.seconds < -last_second) return std::nullopt;
  return WallTime(std::chrono::seconds(instant.seconds)) + std::chrono::nanoseconds(instant.nanoseconds);
}

std::string format_rfc3339(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(clock.subseconds()).count();
  std::array<char, 48> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09lld", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                   static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                                   static_cast<int>(clock.seconds().count()), static_cast<long long>(nanoseconds));
  std::string result(text.data(), static_cast<std::size_t>(length));
  while (result.ends_with("000")) result.resize(result.size() - 3);
  if (result.back() == '.') result.pop_back();
  return result + "Z";
}

}  // namespace switchgear::webhook_detail

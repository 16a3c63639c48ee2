#include "v2_time.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace switchgear::odata {
namespace {

constexpr std::int64_t minute_seconds = 60;
constexpr std::int64_t hour_seconds = 3'600;
constexpr std::int64_t day_seconds = 86'400;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [at, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || at != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Of two or four digits.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

struct Civil {
  std::int64_t year;
  int month, day;
};

Civil civil_from_days(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t of_era = days - era * 146'097;
  const std::int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  const int real_month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  return {year + era * 400 + (real_month <= 2 ? 1 : 0), real_month, static_cast<int>(of_year - (153 * month + 2) / 5 + 1)};
}

struct Instant {
  std::int64_t seconds;       ///< since 1970, UTC
  std::string_view fraction;  ///< its digits
};

std::optional<std::int64_t> zone_seconds(std::string_view zone) {
  if (zone.empty() || zone == "Z") return 0;
  const auto hours = digits(zone, 1, 2);
  const auto minutes = digits(zone, 4, 2);
  const bool fits = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':' && hours && minutes;
  if (!fits || *hours > 14 || *minutes > 59) return std::nullopt;
  return (zone[0] == '-' ? -1 : 1) * (*hours * hour_seconds + *minutes * minute_seconds);
}

std::optional<std::int64_t> midnight(std::string_view text) {
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-' || *month < 1 || *month > 12 || *day < 1) return std::nullopt;
  const std::int64_t days = days_from_civil(*year, *month, *day);
  if (civil_from_days(days).day != *day) return std::nullopt;  // there is no such day
  return days * day_seconds;
}

std::optional<Instant> parse_iso(std::string_view text) {
  const auto date = midnight(text);
  if (!date) return std::nullopt;
  if (text.size() == 10) return Instant{*date, {}};
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  if ((text[10] != 'T' && text[10] != ' ') || !hour || !minute || text[13] != ':' || *hour > 23 || *minute > 59) return std::nullopt;
  Instant instant{*date + *hour * hour_seconds + *minute * minute_seconds, {}};
  std::string_view rest = text.substr(16);
  if (!rest.empty() && rest.front() == ':') {
    const auto second = digits(rest, 1, 2);
    if (!second || *second > 59) return std::nullopt;
    instant.seconds += *second;
    rest.remove_prefix(3);
    if (!rest.empty() && rest.front() == '.') {
      const std::size_t end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
      instant.fraction = rest.substr(1, end - 1);
      rest.remove_prefix(end);
    }
  }
  const auto zone = zone_seconds(rest);
  if (!zone) return std::nullopt;
  instant.seconds -= *zone;
  return instant;
}

/// "/Date(ms)/", "/Date(ms+minutes)/": the offset changes how it is shown, not when it is.
std::optional<std::int64_t> parse_json_date(std::string_view text) {
  constexpr std::string_view begin = "/Date(";
  if (text.size() < begin.size() + 2 || text.substr(0, begin.size()) != begin || text.substr(text.size() - 2) != ")/") return std::nullopt;
  text = text.substr(begin.size(), text.size() - begin.size() - 2);
  return number(text.substr(0, text.find_first_of("+-", 1)));
}

std::string iso_text(std::int64_t seconds, std::string_view fraction) {
  const std::int64_t days = seconds / day_seconds - (seconds % day_seconds < 0 ? 1 : 0);
  const auto of_day = static_cast<int>(seconds - days * day_seconds);
  const Civil date = civil_from_days(days);
  if (date.year < 0 || date.year > 9'999) return {};
  const auto two = [](int number) { return std::to_string(100 + number).substr(1); };
  std::string text = std::to_string(10'000 + date.year).substr(1) + "-" + two(date.month) + "-" + two(date.day);
  text.append("T").append(two(of_day / 3'600)).append(":").append(two(of_day / 60 % 60)).append(":").append(two(of_day % 60));
  return fraction.empty() ? text : text.append(".").append(fraction);
}

}  // namespace

std::string v2_json_instant(std::string_view iso, bool with_zone) {
  const auto instant = parse_iso(iso);
  if (!instant) return {};
  const std::string_view finer = instant->fraction.substr(std::min<std::size_t>(3, instant->fraction.size()));
  if (finer.find_first_not_of('0') != std::string_view::npos) return {};
  std::string milliseconds(instant->fraction.substr(0, 3));
  milliseconds.resize(3, '0');
  const std::int64_t all = instant->seconds * 1'000 + number(milliseconds).value_or(0);
  return "/Date(" + std::to_string(all) + (with_zone ? "+0000)/" : ")/");
}

std::string v2_instant_text(std::string_view text) {
  if (const auto instant = parse_iso(text)) return iso_text(instant->seconds, instant->fraction);
  const auto milliseconds = parse_json_date(text);
  if (!milliseconds) return {};
  const std::int64_t seconds = *milliseconds / 1'000 - (*milliseconds % 1'000 < 0 ? 1 : 0);
  const std::string fraction = std::to_string(1'000 + *milliseconds - seconds * 1'000).substr(1);
  return iso_text(seconds, fraction == "000" ? "" : fraction);
}

std::string v2_duration(std::string_view time) {
  const auto hour = digits(time, 0, 2);
  const auto minute = digits(time, 3, 2);
  const bool with_seconds = time.size() >= 8 && time[5] == ':' && digits(time, 6, 2);
  if (!hour || !minute || time[2] != ':' || (time.size() != 5 && !with_seconds)) return {};
  std::string seconds(with_seconds ? time.substr(6) : "00");
  if (seconds.size() > 2 && (seconds[2] != '.' || seconds.find_first_not_of("0123456789", 3) != std::string::npos)) return {};
  return std::string("PT").append(time.substr(0, 2)).append("H").append(time.substr(3, 2)).append("M").append(seconds).append("S");
}

}  // namespace switchgear::odata

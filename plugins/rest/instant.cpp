#include "instant.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace switchgear::rest {
namespace {

constexpr std::int64_t second = 1'000'000;

/// Reads `count` digits; -1 if they are not all there.
int digits(std::string_view& text, std::size_t count) {
  int number = 0;
  if (text.size() < count) return -1;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> date(std::string_view& text) {
  const int year = digits(text, 4);
  if (year < 1 || !take(text, '-')) return std::nullopt;
  const int month = digits(text, 2);
  if (month < 0 || !take(text, '-')) return std::nullopt;
  const int day = digits(text, 2);
  const std::chrono::year_month_day found{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                          std::chrono::day(static_cast<unsigned>(day < 0 ? 0 : day))};
  if (!found.ok()) return std::nullopt;
  return std::int64_t{std::chrono::sys_days(found).time_since_epoch().count()} * 86400 * second;
}

/// Microseconds of ".123…": what is finer is cut off.
std::int64_t fraction(std::string_view& text) {
  std::int64_t found = 0;
  std::int64_t unit = second / 10;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    found += (text.front() - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  return found;
}

/// Seconds east of UTC, of what is left of the text.
std::optional<std::int64_t> zone(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  const bool west = text.front() == '-';
  if (!west && text.front() != '+') return std::nullopt;
  text.remove_prefix(1);
  const int hours = digits(text, 2);
  take(text, ':');
  const int minutes = text.empty() ? 0 : digits(text, 2);
  if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59 || !text.empty()) return std::nullopt;
  return (west ? -1 : 1) * (std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60);
}

}  // namespace

std::optional<std::int64_t> parse_instant(std::string_view text) {
  const auto day = date(text);
  if (!day || text.empty()) return day;
  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return std::nullopt;
  const int hour = digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return std::nullopt;
  const int minute = digits(text, 2);
  if (minute < 0 || minute > 59) return std::nullopt;
  int seconds = 0;
  std::int64_t micros = 0;
  if (take(text, ':')) {
    seconds = digits(text, 2);
    if (seconds < 0 || seconds > 60) return std::nullopt;
    if (take(text, '.') || take(text, ',')) micros = fraction(text);
  }
  const auto east = zone(text);
  if (!east) return std::nullopt;
  return *day + ((std::int64_t{hour} * 60 + minute) * 60 + seconds - *east) * second + micros;
}

std::string format_instant(std::int64_t microseconds, TimeForm form) {
  namespace chrono = std::chrono;
  const std::int64_t seconds_since = chrono::floor<chrono::seconds>(chrono::microseconds(microseconds)).count();
  if (form == TimeForm::epoch_s) return std::to_string(seconds_since);
  if (form == TimeForm::epoch_ms) return std::to_string(chrono::floor<chrono::milliseconds>(chrono::microseconds(microseconds)).count());
  const auto day = chrono::floor<chrono::days>(chrono::sys_seconds(chrono::seconds(seconds_since)));
  const chrono::year_month_day date_of(day);
  const auto rest = seconds_since - std::int64_t{day.time_since_epoch().count()} * 86400;
  std::array<char, 64> text{};
  int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date_of.year()),
                             static_cast<unsigned>(date_of.month()), static_cast<unsigned>(date_of.day()));
  std::string out(text.data(), static_cast<std::size_t>(length));
  if (form == TimeForm::date) return out;
  length = std::snprintf(text.data(), text.size(), "T%02d:%02d:%02d", static_cast<int>(rest / 3600), static_cast<int>(rest / 60 % 60),
                         static_cast<int>(rest % 60));
  out.append(text.data(), static_cast<std::size_t>(length));
  if (const std::int64_t micros = microseconds - seconds_since * second; micros != 0) {
    length = std::snprintf(text.data(), text.size(), ".%06d", static_cast<int>(micros));
    out.append(text.data(), static_cast<std::size_t>(length));
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + "Z";
}

std::string converted_instant(const std::string& text, TimeForm form) {
  if (form == TimeForm::as_is) return text;
  const auto instant = parse_instant(text);
  return instant ? format_instant(*instant, form) : text;
}

}  // namespace switchgear::rest

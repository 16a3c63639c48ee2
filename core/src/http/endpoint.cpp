#include "switchgear/http/endpoint.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "switchgear/base/text.hpp"
#include "switchgear/base/utf8.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {
namespace {

constexpr std::size_t longest_text = 300;
constexpr std::size_t most_names = 20;

/// A server chooses what stands in its certificate, and it is shown to people.
std::string shown(std::string_view text) {
  std::string result;
  for (const char c : trim(text).substr(0, longest_text)) result.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
  return to_valid_utf8(result);
}

std::vector<std::string> names_of(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty() && names.size() < most_names) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = trim(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    for (const std::string_view prefix : {"DNS:", "IP Address:", "IP:"}) {
      if (!item.starts_with(prefix)) continue;
      item.remove_prefix(prefix.size());
      break;
    }
    if (!item.empty()) names.push_back(shown(item));
  }
  return names;
}

std::optional<int> number(std::string_view text) {
  text = trim(text);
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::string day(WallTime time) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

}  // namespace

std::optional<WallTime> certificate_time(std::string_view text) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  constexpr std::string_view form = "Jan 31 08:00:00 2027 GMT";
  if (text.size() != form.size() || text.substr(20) != " GMT" || text[9] != ':' || text[12] != ':') return std::nullopt;
  const std::size_t month = months.find(text.substr(0, 3));
  const auto date = number(text.substr(4, 2));
  const auto hour = number(text.substr(7, 2));
  const auto minute = number(text.substr(10, 2));
  const auto second = number(text.substr(13, 2));
  const auto year = number(text.substr(16, 4));
  if (month == std::string_view::npos || month % 3 != 0 || !date || !hour || !minute || !second || !year) return std::nullopt;
  const std::chrono::year_month_day whole{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                                          std::chrono::day(static_cast<unsigned>(*date))};
  // Years that a system_clock of nanoseconds can't hold are as good as none.
  if (!whole.ok() || *hour > 23 || *minute > 59 || *second > 60 || *year < 1700 || *year > 2200) return std::nullopt;
  return std::chrono::sys_days(whole) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

Certificate certificate_from(const std::vector<std::pair<std::string, std::string>>& fields) {
  Certificate certificate;
  for (const auto& [name, value] : fields) {
    if (name == "Subject") certificate.subject = shown(value);
    if (name == "Issuer") certificate.issuer = shown(value);
    if (name == "Start date") certificate.valid_from = certificate_time(value);
    if (name == "Expire date") certificate.valid_until = certificate_time(value);
    if (name == "X509v3 Subject Alternative Name") certificate.names = names_of(value);
  }
  return certificate;
}

std::string Certificate::describe() const {
  std::string text = subject.empty() ? std::string("no subject") : subject;
  if (!issuer.empty()) text += ", issued by " + issuer;
  if (valid_until) text += ", valid until " + day(*valid_until);
  for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? ", for " : " ") + names[i];
  return text;
}

std::optional<EndpointReport> Transport::examine(const Url&, std::stop_token) { return std::nullopt; }

}  // namespace switchgear

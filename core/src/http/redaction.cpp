#include "redaction.hpp"

#include <algorithm>
#include <array>

#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

constexpr std::string_view mask = "***";

// Compared without case, '-' and '_'.
constexpr std::array<std::string_view, 11> exact_names = {"authorization", "proxyauthorization", "cookie",    "setcookie",  "pwd", "passwd",
                                                          "passcode",      "assertion",          "sessionid", "jsessionid", "otp"};
// In a URL or a form only: in JSON these are the names of ordinary data.
constexpr std::array<std::string_view, 6> names_in_fields = {"key", "sig", "signature", "code", "sid", "pin"};
constexpr std::array<std::string_view, 7> telling_parts = {"token",      "secret",    "password",  "apikey",
                                                           "credential", "accesskey", "privatekey"};
// Where a listing goes on is no secret, though it is called a token.
constexpr std::array<std::string_view, 12> harmless_names = {
    "skiptoken",  "continuationtoken", "nextcontinuationtoken", "pagetoken", "nexttoken",     "nextpagetoken",
    "deltatoken", "synctoken",         "resumetoken",           "tokentype", "tokenendpoint", "passwordexpiry"};

std::string letters_of(std::string_view name) {
  std::string letters = to_lower_ascii(name);
  std::erase_if(letters, [](char c) { return c == '-' || c == '_' || c == '$' || c == ' '; });
  return letters;
}

template <std::size_t count>
bool is_one_of(std::string_view name, const std::array<std::string_view, count>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool names_a_secret_field(std::string_view name) { return names_a_secret(name) || is_one_of(letters_of(name), names_in_fields); }

// "a=1&key=2": in a query or in a form.
std::string redact_fields(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const std::string_view field = text.substr(0, end);
    const auto equals = field.find('=');
    if (equals != std::string_view::npos && names_a_secret_field(percent_decode(field.substr(0, equals)))) {
      result.append(field.substr(0, equals + 1)).append(mask);
    } else {
      result += field;
    }
    if (end < text.size()) result += '&';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::size_t end_of_string(std::string_view text, std::size_t at) {  // `at` is behind the opening quote
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at, text.size());
}

// Name and attributes stay, so that a replayed login still sets its cookie.
std::string redacted_cookie(std::string_view text) {
  const auto end = std::min(text.find(';'), text.size());
  const auto equals = text.substr(0, end).find('=');
  if (equals == std::string_view::npos) return std::string(mask);
  return std::string(text.substr(0, equals + 1)).append(mask).append(text.substr(end));
}

// By hand instead of by a parser, so that everything else stays as it was, byte for byte, broken JSON included.
std::string redact_members(std::string_view text) {
  std::string result;
  std::size_t kept = 0;
  for (std::size_t at = text.find('"'); at < text.size(); at = text.find('"', at)) {
    const std::size_t name_end = end_of_string(text, at + 1);
    const std::string_view name = text.substr(at + 1, name_end - at - 1);
    at = std::min(name_end + 1, text.size());
    const std::size_t colon = text.find_first_not_of(" \t\r\n", at);
    if (colon == std::string_view::npos || text[colon] != ':' || !names_a_secret(name)) continue;
    const std::size_t quote = text.find_first_not_of(" \t\r\n", colon + 1);
    if (quote == std::string_view::npos || text[quote] != '"') continue;
    const std::size_t value_end = end_of_string(text, quote + 1);
    result.append(text.substr(kept, quote + 1 - kept)).append(mask);
    kept = value_end;
    at = std::min(value_end + 1, text.size());
  }
  return result.append(text.substr(kept));
}

}  // namespace

bool names_a_secret(std::string_view name) {
  const std::string letters = letters_of(name);
  if (is_one_of(letters, harmless_names)) return false;
  return is_one_of(letters, exact_names) || std::any_of(telling_parts.begin(), telling_parts.end(),
                                                        [&](std::string_view part) { return letters.find(part) != std::string::npos; });
}

Headers redacted_headers(const Headers& headers, const Redactor& redactor) {
  Headers result;
  for (const auto& [name, value] : headers) {
    if (equal_ignoring_case(name, "Set-Cookie")) {
      result.add(name, redacted_cookie(value));
    } else {
      result.add(name, names_a_secret(name) ? std::string(mask) : redactor.redact(value));
    }
  }
  return result;
}

std::string redacted_url(std::string_view url, const Redactor& redactor) {
  const auto mark = url.find('?');
  if (mark == std::string_view::npos) return redactor.redact(url);
  return redactor.redact(std::string(url.substr(0, mark + 1)) + redact_fields(url.substr(mark + 1)));
}

std::string redacted_body(std::string_view body, const Redactor& redactor) {
  const auto first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return std::string(body);
  const bool form = body.find_first_of("{[<\" \n") == std::string_view::npos && body.find('=') != std::string_view::npos;
  return redactor.redact(form ? redact_fields(body) : redact_members(body));
}

}  // namespace switchgear

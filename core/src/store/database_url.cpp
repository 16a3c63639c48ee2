#include "database_url.hpp"

#include <array>

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear::store_detail {
namespace {

constexpr std::array<std::string_view, 3> schemes = {"sqlite", "postgresql", "postgres"};
constexpr std::string_view forms = "give a path, sqlite:///path or postgresql://user@host/name";

/// "postgresql://user:***@host/name": the password of the user part and of a `password=` parameter are hidden.
std::string without_password(std::string_view url) {
  std::string text(url);
  const auto start = text.find("://") + 3;
  const auto end = text.find_first_of("/?", start);
  const auto at = text.rfind('@', end == std::string::npos ? end : end - 1);
  if (at != std::string::npos && at > start) {
    if (const auto colon = text.find(':', start); colon < at) text.replace(colon + 1, at - colon - 1, "***");
  }
  if (const auto parameter = text.find("password=", start); parameter != std::string::npos) {
    const auto value = parameter + std::string_view("password=").size();
    const auto after = text.find('&', value);
    text.replace(value, after == std::string::npos ? std::string::npos : after - value, "***");
  }
  return text;
}

Error bad_url(const std::string& why) {
  return Error(Category::config, "store", "the store's database " + why).with_hint(std::string(forms));
}

std::string sqlite_path(std::string_view rest) {
  // As in SQLAlchemy: three slashes are a relative path, four an absolute one.
  if (rest.empty() || rest.front() != '/') throw bad_url("'sqlite://" + std::string(rest) + "' names a host, which SQLite does not have");
  rest.remove_prefix(1);
  return percent_decode(rest);
}

}  // namespace

DatabaseUrl DatabaseUrl::parse(std::string_view text) {
  const auto colon = text.find("://");
  DatabaseUrl url;
  if (colon == std::string_view::npos) {
    url.target = std::string(text);
  } else {
    const std::string scheme = to_lower_ascii(text.substr(0, colon));
    if (scheme == "postgresql" || scheme == "postgres") {
      if (text.find_first_of(" \t\r\n\"") != std::string_view::npos) {
        throw bad_url("'" + without_password(text) + "' has a space or a quotation mark, which a URL writes as %20 or %22");
      }
      return {DatabaseKind::postgresql, std::string(text), without_password(text)};
    }
    if (scheme != "sqlite") throw bad_url("has the unknown scheme '" + scheme + "'" + did_you_mean(scheme, schemes));
    url.target = sqlite_path(text.substr(colon + 3));
  }
  if (url.target.empty()) throw bad_url("has no name");
  // SOCI hands the path on inside quotes and has no escape for them.
  if (url.target.find('"') != std::string::npos) throw bad_url("'" + url.target + "' has a quotation mark in its path");
  if (url.target.find('\0') != std::string::npos) throw bad_url("has a zero byte in its path");
  url.display = url.target;
  return url;
}

}  // namespace switchgear::store_detail

#include "switchgear/http/cookie_jar.hpp"

#include <algorithm>
#include <charconv>

#include "switchgear/base/text.hpp"
#include "switchgear/http/rate_headers.hpp"

namespace switchgear {
namespace {

constexpr std::size_t most_cookies = 200;
constexpr std::size_t largest_cookie = 8192;
constexpr std::int64_t longest_age_seconds = 400LL * 24 * 3600;  // as browsers cap it

bool within_domain(std::string_view host, std::string_view domain) {
  if (host == domain) return true;
  const bool suffix =
      host.size() > domain.size() && host.substr(host.size() - domain.size()) == domain && host[host.size() - domain.size() - 1] == '.';
  const bool address = host.front() == '[' || host.find_first_not_of("0123456789.") == std::string_view::npos;
  return suffix && !address;
}

bool within_path(std::string_view target, std::string_view path) {
  target = target.substr(0, target.find('?'));
  if (target.substr(0, path.size()) != path) return false;
  return target.size() == path.size() || path.back() == '/' || target[path.size()] == '/';
}

std::string default_path(std::string_view target) {
  const auto slash = target.substr(0, target.find('?')).rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(target.substr(0, slash));
}

std::optional<WallTime> after_max_age(std::string_view value, WallTime now) {
  std::int64_t age = 0;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), age);
  if (end != value.data() + value.size()) return std::nullopt;
  if (failed == std::errc::result_out_of_range) age = value.front() == '-' ? 0 : longest_age_seconds;
  return now + std::chrono::seconds(std::clamp<std::int64_t>(age, 0, longest_age_seconds));
}

std::optional<WallTime> at_date(std::string_view value, WallTime now) {
  std::string text(value);
  std::replace(text.begin(), text.end(), '-', ' ');  // "Thu, 01-Jan-1970 00:00:00 GMT" is common
  if (const auto date = parse_http_date(text, now)) return WallTime(*date);
  return std::nullopt;
}

}  // namespace

std::optional<CookieJar::Cookie> CookieJar::parse(const Url& url, std::string_view text, WallTime now) {
  if (text.size() > largest_cookie) return std::nullopt;
  const auto next = [&text] {
    const auto end = text.find(';');
    const std::string_view part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    return part;
  };
  const std::string_view pair = next();
  const auto equals = pair.find('=');
  if (equals == std::string_view::npos || trim(pair.substr(0, equals)).empty()) return std::nullopt;
  Cookie cookie;
  cookie.name = trim(pair.substr(0, equals));
  cookie.value = trim(pair.substr(equals + 1));
  cookie.domain = url.host;
  cookie.path = default_path(url.target);
  std::optional<WallTime> by_age;
  while (!text.empty()) {
    const std::string_view attribute = next();
    const auto at = attribute.find('=');
    const std::string_view name = trim(attribute.substr(0, at));
    const std::string_view value = at == std::string_view::npos ? std::string_view() : trim(attribute.substr(at + 1));
    if (equal_ignoring_case(name, "secure")) cookie.secure = true;
    if (equal_ignoring_case(name, "path") && !value.empty() && value.front() == '/') cookie.path = value;
    if (equal_ignoring_case(name, "max-age")) by_age = after_max_age(value, now);
    if (equal_ignoring_case(name, "expires")) cookie.expires = at_date(value, now);
    if (equal_ignoring_case(name, "domain") && !value.empty()) {
      const std::string domain = to_lower_ascii(value.front() == '.' ? value.substr(1) : value);
      if (!within_domain(url.host, domain) || (domain != url.host && domain.find('.') == std::string::npos)) return std::nullopt;
      cookie.domain = domain;
      cookie.host_only = false;
    }
  }
  if (by_age) cookie.expires = by_age;  // Max-Age wins over Expires
  return cookie;
}

void CookieJar::keep(const Url& url, const Headers& headers, WallTime now) {
  for (const std::string_view text : headers.all("Set-Cookie")) {
    if (auto cookie = parse(url, text, now)) put(std::move(*cookie), now);
  }
}

void CookieJar::put(Cookie cookie, WallTime now) {
  const std::lock_guard lock(mutex_);
  const auto same = [&](const Cookie& old) { return old.name == cookie.name && old.domain == cookie.domain && old.path == cookie.path; };
  const auto old = std::find_if(cookies_.begin(), cookies_.end(), same);
  if (old != cookies_.end()) {
    *old = std::move(cookie);  // in its place, because older cookies are sent first (RFC 6265, 5.3 and 5.4)
  } else {
    if (cookies_.size() == most_cookies) cookies_.erase(cookies_.begin());
    cookies_.push_back(std::move(cookie));
  }
  // A server deletes a cookie by setting one that has expired.
  std::erase_if(cookies_, [&](const Cookie& each) { return each.expires && *each.expires <= now; });
}

std::string CookieJar::header_for(const Url& url, WallTime now) const {
  std::vector<const Cookie*> matching;
  const std::lock_guard lock(mutex_);
  for (const Cookie& cookie : cookies_) {
    const bool here = cookie.host_only ? url.host == cookie.domain : within_domain(url.host, cookie.domain);
    const bool alive = !cookie.expires || *cookie.expires > now;
    if (here && alive && within_path(url.target, cookie.path) && (!cookie.secure || url.scheme == "https")) matching.push_back(&cookie);
  }
  std::stable_sort(matching.begin(), matching.end(), [](const Cookie* a, const Cookie* b) { return a->path.size() > b->path.size(); });
  std::string text;
  for (const Cookie* cookie : matching) text += (text.empty() ? "" : "; ") + cookie->name + "=" + cookie->value;
  return text;
}

bool CookieJar::contains(std::string_view name, WallTime now) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(cookies_.begin(), cookies_.end(), [&](const Cookie& c) { return c.name == name && (!c.expires || *c.expires > now); });
}

bool CookieJar::empty() const {
  const std::lock_guard lock(mutex_);
  return cookies_.empty();
}

std::vector<std::string> CookieJar::values() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> values;
  for (const Cookie& cookie : cookies_) values.push_back(cookie.value);
  return values;
}

void add_cookies(Headers& headers, const std::string& cookies) {
  if (cookies.empty()) return;
  std::string all = cookies;
  const std::string before(headers.get("Cookie").value_or(""));
  for (std::size_t begin = 0; begin < before.size();) {
    const std::size_t end = std::min(before.find("; ", begin), before.size());
    const std::string cookie = before.substr(begin, end - begin);
    const bool replaced = ("; " + cookies).find("; " + cookie.substr(0, cookie.find('=')) + "=") != std::string::npos;
    if (!replaced) all += "; " + cookie;
    begin = end + 2;
  }
  headers.set("Cookie", std::move(all));
}

}  // namespace switchgear

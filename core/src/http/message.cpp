#include "switchgear/http/message.hpp"

#include <algorithm>
#include <charconv>

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

[[noreturn]] void refuse_url(std::string_view text, std::string_view why) {
  throw Error(Category::config, "url", "'" + std::string(text.substr(0, 200)) + "' is no usable URL: " + std::string(why))
      .with_hint("give an absolute URL such as https://host/path");
}

bool is_scheme(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && letter(text.front()) && std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

bool is_host_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7f && std::string_view("\"#%/:<>?@[\\]^`{|}").find(c) == std::string_view::npos;
}

// Servers are found that put raw blanks and umlauts into their next links; on the wire they must be escaped.
std::string escape_target(std::string_view text) {
  constexpr std::string_view unsafe = " \"<>\\^`{|}";
  std::string result;
  result.reserve(text.size() + 16);
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80 || unsafe.find(c) != std::string_view::npos) {
      result += percent_encode(std::string_view(&c, 1));
    } else {
      result.push_back(c);
    }
  }
  return result;
}

std::string checked_port(std::string_view whole, std::string_view port) {
  unsigned number = 0;
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (failed != std::errc() || end != port.data() + port.size() || number == 0 || number > 65535) {
    refuse_url(whole, "port '" + std::string(port) + "' is not a number from 1 to 65535");
  }
  return std::to_string(number);
}

// RFC 3986, 3: the parts of a URI reference; a part that is absent differs from one that is empty.
struct Reference {
  std::optional<std::string_view> scheme, authority, query, fragment;
  std::string_view path;
};

Reference split(std::string_view text) {
  Reference parts;
  if (const auto hash = text.find('#'); hash != std::string_view::npos) {
    parts.fragment = text.substr(hash + 1);
    text = text.substr(0, hash);
  }
  if (const auto mark = text.find('?'); mark != std::string_view::npos) {
    parts.query = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  if (const auto colon = text.find(':'); colon != std::string_view::npos && is_scheme(text.substr(0, colon))) {
    parts.scheme = text.substr(0, colon);
    text = text.substr(colon + 1);
  }
  if (text.substr(0, 2) == "//") {
    const auto end = std::min(text.find('/', 2), text.size());
    parts.authority = text.substr(2, end - 2);
    text = text.substr(end);
  }
  parts.path = text;
  return parts;
}

// RFC 3986, 5.2.4, on the segments between the slashes.
std::string remove_dot_segments(std::string_view path) {
  std::string result;
  while (!path.empty()) {
    const auto slash = path.find('/', path.front() == '/' ? 1 : 0);
    const std::string_view segment = path.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    path = last ? std::string_view() : path.substr(slash);
    if (segment == "/." || segment == ".") {
      if (last && !segment.empty() && segment.front() == '/') result += '/';
    } else if (segment == "/.." || segment == "..") {
      result.erase(std::min(result.rfind('/'), result.size()));
      if (last) result += '/';
    } else {
      result += segment;
    }
  }
  return result;
}

// RFC 3986, 5.2.3.
std::string merge(const Reference& base, std::string_view path) {
  if (base.authority && base.path.empty()) return "/" + std::string(path);
  const auto slash = base.path.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : base.path.substr(0, slash + 1)) + std::string(path);
}

}  // namespace

void Headers::set(std::string_view name, std::string value) {
  const auto same = [&](const auto& item) { return equal_ignoring_case(item.first, name); };
  const auto first = std::find_if(items_.begin(), items_.end(), same);
  if (first == items_.end()) {
    items_.emplace_back(std::string(name), std::move(value));
    return;
  }
  first->second = std::move(value);
  items_.erase(std::remove_if(first + 1, items_.end(), same), items_.end());
}

void Headers::remove(std::string_view name) {
  std::erase_if(items_, [&](const auto& item) { return equal_ignoring_case(item.first, name); });
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (const auto& [key, value] : items_) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : items_) {
    if (equal_ignoring_case(key, name)) values.emplace_back(value);
  }
  return values;
}

Url Url::parse(std::string_view text) {
  const Reference parts = split(text);
  Url url;
  url.scheme = to_lower_ascii(parts.scheme.value_or(""));
  if (url.scheme != "http" && url.scheme != "https") refuse_url(text, "it does not begin with http:// or https://");
  if (!parts.authority || parts.authority->empty()) refuse_url(text, "it names no host");
  if (const auto at = parts.authority->rfind('@'); at != std::string_view::npos) {
    // What stands before the @ may be a password: it is not repeated.
    throw Error(Category::config, "url", "the URL of host '" + std::string(parts.authority->substr(at + 1)) + "' holds a user or password")
        .with_hint("take them out of the URL and give them as the connection's auth");
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) refuse_url(parts.authority.value(), "it holds a control character");
  }

  std::string_view host = *parts.authority;
  std::string_view port;
  const auto bracket = host.front() == '[' ? host.find(']') : 0;
  if (bracket == std::string_view::npos) refuse_url(text, "the bracket around its IPv6 address is not closed");
  if (const auto colon = host.find(':', bracket); colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
    if (port.empty()) refuse_url(text, "its port is empty");
  }
  const bool literal = bracket != 0;
  const std::string_view inside = literal ? host.substr(1, bracket - 1) : host;
  const bool well_formed =
      literal ? host.size() == bracket + 1 && inside.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos
              : std::all_of(host.begin(), host.end(), is_host_char);
  if (inside.empty() || !well_formed) refuse_url(text, "'" + std::string(host) + "' is no host name");

  url.host = to_lower_ascii(host);
  url.port = port.empty() ? (url.scheme == "https" ? "443" : "80") : checked_port(text, port);
  url.target = escape_target(parts.path);
  if (url.target.empty()) url.target = "/";
  if (parts.query) url.target += "?" + escape_target(*parts.query);
  return url;
}

std::string Url::origin() const {
  const bool usual = port == (scheme == "https" ? "443" : "80");
  return scheme + "://" + host + (usual ? "" : ":" + port);
}

std::string resolve_url(std::string_view base, std::string_view reference) {
  const Reference from = split(base);
  const Reference to = split(reference);
  if (!from.scheme) refuse_url(base, "a link on it cannot be resolved, because it is not absolute");

  std::string path;
  std::optional<std::string_view> authority = to.authority;
  std::optional<std::string_view> query = to.query;
  if (to.scheme || to.authority || (!to.path.empty() && to.path.front() == '/')) {
    path = remove_dot_segments(to.path);
  } else if (to.path.empty()) {
    path = from.path;
    if (!query) query = from.query;
  } else {
    path = remove_dot_segments(merge(from, to.path));
  }
  if (!to.scheme && !to.authority) authority = from.authority;

  std::string result(to.scheme ? *to.scheme : *from.scheme);
  result += ':';
  if (authority) result.append("//").append(*authority);
  result += path;
  if (query) result.append("?").append(*query);
  if (to.fragment) result.append("#").append(*to.fragment);
  return result;
}

}  // namespace switchgear

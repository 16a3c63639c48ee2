#include "switchgear/connector/link.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/http/message.hpp"

namespace switchgear {
namespace {

std::vector<std::string> addresses_of(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // A URL writes an IPv6 address in brackets.
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string name = bracketed ? host.substr(1, host.size() - 2) : host;
  if (::getaddrinfo(name.c_str(), nullptr, &wanted, &found) != 0) return {};
  std::vector<std::string> addresses;
  for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
    const void* bytes = nullptr;
    std::size_t size = 0;
    if (item->ai_family == AF_INET) {
      bytes = &reinterpret_cast<const sockaddr_in*>(item->ai_addr)->sin_addr;
      size = sizeof(in_addr);
    } else if (item->ai_family == AF_INET6) {
      bytes = &reinterpret_cast<const sockaddr_in6*>(item->ai_addr)->sin6_addr;
      size = sizeof(in6_addr);
    }
    if (bytes != nullptr) addresses.emplace_back(static_cast<const char*>(bytes), size);
  }
  ::freeaddrinfo(found);
  return addresses;
}

/// Do both names lead to one address? A service that calls itself by another name does so on every page, so a yes is remembered.
bool same_address(const std::string& a, const std::string& b) {
  static std::mutex mutex;
  static std::set<std::pair<std::string, std::string>> known;
  {
    const std::lock_guard lock(mutex);
    if (known.count({a, b}) != 0) return true;
  }
  const std::vector<std::string> left = addresses_of(a);
  const std::vector<std::string> right = addresses_of(b);
  const bool same = std::any_of(left.begin(), left.end(),
                                [&](const std::string& address) { return std::find(right.begin(), right.end(), address) != right.end(); });
  if (same) {
    const std::lock_guard lock(mutex);
    if (known.size() > 256) known.clear();
    known.emplace(a, b);
  }
  return same;
}

}  // namespace

std::string resolve_link(std::string_view base, std::string_view link) {
  if (base.empty()) {
    throw Error(Category::plugin, "contract", "the connector follows a link without saying on whose page it stood")
        .with_hint("set the request's base URL");
  }
  const Url home = Url::parse(base);
  const auto foreign = [&](const std::string& where) {
    return Error(Category::protocol, "foreign_link", "the source's next link leads to " + where + ", away from " + home.origin())
        .with_hint(
            "it is not followed, so that no credentials go there; if the source is meant to be reached there, use that address as its URL");
  };
  Url target;
  try {
    target = Url::parse(resolve_url(base, link));
  } catch (const Error&) {
    // It names no http server at all, or carries a password: the text is not repeated.
    throw foreign("something that is no plain http or https URL");
  }
  // The scheme may differ: behind a proxy that ends TLS a service writes http://. The request goes to the base's origin in any case.
  const bool default_ports =
      target.port == (target.scheme == "https" ? "443" : "80") && home.port == (home.scheme == "https" ? "443" : "80");
  const bool same_port = target.port == home.port || default_ports;
  const bool same_host = equal_ignoring_case(target.host, home.host) || (same_port && same_address(target.host, home.host));
  if (!same_port || !same_host) throw foreign(target.origin());
  return home.origin() + target.target;
}

}  // namespace switchgear

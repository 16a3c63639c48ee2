// Cookies of one session (RFC 6265), as a browser would keep them, without a public suffix list: a cookie for a whole domain is taken
// only from a host within it, and never for a domain without a dot. Thread-safe; bounded in number and size; throws nothing.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/http/message.hpp"

namespace switchgear {

class CookieJar {
 public:
  /// Takes every Set-Cookie of a reply that came from `url`.
  void keep(const Url& url, const Headers& headers, WallTime now);

  /// The value of `Cookie` for a request to `url`; "" if there is none.
  std::string header_for(const Url& url, WallTime now) const;

  bool contains(std::string_view name, WallTime now) const;
  bool empty() const;

  /// Every value, to be kept secret.
  std::vector<std::string> values() const;

 private:
  struct Cookie {
    std::string name, value, domain, path;
    bool host_only = true;
    bool secure = false;
    std::optional<WallTime> expires;
  };

  static std::optional<Cookie> parse(const Url& url, std::string_view text, WallTime now);
  void put(Cookie cookie, WallTime now);

  mutable std::mutex mutex_;
  std::vector<Cookie> cookies_;
};

/// Adds `cookies` to a request's Cookie header; of two with the same name the new one stays.
void add_cookies(Headers& headers, const std::string& cookies);

}  // namespace switchgear

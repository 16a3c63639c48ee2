// An HTTP request as a connector describes it; the host encodes, authenticates, paces, retries and sends it.
//
// A value: copy it, keep it, send it again. Members can be chained on a temporary and on a variable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "switchgear/sdk/abi.h"
#include "switchgear/sdk/text.hpp"

namespace switchgear::sdk {

class Request {
 public:
  /// `url` is absolute, or relative to what base() or link() name.
  Request(std::string method, std::string url) : method_(std::move(method)), url_(std::move(url)) {}

  /// Credentials, by the NAME of a secret of the manifest: the value is added by the host and never seen here. Without any of these the
  /// request carries what the connection was configured with.
  Request& bearer(std::string secret) & { return add_auth(SG_AUTH_BEARER, {}, std::move(secret)); }
  Request& basic(std::string user, std::string secret) & { return add_auth(SG_AUTH_BASIC, std::move(user), std::move(secret)); }
  Request& header_secret(std::string name, std::string secret) & { return add_auth(SG_AUTH_HEADER, std::move(name), std::move(secret)); }
  Request& query_secret(std::string name, std::string secret) & { return add_auth(SG_AUTH_QUERY, std::move(name), std::move(secret)); }
  Request& no_auth() & { return add_auth(SG_AUTH_NONE, {}, {}); }

  /// Encoded by the host. An empty value is left out, so "no token yet" needs no `if`.
  Request& query(std::string name, std::string_view value) & {
    query_.emplace_back(std::move(name), std::string(value));
    return *this;
  }
  template <class Integer, std::enable_if_t<std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>, int> = 0>
  Request& query(std::string name, Integer value) & {
    return query(std::move(name), std::string_view(std::to_string(value)));
  }
  template <class Boolean, std::enable_if_t<std::is_same_v<Boolean, bool>, int> = 0, class = void>
  Request& query(std::string name, Boolean value) & {
    return query(std::move(name), std::string_view(value ? "true" : "false"));
  }

  Request& header(std::string name, std::string_view value) & {
    headers_.emplace_back(std::move(name), std::string(value));
    return *this;
  }
  Request& body(std::string_view bytes, std::string_view content_type) & {
    body_.assign(bytes);
    return header("Content-Type", content_type);
  }
  Request& json(std::string_view text) & { return body(text, "application/json"); }

  /// Sent as `Idempotency-Key`, and makes a POST safe to repeat: only where the source honours it.
  Request& idempotency_key(std::string_view key) & { return (idempotency_key_.assign(key), *this); }

  /// It changes nothing at the source, whatever its method says, and may be sent again: a listing that is asked for by POST.
  Request& safe() & { return (flags_ |= SG_REQUEST_SAFE, *this); }

  Request& base(std::string url) & { return (base_ = std::move(url), *this); }

  /// The URL stands in a reply of the source (a next link). The host resolves it against `base` and holds it to the server of `base`.
  Request& link(std::string base) & {
    base_ = std::move(base);
    flags_ |= SG_REQUEST_LINK;
    return *this;
  }

  Request&& bearer(std::string secret) && { return std::move(bearer(std::move(secret))); }
  Request&& basic(std::string user, std::string secret) && { return std::move(basic(std::move(user), std::move(secret))); }
  Request&& header_secret(std::string name, std::string secret) && { return std::move(header_secret(std::move(name), std::move(secret))); }
  Request&& query_secret(std::string name, std::string secret) && { return std::move(query_secret(std::move(name), std::move(secret))); }
  Request&& no_auth() && { return std::move(no_auth()); }
  template <class Value>
  Request&& query(std::string name, const Value& value) && {
    return std::move(query(std::move(name), value));
  }
  Request&& header(std::string name, std::string_view value) && { return std::move(header(std::move(name), value)); }
  Request&& body(std::string_view bytes, std::string_view content_type) && { return std::move(body(bytes, content_type)); }
  Request&& json(std::string_view text) && { return std::move(json(text)); }
  Request&& idempotency_key(std::string_view key) && { return std::move(idempotency_key(key)); }
  Request&& safe() && { return std::move(safe()); }
  Request&& base(std::string url) && { return std::move(base(std::move(url))); }
  Request&& link(std::string url) && { return std::move(link(std::move(url))); }

  const std::string& method() const noexcept { return method_; }
  const std::string& url() const noexcept { return url_; }

 private:
  friend class Call;

  struct Auth {
    std::uint32_t kind;
    std::string name, secret;
  };

  Request& add_auth(std::uint32_t kind, std::string name, std::string secret) {
    auth_.push_back({kind, std::move(name), std::move(secret)});
    return *this;
  }

  std::string method_, url_, base_, body_, idempotency_key_;
  std::vector<std::pair<std::string, std::string>> query_, headers_;
  std::vector<Auth> auth_;
  std::uint32_t flags_ = 0;
};

}  // namespace switchgear::sdk

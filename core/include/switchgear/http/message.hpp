// HTTP requests and replies as plain values. Thread-safety: as any value type.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/base/buffer.hpp"

namespace switchgear {

/// In the order of sending; names compare without regard to case (RFC 9110).
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> items) : items_(items) {}

  void add(std::string name, std::string value) { items_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);

  /// The first value of that name.
  std::optional<std::string_view> get(std::string_view name) const noexcept;
  std::vector<std::string_view> all(std::string_view name) const;
  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }

  auto begin() const noexcept { return items_.begin(); }
  auto end() const noexcept { return items_.end(); }
  std::size_t size() const noexcept { return items_.size(); }
  bool operator==(const Headers&) const = default;

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  /// Sent as `Idempotency-Key` where the source honours it; makes a POST safe to repeat.
  std::string idempotency_key;
  bool safe = false;  ///< changes nothing at the source, whatever its method says
};

struct HttpTiming {
  std::chrono::microseconds dns{0}, connect{0}, tls{0}, first_byte{0}, total{0};  ///< each since the start of the attempt
  bool reused_connection = false;
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  Buffer body;               ///< decompressed
  std::string url;           ///< after redirects
  std::string http_version;  ///< "1.1", "2"
  HttpTiming timing;
};

/// The parts of an absolute http(s) URL.
struct Url {
  std::string scheme, host, port, target;  ///< `port` is filled in from the scheme; `target` is path + query, at least "/"

  /// Throws Error(config) naming the text for anything that is not an absolute http or https URL, or that holds a user or password.
  static Url parse(std::string_view text);

  std::string origin() const;  ///< "https://host:port", the port only if it is not the scheme's own
  std::string str() const { return origin() + target; }
};

/// RFC 3986, 5.2: what `reference` means on a page at `base`.
std::string resolve_url(std::string_view base, std::string_view reference);

}  // namespace switchgear

// The one way out to a source: a request in, a reply or an Error out.
//
// A Transport returns every HTTP reply as it is, whatever its status (see http/classify.hpp for what a status means), and throws an
// Error where there was none: `offline.dns|connect|tls|proxy|lost`, `timeout[.connect|.stalled]`, `protocol.reply_too_large` over the byte
// cap, `protocol` for what is not HTTP or does not decode, `config` for a bad URL, certificate, CA or pin, `cancelled`.
// `Error::nothing_sent` says that the request can't have reached the source. send() may be called from any number of threads at once. A
// stop request ends a transfer within 100 ms.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "switchgear/http/address_guard.hpp"
#include "switchgear/http/endpoint.hpp"
#include "switchgear/http/message.hpp"

namespace switchgear {

/// Zero is no limit of that kind; negative is refused.
struct Timeouts {
  std::chrono::milliseconds connect{10'000};  ///< DNS, TCP and TLS together
  std::chrono::milliseconds stalled{30'000};  ///< no byte in either direction
  std::chrono::milliseconds total{300'000};   ///< one attempt in all
};

struct TlsOptions {
  bool verify = true;
  std::string ca_file;           ///< PEM; empty: the system's store, wherever the distribution keeps it
  std::string client_cert_file;  ///< PEM
  std::string client_key_file;   ///< PEM
  std::string client_key_password;
  std::string pinned_public_key;  ///< "sha256//base64[;…]" (curl's form), or empty
};

struct TransportOptions {
  Timeouts timeouts;
  TlsOptions tls;
  std::string proxy;                            ///< URL; empty: from the environment; "none": no proxy
  std::uint64_t max_reply_bytes = 256U << 20U;  ///< after decompression
  int max_redirects = 5;                        ///< GET and HEAD only; never carries credentials to another origin
  bool http2 = true;                            ///< over TLS, when the server offers it
  std::string user_agent = "switchgear";
  /// Where connections may be made to, for URLs that somebody else chose; nothing: anywhere. What it refuses is Error(config, "address").
  std::optional<AddressGuard> guard = {};
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual HttpResponse send(const HttpRequest& request, std::stop_token stop) = 0;

  /// The way to `url` step by step, on connections of its own; sends no request. Throws only `cancelled`. Nothing: there is no network
  /// behind this transport.
  virtual std::optional<EndpointReport> examine(const Url& url, std::stop_token stop);
};

/// libcurl, with connections kept open between requests. Throws Error(config) for options that contradict themselves. Not to be used
/// in a fork of the process that made it: send() then throws, and the parent's connections stay untouched.
std::unique_ptr<Transport> make_curl_transport(TransportOptions options);

/// The bundle of last resort (the Python package hands in certifi's), for a system without a CA store of its own. Thread-safe;
/// taken up by transports that are made afterwards.
void set_fallback_ca_file(std::string path);

/// The CA bundle a transport uses: `users` if given, else $SSL_CERT_FILE, else the first bundle that exists where distributions keep
/// it, else the fallback, else "" (libcurl's built-in default).
std::string find_ca_file(const std::string& users);

}  // namespace switchgear

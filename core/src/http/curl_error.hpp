// What a failed transfer means: a CURLcode and what was seen around it become an Error with a category, the place and a next step.
#pragma once

#include <curl/curl.h>

#include <string>

#include "switchgear/base/error.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {

/// What is known about a transfer that ended without a reply.
struct TransferFailure {
  CURLcode code = CURLE_OK;
  std::string text;           ///< libcurl's own words
  const Url* url = nullptr;   ///< of the hop that failed
  bool request_sent = false;  ///< the connection stood and the request was begun
  bool reply_begun = false;   ///< the status line was there
  long os_errno = 0;
  long tls_verdict = 0;     ///< OpenSSL's X509_V_ERR_…
  long connect_status = 0;  ///< what a proxy answered to CONNECT
  std::uint64_t received = 0;
};

Error to_error(const TransferFailure& failure, const TransportOptions& options, const std::string& ca_file);

/// "proxy http://…", without its password.
std::string proxy_name(const TransportOptions& options);

/// "host:port", as an operator would type it.
std::string place(const Url& url);

}  // namespace switchgear

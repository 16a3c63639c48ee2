#include "curl_error.hpp"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace switchgear {
namespace {

struct Finding {
  std::string what;
  std::string hint;
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// "OpenSSL SSL_read: OpenSSL/3.0: error:0A000418:SSL routines::tlsv1 alert unknown ca, errno 0": only the end speaks to people.
std::string tls_words(const std::string& text) {
  const auto routines = text.find("SSL routines:");
  if (routines == std::string::npos) return text;
  const std::string words = text.substr(text.find(':', routines + 13) + 1);
  return words.substr(0, words.find(", errno"));
}

// The alerts by which a server says that it does not like the client's certificate, or misses it.
bool refuses_client_certificate(const TransferFailure& failure) {
  if (failure.code == CURLE_SSL_CLIENTCERT) return true;
  return contains(failure.text, " alert ") && (contains(failure.text, "certificate") || contains(failure.text, "unknown ca"));
}

std::string without_password(const std::string& proxy) {
  const auto at = proxy.rfind('@');
  if (at == std::string::npos) return proxy;
  const auto scheme = proxy.find("://");
  return (scheme == std::string::npos ? std::string() : proxy.substr(0, scheme + 3)) + "***" + proxy.substr(at);
}

std::string proxy_hint(const TransportOptions& options) {
  return options.proxy.empty() ? "check the variable, add the host to no_proxy, or set proxy=\"none\""
                               : "check the option `proxy` and that the proxy runs";
}

// The proxy was the one that could not be reached: libcurl then names its host instead of the source's.
bool failed_at_proxy(const TransferFailure& failure, const TransportOptions& options) {
  if (options.proxy == "none") return false;
  if (!options.proxy.empty()) return true;
  const std::string host = failure.url->host.front() == '[' ? failure.url->host.substr(1, failure.url->host.size() - 2) : failure.url->host;
  return contains(failure.text, "Failed to connect to ") && !contains(failure.text, "Failed to connect to " + host + " ");
}

Error offline(const char* detail, const TransferFailure& failure, Finding finding) {
  Error error = Error(Category::offline, detail, std::move(finding.what)).with_hint(std::move(finding.hint)).with_retry(true);
  error.nothing_sent = !failure.request_sent;
  return error;
}

Finding explain_refusal(const TransferFailure& failure) {
  const std::string port = "port " + failure.url->port + " of host " + failure.url->host;
  switch (static_cast<int>(failure.os_errno)) {
    case ECONNREFUSED:
      return {port + " refuses connections", "start the service there, or check the port and whether a firewall rejects it"};
    case EHOSTUNREACH:
    case ENETUNREACH:
      return {"there is no route to " + port + " (" + std::generic_category().message(static_cast<int>(failure.os_errno)) + ")",
              "check the network, the VPN and the host's address"};
    case ECONNRESET:
      return {port + " drops connections before they are made", "a firewall or load balancer in between may close them"};
    case EACCES:
    case EPERM:
      return {"this machine is not allowed to connect to " + port, "a local firewall or sandbox rule forbids it"};
    default:
      return {port + " cannot be reached: " + failure.text, "check that the service runs and that no firewall is in between"};
  }
}

Error connect_failure(const TransferFailure& failure, const TransportOptions& options) {
  if (!failed_at_proxy(failure, options)) return offline("connect", failure, explain_refusal(failure));
  return offline(
      "proxy", failure,
      {proxy_name(options) + " cannot be reached on the way to " + place(*failure.url) + ": " + failure.text, proxy_hint(options)});
}

// The numbers are OpenSSL's verification results (x509_vfy.h), which libcurl hands through.
Finding explain_certificate(const TransferFailure& failure, const std::string& ca_file) {
  const std::string whose = "the certificate of " + place(*failure.url);
  const std::string store = ca_file.empty() ? "the built-in CA store" : ca_file;
  // The names are compared by libcurl, which leaves no verdict then.
  if (contains(failure.text, "subject name") || contains(failure.text, "does not match")) {
    return {whose + " is for another host name",
            "use the name that the certificate is issued for, or have it reissued with " + failure.url->host};
  }
  switch (failure.tls_verdict) {
    case 9:
      return {whose + " is not valid yet", "compare this machine's clock with the certificate's start date"};
    case 10:
      return {whose + " has expired", "renew it on the server (or correct this machine's clock)"};
    case 18:
      return {whose + " is self-signed", "give it (or the CA that issues the server's next one) as the option `ca_file`"};
    case 2:
    case 19:
    case 20:
    case 21:
      return {whose + " is signed by a CA that is not trusted here (looked in " + store + ")",
              "give the CA that issued it, in PEM form, as the option `ca_file`; if it is a public one, the server may not send its "
              "intermediate certificate"};
    case 23:
      return {whose + " was revoked", "the server needs a new certificate"};
    default:
      return {whose + " was not accepted: " + failure.text, "check the server's certificate chain"};
  }
}

Error tls_failure(const TransferFailure& failure, const TransportOptions& options, const std::string& ca_file) {
  if (failure.code == CURLE_PEER_FAILED_VERIFICATION) return offline("tls", failure, explain_certificate(failure, ca_file));
  const std::string where = place(*failure.url);
  if (refuses_client_certificate(failure)) {
    const std::string& own = options.tls.client_cert_file;
    if (own.empty()) {
      return offline("tls", failure,
                     {where + " asks for a client certificate: " + tls_words(failure.text),
                      "give one and its key, in PEM form (in Python: auth=ClientCertificate(cert_file, key_file))"});
    }
    return offline("tls", failure,
                   {where + " refuses the client certificate " + own + ": " + tls_words(failure.text),
                    "check that it has not expired and that the server trusts its issuer"});
  }
  if (contains(failure.text, "wrong version number") || contains(failure.text, "packet length too long")) {
    return offline("tls", failure, {where + " does not speak TLS", "it may be a plain http:// port, or another service altogether"});
  }
  if (contains(failure.text, "reset") || contains(failure.text, "SSL_ERROR_SYSCALL") || contains(failure.text, "unexpected eof")) {
    return offline("tls", failure,
                   {where + " closed the connection during the TLS handshake: " + tls_words(failure.text),
                    "check that this port speaks TLS; a firewall that inspects traffic may also cut it"});
  }
  return offline("tls", failure,
                 {"the TLS handshake with " + where + " failed: " + tls_words(failure.text),
                  "check which TLS versions and ciphers the server offers"});
}

Error timed_out(const TransferFailure& failure, const TransportOptions& options) {
  const std::string where = place(*failure.url);
  if (!failure.request_sent) {
    Error error = Error(Category::timeout, "connect", "no connection to " + where + " in time: " + failure.text)
                      .with_hint("the host is down, or a firewall drops packets; raise the timeout `connect` if the network is slow")
                      .with_retry(true);
    error.nothing_sent = true;
    return error;
  }
  return Error(Category::timeout, where + " did not finish its reply within " + std::to_string(options.timeouts.total.count()) + " ms (" +
                                      std::to_string(failure.received) + " bytes had come)")
      .with_hint("ask for smaller pages, or raise the timeout `total`")
      .with_retry(true);
}

Error lost(const TransferFailure& failure) {
  const std::string where = place(*failure.url);
  // The one callback of ours that aborts forbids a second sending (CurlHandle::on_sending).
  const bool forbidden = failure.code == CURLE_ABORTED_BY_CALLBACK;
  const std::string reason =
      forbidden ? "it had been kept open from before; the request may have been processed, so it was not sent again" : failure.text;
  const bool kept_quiet = failure.code == CURLE_GOT_NOTHING || !failure.reply_begun;
  std::string what = kept_quiet
                         ? where + " closed the connection without a reply"
                         : "the connection to " + where + " broke off inside a reply, after " + std::to_string(failure.received) + " bytes";
  return offline(
      "lost", failure,
      {what + " (" + reason + ")", "the server, a proxy or a load balancer in between cut it; its log at this time should say why"});
}

Error not_http(const TransferFailure& failure) {
  return Error(Category::protocol, "not_http", place(*failure.url) + " does not answer in HTTP: " + failure.text)
      .with_hint("check the port, and whether it wants https://");
}

bool readable_file(const std::string& path) { return std::ifstream(path).good(); }

Error bad_ca_file(const TransferFailure& failure, const TransportOptions& options, const std::string& ca_file) {
  const bool own = !options.tls.ca_file.empty();
  const std::string reason = readable_file(ca_file) ? "holds no usable PEM certificate" : "cannot be read";
  Error error = Error(Category::config, "ca_file", "the CA file '" + ca_file + "' " + reason + " (" + failure.text + ")")
                    .with_hint(own ? "correct the option `ca_file`" : "correct SSL_CERT_FILE, or install the system's CA certificates");
  error.nothing_sent = true;
  return error;
}

Error bad_client_certificate(const TransferFailure& failure, const TransportOptions& options) {
  std::string what = "the client certificate '" + options.tls.client_cert_file + "' or its key cannot be used: " + failure.text;
  for (const std::string& file : {options.tls.client_cert_file, options.tls.client_key_file}) {
    if (!file.empty() && !readable_file(file)) what = "the client certificate's file '" + file + "' cannot be read";
  }
  Error error = Error(Category::config, "client_certificate", std::move(what))
                    .with_hint("both must be PEM and belong together; an encrypted key needs its password");
  error.nothing_sent = true;
  return error;
}

Error receive_failure(const TransferFailure& failure, const TransportOptions& options, const std::string& ca_file) {
  if (failure.connect_status >= 300 || contains(failure.text, "CONNECT")) {
    const bool unauthorised = failure.connect_status == 407;
    return offline(
        "proxy", failure,
        {proxy_name(options) + " answered " + std::to_string(failure.connect_status) + " when asked for a tunnel to " + place(*failure.url),
         unauthorised ? "it wants a user and password: http://user:password@proxy:port"
                      : "the proxy's rules may not allow this host or port"});
  }
  if (contains(failure.text, "chunk")) {
    return Error(Category::protocol, "bad_chunk", "the reply of " + place(*failure.url) + " is no valid chunked encoding: " + failure.text)
        .with_hint("the server or a proxy in between garbles replies");
  }
  // With TLS 1.3 a server refuses a client's certificate only after the handshake, in place of a reply.
  if (refuses_client_certificate(failure)) return tls_failure(failure, options, ca_file);
  return lost(failure);
}

Error config_failure(const char* detail, std::string what, std::string hint) {
  Error error = Error(Category::config, detail, std::move(what)).with_hint(std::move(hint));
  error.nothing_sent = true;
  return error;
}

}  // namespace

std::string proxy_name(const TransportOptions& options) {
  if (options.proxy.empty()) return "the proxy of the environment (http_proxy, https_proxy, all_proxy)";
  return "proxy " + without_password(options.proxy);
}

std::string place(const Url& url) { return url.host + ":" + url.port; }

Error to_error(const TransferFailure& failure, const TransportOptions& options, const std::string& ca_file) {
  const std::string where = place(*failure.url);
  switch (failure.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return offline("dns", failure,
                     {"the host name '" + failure.url->host + "' cannot be resolved", "check its spelling, the DNS server and the VPN"});
    case CURLE_COULDNT_RESOLVE_PROXY:
      return offline("proxy", failure, {"the host name of " + proxy_name(options) + " cannot be resolved", proxy_hint(options)});
    case CURLE_COULDNT_CONNECT:
      return connect_failure(failure, options);
    case CURLE_PROXY:
      return offline("proxy", failure, {proxy_name(options) + " refused the way to " + where + ": " + failure.text, proxy_hint(options)});
    case CURLE_OPERATION_TIMEDOUT:
      return timed_out(failure, options);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
      return tls_failure(failure, options, ca_file);
    case CURLE_SSL_CACERT_BADFILE:
      return bad_ca_file(failure, options, ca_file);
    case CURLE_SSL_CERTPROBLEM:
      return bad_client_certificate(failure, options);
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return config_failure("pin", where + " shows another public key than the pinned one",
                            "if the server's key was changed on purpose, correct `pinned_public_key`; else somebody is in between");
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return config_failure("tls", "TLS cannot be set up for " + where + ": " + failure.text,
                            "check the TLS options and OpenSSL's configuration");
    case CURLE_URL_MALFORMAT:
      return config_failure("url", "'" + failure.url->origin() + "' is no usable URL: " + failure.text,
                            "give an absolute URL such as https://host/path");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return not_http(failure);
    case CURLE_BAD_CONTENT_ENCODING:
      return Error(Category::protocol, "bad_encoding",
                   "the reply of " + where + " is not in the encoding that it declares: " + failure.text)
          .with_hint("the server or a proxy in between declares a compression that it does not apply");
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_ABORTED_BY_CALLBACK:
      return lost(failure);
    case CURLE_RECV_ERROR:
      return receive_failure(failure, options, ca_file);
    default:
      break;
  }
  return Error(Category::internal, "curl",
               "the transfer from " + where + " failed with libcurl's code " + std::to_string(static_cast<int>(failure.code)) + ": " +
                   failure.text)
      .with_hint("report this, with the version of libcurl");
}

}  // namespace switchgear

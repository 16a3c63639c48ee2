#include "curl_endpoint.hpp"

#include <utility>
#include <vector>

#include "curl_error.hpp"
#include "curl_handle.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using std::chrono::microseconds;

/// What the certificate has to do with the refusal, in the words of an operator who reads both.
void add_to_message(Error& error, const Certificate& certificate) { error.message += "; it shows " + certificate.describe(); }

bool is_about_a_certificate(const Error& error) { return error.code() == "offline.tls" || error.code() == "config.pin"; }

/// Whoever answers there, to see what it shows: no certificate of ours, no check of theirs.
TransportOptions trusting_anybody(const TransportOptions& options) {
  TransportOptions trusting = options;
  trusting.tls = TlsOptions();
  trusting.tls.verify = false;
  return trusting;
}

}  // namespace

/// What libcurl tells of its doings but not in its figures.
struct CurlHandle::Talk {
  std::string proxy_variable;                   ///< of the environment, if a proxy was taken from there
  std::optional<Steady::time_point> tls_began;  ///< by then TCP was connected
};

int CurlHandle::on_talk(CURL*, curl_infotype kind, char* bytes, std::size_t size, void* to) {
  constexpr std::string_view sign = "Uses proxy env variable ";
  auto& talk = *static_cast<Talk*>(to);
  if (kind == CURLINFO_SSL_DATA_OUT && !talk.tls_began) talk.tls_began = Steady::now();
  const std::string_view line(bytes, size);
  if (kind != CURLINFO_TEXT || !line.starts_with(sign)) return 0;
  const std::string_view variable = line.substr(sign.size(), line.find(' ', sign.size()) - sign.size());
  try {
    if (variable != "no_proxy" && variable != "NO_PROXY") talk.proxy_variable = variable;
  } catch (const std::exception&) {
    return 0;  // a C function is waiting; the variable stays unnamed
  }
  return 0;
}

void CurlHandle::read_times(EndpointReport& report, std::optional<microseconds> tls_began) const {
  const microseconds named(info<curl_off_t>(CURLINFO_NAMELOOKUP_TIME_T));
  microseconds connected(info<curl_off_t>(CURLINFO_CONNECT_TIME_T));
  if (connected.count() == 0 && tls_began) connected = *tls_began;  // it says nothing of a connection whose handshake failed
  const microseconds secured(info<curl_off_t>(CURLINFO_APPCONNECT_TIME_T));
  const microseconds ended(info<curl_off_t>(CURLINFO_TOTAL_TIME_T));
  // Each is the time from the start; 0 was not reached, and what was under way then took until the end.
  report.dns = named.count() > 0 ? named : ended;
  if (named.count() > 0) report.connect = (connected.count() > 0 ? connected : ended) - named;
  if (connected.count() > 0 && hop_->url.scheme == "https") report.tls = (secured.count() > 0 ? secured : ended) - connected;
  if (const char* address = info<char*>(CURLINFO_PRIMARY_IP); address != nullptr) report.address = address;
}

void CurlHandle::read_certificate(EndpointReport& report) const {
  const auto* chain = info<curl_certinfo*>(CURLINFO_CERTINFO);
  if (chain == nullptr || chain->num_of_certs < 1) return;
  std::vector<std::pair<std::string, std::string>> fields;
  for (const curl_slist* line = chain->certinfo[0]; line != nullptr; line = line->next) {
    const std::string_view text(line->data);
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos) fields.emplace_back(text.substr(0, colon), text.substr(colon + 1));
  }
  report.certificate = certificate_from(fields);
}

EndpointReport CurlHandle::examine(const Url& url, std::stop_token stop) {
  EndpointReport report;
  report.place = place(url);
  const HttpRequest request;
  const Hop hop{&request, &request.headers, url, false, options_.timeouts.total};
  Talk talk;
  const auto began = Steady::now();
  CURLcode code = CURLE_OK;
  try {
    set_up(hop);
    set(CURLOPT_CONNECT_ONLY, 1L);
    set(CURLOPT_CERTINFO, 1L);
    set(CURLOPT_VERBOSE, 1L);
    set(CURLOPT_DEBUGFUNCTION, &CurlHandle::on_talk);
    set(CURLOPT_DEBUGDATA, static_cast<void*>(&talk));
    code = transfer(stop);
    if (code != CURLE_OK) fail(code);
  } catch (const Error& error) {
    if (error.category == Category::cancelled) throw;
    report.error = error;
  }
  std::optional<microseconds> tls_began;
  if (talk.tls_began) tls_began = std::chrono::duration_cast<microseconds>(*talk.tls_began - began);
  read_times(report, tls_began);
  read_certificate(report);
  if (options_.proxy != "none" && !options_.proxy.empty()) report.proxy = proxy_name(options_);
  if (!talk.proxy_variable.empty()) report.proxy = "the proxy of the environment (" + talk.proxy_variable + ")";
  set(CURLOPT_VERBOSE, 0L);  // closing the connection has words of its own
  hop_ = nullptr;
  return report;
}

EndpointReport examine_endpoint(const Url& url, const TransportOptions& options, const std::string& ca_file, std::stop_token stop) {
  EndpointReport report = CurlHandle(options, ca_file).examine(url, stop);
  if (!report.error || !is_about_a_certificate(*report.error)) return report;
  if (!report.certificate) {
    const TransportOptions trusting = trusting_anybody(options);
    report.certificate = CurlHandle(trusting, ca_file).examine(url, stop).certificate;
  }
  if (report.certificate) add_to_message(*report.error, *report.certificate);
  return report;
}

}  // namespace switchgear

#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "curl_endpoint.hpp"
#include "curl_error.hpp"
#include "curl_handle.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/http/cookie_jar.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {
namespace {

constexpr std::size_t most_idle_handles = 64;

// What may go on to another origin. A list of what is harmless, because nobody can list every header that carries a credential.
constexpr std::array<std::string_view, 17> harmless_headers = {"Accept",
                                                               "Accept-Charset",
                                                               "Accept-Language",
                                                               "Accept-Encoding",
                                                               "Cache-Control",
                                                               "DataServiceVersion",
                                                               "If-Match",
                                                               "If-Modified-Since",
                                                               "If-None-Match",
                                                               "If-Range",
                                                               "MaxDataServiceVersion",
                                                               "OData-MaxVersion",
                                                               "OData-Version",
                                                               "Prefer",
                                                               "Range",
                                                               "User-Agent",
                                                               "If-Unmodified-Since"};

Headers without_credentials(const Headers& headers) {
  Headers kept;
  for (const auto& [name, value] : headers) {
    const auto same = [&key = name](std::string_view harmless) { return equal_ignoring_case(key, harmless); };
    if (std::any_of(harmless_headers.begin(), harmless_headers.end(), same)) kept.add(name, value);
  }
  return kept;
}

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

void init_libcurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw Error(Category::internal, "curl", std::string("libcurl cannot be initialised: ") + curl_easy_strerror(code));
}

void check(const TransportOptions& options) {
  const auto refuse = [](const std::string& what, const char* hint) { throw Error(Category::config, "transport", what).with_hint(hint); };
  const std::pair<const char*, std::chrono::milliseconds> limits[] = {
      {"connect", options.timeouts.connect}, {"stalled", options.timeouts.stalled}, {"total", options.timeouts.total}};
  for (const auto& [name, value] : limits) {
    if (value.count() < 0) refuse(std::string("the timeout `") + name + "` is negative", "give milliseconds, or 0 for no limit");
  }
  if (options.max_reply_bytes == 0) refuse("`max_reply_bytes` is 0", "give the largest reply to accept, in bytes");
  if (options.max_redirects < 0) refuse("`max_redirects` is negative", "0 follows none");
  if (options.tls.client_cert_file.empty() && !options.tls.client_key_file.empty()) {
    refuse("`client_key_file` is given without `client_cert_file`", "a client certificate needs both");
  }
}

class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(TransportOptions options) : options_(std::move(options)), ca_file_(find_ca_file(options_.tls.ca_file)) {
    check(options_);
    init_libcurl();
  }

  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;

  ~CurlTransport() override {
    // In a fork the connections belong to the parent: closing them properly would say goodbye to the server in its name.
    if (getpid() != pid_) {
      for (auto& handle : idle_) static_cast<void>(handle.release());
    }
  }

  HttpResponse send(const HttpRequest& request, std::stop_token stop) override {
    check_process();
    if (stop.stop_requested()) {
      Error error(Category::cancelled, "the request was cancelled before it was sent");
      error.nothing_sent = true;
      throw error;
    }
    Lease lease(*this);
    return follow(*lease.handle, request, stop);
  }

  std::optional<EndpointReport> examine(const Url& url, std::stop_token stop) override {
    check_process();
    return examine_endpoint(url, options_, ca_file_, stop);
  }

 private:
  using Steady = std::chrono::steady_clock;

  void check_process() const {
    if (getpid() == pid_) return;
    throw Error(Category::unsupported, "fork",
                "this transport was made in process " + std::to_string(pid_) + " and cannot be used in a fork of it")
        .with_hint("open the connection anew in the child process");
  }

  // The handle used last comes first, because its connection is the likeliest to be alive.
  struct Lease {
    explicit Lease(CurlTransport& transport) : owner(transport) {
      {
        const std::lock_guard lock(owner.mutex_);
        if (!owner.idle_.empty()) {
          handle = std::move(owner.idle_.back());
          owner.idle_.pop_back();
          return;
        }
      }
      handle = std::make_unique<CurlHandle>(owner.options_, owner.ca_file_);
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      const std::lock_guard lock(owner.mutex_);
      if (owner.idle_.size() < most_idle_handles) owner.idle_.push_back(std::move(handle));
    }
    CurlTransport& owner;
    std::unique_ptr<CurlHandle> handle;
  };

  HttpResponse follow(CurlHandle& handle, const HttpRequest& request, std::stop_token stop) {
    const auto began = Steady::now();
    const bool may_follow = options_.max_redirects > 0 && (request.method == "GET" || request.method == "HEAD") && request.body.empty();
    Hop hop{&request, &request.headers, Url::parse(request.url), false, options_.timeouts.total};
    const std::string origin = hop.url.origin();
    Headers headers;    // of the hops behind the first
    CookieJar cookies;  // some servers set one and redirect to see whether it comes back
    Headers set_here;   // those of the hops within the first origin, for whoever keeps the session
    for (int redirects = 0;; ++redirects) {
      HttpResponse response = handle.perform(hop, stop);
      const auto location = response.headers.get("Location");
      if (!may_follow || !is_redirect(response.status) || !location || location->empty()) {
        if (!hop.foreign) add_all(response.headers, set_here);
        return response;
      }
      if (redirects == options_.max_redirects) refuse_redirect(request, hop.url);
      cookies.keep(hop.url, response.headers, std::chrono::system_clock::now());
      for (const std::string_view cookie : response.headers.all("Set-Cookie")) set_here.add("Set-Cookie", std::string(cookie));
      hop.url = next_url(hop.url, *location);
      // Once outside, outside for good: whoever sent us back could choose the address that our credentials go to.
      hop.foreign = hop.foreign || hop.url.origin() != origin;
      headers = hop.foreign ? without_credentials(request.headers) : request.headers;
      add_cookies(headers, cookies.header_for(hop.url, std::chrono::system_clock::now()));
      hop.headers = &headers;
      hop.left = time_left(began, hop.url);
    }
  }

  // Before the reply's own, which are newer.
  static void add_all(Headers& headers, const Headers& earlier) {
    if (earlier.size() == 0) return;
    Headers all = earlier;
    for (const auto& [name, value] : headers) all.add(name, value);
    headers = std::move(all);
  }

  static Url next_url(const Url& from, std::string_view location) {
    try {
      return Url::parse(resolve_url(from.str(), location));
    } catch (const Error& error) {
      throw Error(Category::protocol, "redirect", place(from) + " redirects to a place that cannot be followed: " + error.message)
          .with_hint("only http and https are followed");
    }
  }

  [[noreturn]] void refuse_redirect(const HttpRequest& request, const Url& last) const {
    throw Error(Category::protocol, "redirect_loop",
                Url::parse(request.url).origin() + " redirects more than " + std::to_string(options_.max_redirects) +
                    " times, at last to " + last.origin() + last.target.substr(0, last.target.find('?')))
        .with_hint("a login page or a proxy may redirect in a circle; open the URL in a browser to see where it ends");
  }

  std::chrono::milliseconds time_left(Steady::time_point began, const Url& url) const {
    if (options_.timeouts.total.count() == 0) return options_.timeouts.total;
    const auto left = options_.timeouts.total - std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - began);
    if (left.count() > 0) return left;
    throw Error(Category::timeout, "no reply within " + std::to_string(options_.timeouts.total.count()) +
                                       " ms; the time ran out on the redirect to " + place(url))
        .with_hint("raise the timeout `total`")
        .with_retry(true);
  }

  const TransportOptions options_;
  const std::string ca_file_;
  const pid_t pid_ = getpid();
  std::mutex mutex_;
  std::vector<std::unique_ptr<CurlHandle>> idle_;
};

}  // namespace

std::unique_ptr<Transport> make_curl_transport(TransportOptions options) { return std::make_unique<CurlTransport>(std::move(options)); }

}  // namespace switchgear

#include "curl_handle.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <limits>
#include <new>

#include "curl_error.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/policy/retryable.hpp"

namespace switchgear {
namespace {

constexpr long receive_buffer_bytes = 512L * 1024L;
constexpr std::size_t most_header_bytes = 256U << 10U;  // below the limit of newer libcurls, whose error would be a vague one
constexpr std::size_t largest_guess_bytes = 4U << 20U;
constexpr std::chrono::milliseconds longest_wait{1000};

// libcurl takes an int's worth of milliseconds; what is longer is as good as no limit.
long as_limit(std::chrono::milliseconds time) {
  constexpr std::int64_t longest = std::numeric_limits<int>::max();
  return static_cast<long>(std::min<std::int64_t>(time.count(), longest));
}

// Its own meaning of no connect timeout would be five minutes.
long as_connect_limit(std::chrono::milliseconds time) { return as_limit(time.count() == 0 ? std::chrono::milliseconds::max() : time); }

/// A list of what is known to be harmless: OData's MERGE, and whatever else a source makes up, changes something each time.
bool may_be_repeated(const HttpRequest& request) {
  return request.safe || is_idempotent(request.method) || !request.idempotency_key.empty();
}

[[noreturn]] void refuse_header(const std::string& name) {
  throw Error(Category::config, "header", "the header '" + name + "' holds a line break or another character that HTTP forbids")
      .with_hint("a value from outside must not reach a header unchecked");
}

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

void add_header_line(std::string& text, const std::string& name, std::string_view value) {
  if (!is_token(name) || value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) refuse_header(name);
  // libcurl's way to send a header without a value; a bare colon would remove it.
  text.append(name).append(trim(value).empty() ? ";" : ": ").append(trim(value)).push_back('\n');
}

}  // namespace

CurlHandle::CurlHandle(const TransportOptions& options, const std::string& ca_file)
    : options_(options), ca_file_(ca_file), multi_(curl_multi_init()), easy_(curl_easy_init()) {
  if (!multi_ || !easy_) throw std::bad_alloc();
  set_up_once();
  set_up_tls();
}

// The easy handle may still hold a connection of the multi handle, which must outlive it.
CurlHandle::~CurlHandle() { easy_.reset(); }

void CurlHandle::set_up_once() {
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_BUFFERSIZE, receive_buffer_bytes);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_ACCEPT_ENCODING, "");  // all that this libcurl can decode
  set(CURLOPT_HTTP_VERSION, static_cast<long>(options_.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a cancelled transfer does not wait for a resolver that hangs
  set(CURLOPT_CONNECTTIMEOUT_MS, as_connect_limit(options_.timeouts.connect));
  set(CURLOPT_ERRORBUFFER, error_text_);
  set(CURLOPT_WRITEFUNCTION, &CurlHandle::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &CurlHandle::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_PREREQFUNCTION, &CurlHandle::on_sending);
  set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  if (options_.guard) {
    set(CURLOPT_OPENSOCKETFUNCTION, &CurlHandle::on_connecting);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  }
  if (options_.proxy == "none") {
    set(CURLOPT_PROXY, "");
  } else if (!options_.proxy.empty()) {
    set(CURLOPT_PROXY, options_.proxy.c_str());
    set(CURLOPT_NOPROXY, "");  // what was said explicitly wins over no_proxy of the environment
  }
}

void CurlHandle::set_up_tls() {
  const TlsOptions& tls = options_.tls;
  set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  if (!ca_file_.empty()) {
    set(CURLOPT_CAINFO, ca_file_.c_str());
    set(CURLOPT_PROXY_CAINFO, ca_file_.c_str());
    // The folder compiled into libcurl would be trusted beside the file.
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    set(CURLOPT_PROXY_CAPATH, static_cast<char*>(nullptr));
  }
  if (!tls.pinned_public_key.empty()) set(CURLOPT_PINNEDPUBLICKEY, tls.pinned_public_key.c_str());
}

void CurlHandle::set_method(const HttpRequest& request) {
  if (!is_token(request.method)) {
    throw Error(Category::config, "method", "'" + request.method + "' is no HTTP method")
        .with_hint("GET, POST, PUT, PATCH, DELETE, HEAD …");
  }
  const char* custom = nullptr;
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.body.empty() && request.method != "POST" && request.method != "PUT" && request.method != "PATCH") {
    set(CURLOPT_HTTPGET, 1L);
    if (request.method != "GET") custom = request.method.c_str();
  } else {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    if (request.method != "POST") custom = request.method.c_str();
  }
  set(CURLOPT_CUSTOMREQUEST, custom);
}

void CurlHandle::set_headers(const Hop& hop) {
  std::string text;
  for (const auto& [name, value] : *hop.headers) add_header_line(text, name, value);
  const std::string& key = hop.request->idempotency_key;
  if (!key.empty() && !hop.headers->contains("Idempotency-Key")) add_header_line(text, "Idempotency-Key", key);
  // libcurl's own additions: a wait for "100 Continue", and a content type for bodies that have none.
  if (!hop.headers->contains("Expect")) text += "Expect:\n";
  if (!hop.headers->contains("Content-Type")) text += "Content-Type:\n";
  if (text == header_text_) return;

  std::unique_ptr<curl_slist, ListDeleter> list;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    curl_slist* longer = curl_slist_append(list.get(), text.substr(begin, end - begin).c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(list.release());
    list.reset(longer);
    begin = end + 1;
  }
  set(CURLOPT_HTTPHEADER, list.get());
  header_list_ = std::move(list);
  header_text_ = std::move(text);
}

void CurlHandle::set_up(const Hop& hop) {
  set(CURLOPT_URL, hop.url.str().c_str());
  set(CURLOPT_TIMEOUT_MS, as_limit(hop.left));
  set_method(*hop.request);
  set_headers(hop);
  // A certificate of ours is a credential too.
  const TlsOptions& tls = options_.tls;
  const bool present = !tls.client_cert_file.empty() && !hop.foreign;
  set(CURLOPT_SSLCERT, present ? tls.client_cert_file.c_str() : nullptr);
  set(CURLOPT_SSLKEY, present && !tls.client_key_file.empty() ? tls.client_key_file.c_str() : nullptr);
  set(CURLOPT_KEYPASSWD, present && !tls.client_key_password.empty() ? tls.client_key_password.c_str() : nullptr);

  hop_ = &hop;
  response_ = HttpResponse();
  header_bytes_ = 0;
  headers_done_ = false;
  may_send_twice_ = may_be_repeated(*hop.request);
  times_sent_ = 0;
  refusal_ = Refusal::none;
  refused_address_.clear();
  moved_bytes_ = -1;
  error_text_[0] = '\0';
}

/// Called with each address that a name was resolved to, before anything is sent there.
curl_socket_t CurlHandle::on_connecting(void* self, curlsocktype, curl_sockaddr* address) {
  auto& handle = *static_cast<CurlHandle*>(self);
  try {
    const auto where = IpAddress::from(address->addr);
    const auto refusal = where ? handle.options_.guard->refusal(*where) : std::optional<std::string>("an address of an unknown kind");
    if (!refusal) return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    handle.refused_address_ = *refusal;
  } catch (const std::exception&) {
    handle.refusal_ = Refusal::out_of_memory;
  }
  return CURL_SOCKET_BAD;
}

int CurlHandle::on_sending(void* self, char*, char*, int, int) {
  auto& handle = *static_cast<CurlHandle*>(self);
  // libcurl sends again by itself when a kept connection turns out dead. The first sending may have been processed, so it must not
  // do that with a request that would then happen twice.
  if (handle.times_sent_ > 0 && !handle.may_send_twice_) return CURL_PREREQFUNC_ABORT;
  ++handle.times_sent_;
  return CURL_PREREQFUNC_OK;
}

std::size_t CurlHandle::on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& handle = *static_cast<CurlHandle*>(self);
  try {
    return handle.take_header(std::string_view(bytes, size * count)) ? size * count : 0;
  } catch (const std::exception&) {
    handle.refusal_ = Refusal::out_of_memory;
    return 0;
  }
}

bool CurlHandle::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > most_header_bytes) {
    refusal_ = Refusal::headers_too_large;
    return false;
  }
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (line.substr(0, 5) == "HTTP/") {  // also after an interim reply
    response_.headers = Headers();
    headers_done_ = false;
    return true;
  }
  if (headers_done_) return true;  // a trailer: never merged into the headers (RFC 9110, 6.5.1)
  if (line.empty()) {
    headers_done_ = true;
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  response_.headers.add(std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1))));
  return true;
}

std::size_t CurlHandle::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& handle = *static_cast<CurlHandle*>(self);
  try {
    return handle.take_body(bytes, size * count) ? size * count : 0;
  } catch (const std::exception&) {
    handle.refusal_ = Refusal::out_of_memory;
    return 0;
  }
}

bool CurlHandle::take_body(const char* bytes, std::size_t count) {
  Buffer& body = response_.body;
  if (body.size() + count > options_.max_reply_bytes) {
    refusal_ = Refusal::body_too_large;
    return false;
  }
  if (body.capacity() == 0) {
    std::size_t expected = usual_body_bytes_;
    const auto announced = info<curl_off_t>(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
    if (announced > 0 && !response_.headers.contains("Content-Encoding")) expected = static_cast<std::size_t>(announced);
    // Memory is taken for what came, not for what a server merely announces: growing later is cheap beside reading so much.
    body.reserve(std::max(count, std::min({expected, static_cast<std::size_t>(options_.max_reply_bytes), largest_guess_bytes})));
  }
  body.append(bytes, count);
  return true;
}

// How long the next wait may last. Throws when no byte has moved for too long.
std::chrono::milliseconds CurlHandle::check_progress() {
  const auto limit = options_.timeouts.stalled;
  if (limit.count() == 0 || times_sent_ == 0) return longest_wait;  // until the request goes out, the connect timeout rules
  const auto moved = static_cast<std::int64_t>(info<curl_off_t>(CURLINFO_SIZE_DOWNLOAD_T) + info<curl_off_t>(CURLINFO_SIZE_UPLOAD_T) +
                                               info<long>(CURLINFO_HEADER_SIZE) + info<long>(CURLINFO_REQUEST_SIZE)) +
                     static_cast<std::int64_t>(header_bytes_);
  const auto now = Steady::now();
  if (moved != moved_bytes_) {
    moved_bytes_ = moved;
    moved_at_ = now;
  }
  const auto idle = std::chrono::duration_cast<std::chrono::milliseconds>(now - moved_at_);
  if (idle >= limit) {
    throw Error(Category::timeout, "stalled",
                place(hop_->url) + " has sent nothing for " + std::to_string(idle.count()) + " ms, after " +
                    std::to_string(response_.body.size()) + " bytes of its reply")
        .with_hint("the source hangs or is overloaded; raise the timeout `stalled` if it needs longer to answer")
        .with_retry(true);
  }
  return std::min(longest_wait, limit - idle);
}

CURLcode CurlHandle::drive(std::stop_token stop) {
  const std::stop_callback wake(stop, [multi = multi_.get()] { curl_multi_wakeup(multi); });
  for (;;) {
    int running = 0;
    if (const CURLMcode code = curl_multi_perform(multi_.get(), &running); code != CURLM_OK) {
      throw Error(Category::internal, "curl", std::string("libcurl cannot go on: ") + curl_multi_strerror(code));
    }
    if (running == 0) break;
    if (stop.stop_requested()) {
      Error error(Category::cancelled, "the request to " + place(hop_->url) + " was cancelled");
      error.nothing_sent = times_sent_ == 0;
      throw error;
    }
    const auto wait = check_progress();
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(wait.count()), nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg == CURLMSG_DONE) return message->data.result;
  }
  return CURLE_FAILED_INIT;
}

void CurlHandle::fail(CURLcode code) {
  const std::string where = place(hop_->url);
  switch (refusal_) {
    case Refusal::body_too_large:
      throw Error(Category::protocol, "reply_too_large",
                  "the reply of " + where + " is larger than " + std::to_string(options_.max_reply_bytes) + " bytes (decompressed)")
          .with_hint("ask for smaller pages, or raise the option `max_reply_bytes`");
    case Refusal::headers_too_large:
      throw Error(Category::protocol, "headers_too_large",
                  "the headers of the reply of " + where + " are larger than " + std::to_string(most_header_bytes) + " bytes")
          .with_hint("this is no sane reply: check what answers there");
    case Refusal::out_of_memory:
      throw std::bad_alloc();
    case Refusal::none:
      break;
  }
  if (!refused_address_.empty() && times_sent_ == 0) {
    Error error =
        Error(Category::config, "address", "nothing is sent to " + where + ": it is " + refused_address_)
            .with_hint("whoever runs this may allow its subnet; a public name that leads there was changed, or is meant to deceive");
    error.nothing_sent = true;
    throw error;
  }
  // A single line that libcurl would not take; by its version one of two codes, neither of which says so.
  constexpr int curle_too_large = 100;
  if ((code == CURLE_OUT_OF_MEMORY || static_cast<int>(code) == curle_too_large) && times_sent_ > 0 && !headers_done_) {
    throw Error(Category::protocol, "headers_too_large", "a header of the reply of " + where + " is too large: " + error_text_)
        .with_hint("this is no sane reply: check what answers there");
  }
  TransferFailure failure;
  failure.code = code;
  failure.text = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
  failure.url = &hop_->url;
  failure.request_sent = times_sent_ > 0;
  failure.reply_begun = header_bytes_ > 0;
  failure.os_errno = info<long>(CURLINFO_OS_ERRNO);
  failure.tls_verdict = info<long>(CURLINFO_SSL_VERIFYRESULT);
  failure.connect_status = info<long>(CURLINFO_HTTP_CONNECTCODE);
  failure.received = response_.body.size();
  throw to_error(failure, options_, ca_file_);
}

HttpResponse CurlHandle::take_response() {
  const auto since_start = [this](CURLINFO what) { return std::chrono::microseconds(info<curl_off_t>(what)); };
  response_.status = static_cast<int>(info<long>(CURLINFO_RESPONSE_CODE));
  response_.url = hop_->url.str();
  switch (info<long>(CURLINFO_HTTP_VERSION)) {
    case CURL_HTTP_VERSION_1_0:
      response_.http_version = "1.0";
      break;
    case CURL_HTTP_VERSION_2_0:
      response_.http_version = "2";
      break;
    case CURL_HTTP_VERSION_3:
      response_.http_version = "3";
      break;
    default:
      response_.http_version = "1.1";
  }
  response_.timing.dns = since_start(CURLINFO_NAMELOOKUP_TIME_T);
  response_.timing.connect = since_start(CURLINFO_CONNECT_TIME_T);
  response_.timing.tls = since_start(CURLINFO_APPCONNECT_TIME_T);
  response_.timing.first_byte = since_start(CURLINFO_STARTTRANSFER_TIME_T);
  response_.timing.total = since_start(CURLINFO_TOTAL_TIME_T);
  response_.timing.reused_connection = info<long>(CURLINFO_NUM_CONNECTS) == 0;
  usual_body_bytes_ = response_.body.size() + response_.body.size() / 16;
  return std::move(response_);
}

CURLcode CurlHandle::transfer(std::stop_token stop) {
  if (const CURLMcode code = curl_multi_add_handle(multi_.get(), easy_.get()); code != CURLM_OK) {
    throw Error(Category::internal, "curl", std::string("libcurl cannot begin a transfer: ") + curl_multi_strerror(code));
  }
  struct Detach {
    CURLM* multi;
    CURL* easy;
    ~Detach() { curl_multi_remove_handle(multi, easy); }
  };
  const Detach detach{multi_.get(), easy_.get()};
  return drive(stop);
}

HttpResponse CurlHandle::perform(const Hop& hop, std::stop_token stop) {
  set_up(hop);
  const CURLcode code = transfer(stop);
  if (code != CURLE_OK) fail(code);
  if (!headers_done_) {  // libcurl takes what there is of them for a whole reply without a body
    constexpr std::string_view words = "it ended inside the headers";
    error_text_[words.copy(error_text_, words.size())] = '\0';
    fail(CURLE_PARTIAL_FILE);
  }
  return take_response();
}

}  // namespace switchgear

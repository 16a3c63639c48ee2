// One transfer at a time over connections that stay open: a libcurl easy handle and the multi handle that drives it.
//
// The thread that calls perform() does the work. A stop request from any thread wakes it. What does not change between requests is
// set once, when the handle is made. A handle is used by one thread at a time (the transport's pool sees to that).
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>

#include "switchgear/base/error.hpp"
#include "switchgear/http/endpoint.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {

/// One request on its way to one place; a redirect is another hop.
struct Hop {
  const HttpRequest* request = nullptr;
  const Headers* headers = nullptr;
  Url url;
  bool foreign = false;            ///< another origin than the one the caller named: no credentials
  std::chrono::milliseconds left;  ///< of the total timeout; zero: unlimited
};

class CurlHandle {
 public:
  CurlHandle(const TransportOptions& options, const std::string& ca_file);
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;
  ~CurlHandle();

  /// Throws Error; the handle stays usable.
  HttpResponse perform(const Hop& hop, std::stop_token stop);

  /// Connects and sends nothing (curl_endpoint.cpp). For a handle that does nothing else. What stands in the way is in the report; thrown
  /// is only `cancelled`.
  EndpointReport examine(const Url& url, std::stop_token stop);

 private:
  using Steady = std::chrono::steady_clock;
  struct Talk;
  enum class Refusal { none, body_too_large, headers_too_large, out_of_memory };

  void set_up_once();
  void set_up_tls();
  void set_up(const Hop& hop);
  void set_method(const HttpRequest& request);
  void set_headers(const Hop& hop);
  CURLcode drive(std::stop_token stop);
  std::chrono::milliseconds check_progress();
  CURLcode transfer(std::stop_token stop);
  [[noreturn]] void fail(CURLcode code);
  HttpResponse take_response();

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self);
  static int on_talk(CURL* easy, curl_infotype kind, char* bytes, std::size_t size, void* to);
  void read_certificate(EndpointReport& report) const;
  void read_times(EndpointReport& report, std::optional<std::chrono::microseconds> tls_began) const;
  static curl_socket_t on_connecting(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int on_sending(void* self, char* ip, char* local_ip, int port, int local_port);
  bool take_header(std::string_view line);
  bool take_body(const char* bytes, std::size_t count);

  template <class Value>
  void set(CURLoption option, Value value);
  template <class Value>
  Value info(CURLINFO what) const;

  struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  const TransportOptions& options_;
  const std::string& ca_file_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::unique_ptr<CURL, EasyDeleter> easy_;
  std::unique_ptr<curl_slist, ListDeleter> header_list_;
  std::string header_text_;  ///< what header_list_ was made from
  char error_text_[CURL_ERROR_SIZE] = {};

  // Of the transfer at hand.
  const Hop* hop_ = nullptr;
  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  std::size_t usual_body_bytes_ = 0;  ///< of the replies before, where Content-Length says nothing
  bool headers_done_ = false;
  bool may_send_twice_ = true;
  int times_sent_ = 0;
  Refusal refusal_ = Refusal::none;
  std::string refused_address_;  ///< and why
  std::int64_t moved_bytes_ = -1;
  Steady::time_point moved_at_;
};

template <class Value>
void CurlHandle::set(CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
  if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (code != CURLE_OK) {
    throw Error(Category::internal, "curl",
                "libcurl refuses option " + std::to_string(static_cast<int>(option)) + ": " + curl_easy_strerror(code))
        .with_hint("switchgear needs libcurl 7.87 or later with TLS, here is " + std::string(curl_version()));
  }
}

template <class Value>
Value CurlHandle::info(CURLINFO what) const {
  Value value{};
  curl_easy_getinfo(easy_.get(), what, &value);
  return value;
}

}  // namespace switchgear

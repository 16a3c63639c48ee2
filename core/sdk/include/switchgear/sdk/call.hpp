// What one call of a connector may use: the host's HTTP stack, secrets, log and clock. Valid until that call returns; may be used by any
// thread meanwhile. Members throw Error.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/sdk/abi.h"
#include "switchgear/sdk/error.hpp"
#include "switchgear/sdk/reply.hpp"
#include "switchgear/sdk/request.hpp"
#include "switchgear/sdk/text.hpp"

namespace switchgear::sdk {

enum class LogLevel : std::int32_t { debug = SG_LOG_DEBUG, info = SG_LOG_INFO, warning = SG_LOG_WARNING, error = SG_LOG_ERROR };

class Call {
 public:
  Call(const sg_host& host, sg_call* handle) : host_(&host), handle_(handle) {}

  /// A good reply; anything else is thrown.
  Reply send(const Request& request) {
    Reply reply = try_send(request);
    if (!reply) throw reply.error();
    return reply;
  }

  /// The reply whatever it is, or the error for want of one.
  Reply try_send(const Request& request) {
    Reply reply;
    sg_error error = detail::blank_error();
    Wire wire(request);
    if (host_->http(handle_, &wire.request, &reply.response_, &error) != 0 || host_->classify(handle_, &reply.response_, &error) != 0) {
      reply.error_ = detail::read_error(error);
    }
    return reply;
  }

  /// The host's verdict on one part of a bulk reply; nothing for a success. Since ABI 1.2: an older host makes each part unsupported.
  std::optional<Error> classify_part(int status, std::string_view content_type, std::string_view body) {
    sg_error error = detail::blank_error();
    if (host_->classify_part(handle_, status, detail::text_of(content_type), detail::text_of(body), &error) == 0) return std::nullopt;
    return detail::read_error(error);
  }

  /// The value of one of the manifest's secrets: only where the host can't put it into a request itself.
  std::string secret(std::string_view name) {
    sg_buf value{};
    sg_error error = detail::blank_error();
    if (host_->secret(handle_, detail::text_of(name), &value, &error) != 0) throw detail::read_error(error);
    std::string text(detail::view(value));
    if (value.release != nullptr) value.release(&value);
    return text;
  }

  void log(LogLevel level, std::string_view message) { host_->log(handle_, static_cast<std::int32_t>(level), detail::text_of(message)); }

  /// Nobody waits for the result any more. send() looks for itself; long work between requests calls stop_if_cancelled().
  bool cancelled() const { return host_->cancelled(handle_) != 0; }
  void stop_if_cancelled() const {
    if (cancelled()) throw Error(Category::cancelled, "cancelled");
  }

  /// By when the call should be done, if there is such a time; on the same monotonic scale as now().
  std::optional<std::chrono::milliseconds> deadline() const {
    const std::int64_t at = host_->deadline_ms(handle_);
    if (at == INT64_MAX) return std::nullopt;
    return std::chrono::milliseconds(at);
  }
  std::chrono::milliseconds now() const { return std::chrono::milliseconds(host_->now_ms(handle_)); }

  /// For connectors that speak to sdk/abi.h themselves.
  const sg_host& host() const noexcept { return *host_; }
  sg_call* handle() const noexcept { return handle_; }

 private:
  /// A Request as the ABI has it: views into the Request, which has to outlive it.
  struct Wire {
    explicit Wire(const Request& from) {
      for (const auto& [name, value] : from.query_) query.push_back({detail::text_of(name), detail::text_of(value)});
      for (const auto& [name, value] : from.headers_) headers.push_back({detail::text_of(name), detail::text_of(value)});
      for (const auto& use : from.auth_) auth.push_back({use.kind, 0, detail::text_of(use.name), detail::text_of(use.secret)});
      request.size = sizeof request;
      request.minor = SG_ABI_MINOR;
      request.method = detail::text_of(from.method_);
      request.url = detail::text_of(from.url_);
      request.base = detail::text_of(from.base_);
      request.query = query.data();
      request.n_query = query.size();
      request.headers = headers.data();
      request.n_headers = headers.size();
      request.auth = auth.data();
      request.n_auth = auth.size();
      request.body = detail::text_of(from.body_);
      request.idempotency_key = detail::text_of(from.idempotency_key_);
      request.flags = from.flags_;
    }

    std::vector<sg_pair> query, headers;
    std::vector<sg_auth> auth;
    sg_request request{};
  };

  const sg_host* host_;
  sg_call* handle_;
};

}  // namespace switchgear::sdk

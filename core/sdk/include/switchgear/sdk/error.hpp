// What a connector throws, and what the host's services throw at it. Copyable; thread-safety as any value type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "switchgear/sdk/abi.h"

namespace switchgear::sdk {

/// docs/errors.md says what each means, whether it is retried, and what the circuit breaker makes of it.
enum class Category : std::int32_t {
  offline = SG_OFFLINE,
  timeout = SG_TIMEOUT,
  auth_expired = SG_AUTH_EXPIRED,
  auth_invalid = SG_AUTH_INVALID,
  permission = SG_PERMISSION,
  rate_limit = SG_RATE_LIMIT,
  csrf = SG_CSRF,
  bad_request = SG_BAD_REQUEST,
  not_found = SG_NOT_FOUND,
  gone = SG_GONE,
  conflict = SG_CONFLICT,
  too_large = SG_TOO_LARGE,
  server = SG_SERVER,
  unavailable = SG_UNAVAILABLE,
  protocol = SG_PROTOCOL,
  config = SG_CONFIG,
  cancelled = SG_CANCELLED,
  plugin = SG_PLUGIN,
  circuit_open = SG_CIRCUIT_OPEN,
  data = SG_DATA,
  destination = SG_DESTINATION,
  store = SG_STORE,
  signature = SG_SIGNATURE,
  unsupported = SG_UNSUPPORTED,
  internal = SG_INTERNAL,
};

class Error : public std::runtime_error {
 public:
  Error(Category kind, const std::string& message) : std::runtime_error(message), category(kind) {}
  Error(Category kind, std::string narrower, const std::string& message)
      : std::runtime_error(message), category(kind), detail(std::move(narrower)) {}

  Error&& with_hint(std::string text) && { return (hint = std::move(text), std::move(*this)); }
  Error&& with_retry(bool worth_it) && { return (retryable = worth_it, std::move(*this)); }
  Error&& with_status(int status) && { return (http_status = status, std::move(*this)); }

  /// The request went out and no reply came back: whether the source acted on it is not known.
  bool reply_lost() const noexcept {
    return (category == Category::offline || category == Category::timeout) && http_status == 0 && !nothing_sent;
  }

  Category category;
  std::string detail;                ///< narrows the category: "tls"
  std::string hint;                  ///< what to do next
  bool retryable = false;            ///< the same call may well succeed later
  bool nothing_sent = false;         ///< no byte of the request reached the source
  int http_status = 0;               ///< 0: there was no reply
  std::int64_t retry_after_ms = -1;  ///< -1: the source said nothing
  std::string request_id;
};

namespace detail {

/// Copies as much as fits, cutting between characters, and ends with a NUL.
template <std::size_t N>
void copy_text(char (&out)[N], std::string_view text) noexcept {
  std::size_t n = std::min(text.size(), N - 1);
  if (n < text.size()) {
    while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0U) == 0x80U) --n;
  }
  if (n != 0) std::memcpy(out, text.data(), n);
  out[n] = '\0';
}

/// Writes a table of ours over one of the caller's, no further than the caller knows it; `size` stays the caller's.
template <class Table>
void copy_out(Table* out, Table ours) noexcept {
  const std::uint32_t size = out->size;
  ours.size = size;
  std::memcpy(out, &ours, std::min<std::size_t>(size, sizeof(Table)));
}

/// The caller's table as we know it: what it does not have is zero.
template <class Table>
Table copy_in(const Table* theirs) noexcept {
  Table ours{};
  std::memcpy(&ours, theirs, std::min<std::size_t>(theirs->size, sizeof(Table)));
  return ours;
}

inline sg_error blank_error() noexcept {
  sg_error error{};
  error.size = sizeof error;
  error.retry_after_ms = -1;
  return error;
}

inline void write_error(const Error& error, sg_error* out) noexcept {
  if (out == nullptr) return;
  sg_error ours = blank_error();
  ours.category = static_cast<std::int32_t>(error.category);
  ours.flags = (error.retryable ? SG_ERROR_RETRYABLE : 0U) | (error.nothing_sent ? SG_ERROR_NOTHING_SENT : 0U);
  ours.http_status = error.http_status;
  ours.retry_after_ms = error.retry_after_ms;
  copy_text(ours.detail, error.detail);
  copy_text(ours.message, error.what());
  copy_text(ours.hint, error.hint);
  copy_text(ours.request_id, error.request_id);
  copy_out(out, ours);
}

/// For what must not allocate nor throw.
inline void write_error(Category category, std::string_view message, std::string_view more, sg_error* out) noexcept {
  if (out == nullptr) return;
  sg_error ours = blank_error();
  ours.category = static_cast<std::int32_t>(category);
  copy_text(ours.message, message);
  const std::size_t used = std::strlen(ours.message);
  const std::size_t room = sizeof ours.message - 1 - used;
  std::size_t n = std::min(more.size(), room);
  if (n < more.size()) {
    while (n > 0 && (static_cast<unsigned char>(more[n]) & 0xC0U) == 0x80U) --n;
  }
  if (n != 0) std::memcpy(ours.message + used, more.data(), n);
  copy_out(out, ours);
}

inline Error read_error(const sg_error& error) {
  Error result(static_cast<Category>(error.category == 0 ? SG_INTERNAL : error.category), std::string(error.message));
  result.detail = error.detail;
  result.hint = error.hint;
  result.retryable = (error.flags & SG_ERROR_RETRYABLE) != 0;
  result.nothing_sent = (error.flags & SG_ERROR_NOTHING_SENT) != 0;
  result.http_status = error.http_status;
  result.retry_after_ms = error.retry_after_ms;
  result.request_id = error.request_id;
  return result;
}

}  // namespace detail
}  // namespace switchgear::sdk

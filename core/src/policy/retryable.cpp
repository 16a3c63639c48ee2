#include "switchgear/policy/retryable.hpp"

#include <algorithm>
#include <array>

#include "option_check.hpp"

namespace switchgear {
namespace {

constexpr int status_too_early = 425;

bool nothing_was_sent(const Error& error) noexcept {
  if (error.nothing_sent) return true;
  if (error.category == Category::timeout) return error.detail == "connect";
  return error.detail == "dns" || error.detail == "connect" || error.detail == "tls";
}

}  // namespace

bool is_idempotent(std::string_view method) noexcept {
  constexpr std::array<std::string_view, 6> methods = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

bool may_retry(const Error& error, std::string_view method, bool idempotency_key) noexcept {
  const bool repeatable = idempotency_key || is_idempotent(method);
  switch (error.category) {
    case Category::offline:
      return repeatable || nothing_was_sent(error);
    case Category::timeout:
      return repeatable || nothing_was_sent(error) || error.http_status == status_too_early;
    case Category::rate_limit:
      return true;  // the server turned it away unread
    case Category::unavailable:
      return repeatable || error.retry_after.has_value();
    case Category::server:
      return repeatable;
    case Category::conflict:
      return idempotency_key && error.detail.empty();
    default:
      return false;
  }
}

std::optional<std::chrono::nanoseconds> wait_asked_for(const Error& error) noexcept {
  using std::chrono::milliseconds;
  if (!error.retry_after) return std::nullopt;
  return std::clamp(*error.retry_after, milliseconds(0), std::chrono::duration_cast<milliseconds>(longest_time));
}

bool is_renewable(const Error& error) noexcept {
  return error.category == Category::csrf || error.category == Category::auth_expired ||
         (error.category == Category::auth_invalid && !error.nothing_sent);
}

}  // namespace switchgear

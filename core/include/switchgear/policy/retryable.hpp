// Whether the same request may be sent again after an error, by the kind of error, the method and what is known to have been processed.
//
// Pure functions; any thread; nothing is thrown. Where the rules come from: RFC 9110 9.2.2 (idempotent methods), RFC 8470 (425),
// the IETF Idempotency-Key draft (a 409 says that the first request with this key is still under way).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "switchgear/base/error.hpp"

namespace switchgear {

/// GET, HEAD, OPTIONS, TRACE, PUT, DELETE. Methods are case-sensitive (RFC 9110, 9.1).
bool is_idempotent(std::string_view method) noexcept;

/// `idempotency_key`: the request carries a key that the source honours. False for auth_expired and csrf: those are renewed first
/// (see GuardCall::renew), not repeated as they are.
bool may_retry(const Error& error, std::string_view method, bool idempotency_key) noexcept;

/// Error::retry_after cut to 0 .. 365 days, so that whatever a source or a plugin says can be added to a time.
std::optional<std::chrono::nanoseconds> wait_asked_for(const Error& error) noexcept;

/// Other credentials, or another CSRF token, may make the source take the request: it has refused those that went with it. What a sign-in
/// said before there was a request is its last word.
bool is_renewable(const Error& error) noexcept;

}  // namespace switchgear

// A webhook as it was received, and why one is refused.
//
// Everything is a view of the receiver's bytes, which must outlive what is made of them. Any thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "switchgear/http/message.hpp"

namespace switchgear {

struct HeaderView {
  std::string_view name, value;
};

struct WebhookMessage {
  std::string_view body;
  std::span<const HeaderView> headers = {};
  std::string_view url = {};                               ///< as the sender wrote it; Twilio signs it
  std::optional<std::span<const HeaderView>> params = {};  ///< of a form that was decoded already; nothing: the body's own
};

/// What is looked at of a message; more of it is refused as `signature.too_large` before anything is computed.
struct WebhookLimits {
  std::size_t max_body_bytes = 4U << 20U;
  std::size_t max_headers = 500;
  std::size_t max_header_bytes = 8U << 10U;  ///< of each value that is needed
};

/// The values of a request's headers, borrowed from it.
std::vector<HeaderView> views_of(const Headers& headers);

/// The value of that header without blanks around it; nothing if there is none. Throws Error(signature): `duplicate_header` if it is there
/// twice, however it is written, because a proxy and we might believe different ones; `too_large` beyond the limit.
std::optional<std::string_view> find_header(std::span<const HeaderView> headers, std::string_view name, const WebhookLimits& limits = {});

/// As find_header; throws Error(signature, missing_header) if there is none.
std::string_view need_header(std::span<const HeaderView> headers, std::string_view name, const WebhookLimits& limits = {});

/// Throws Error(signature, too_large) for a body or a number of headers beyond the limits.
void check_size(const WebhookMessage& message, const WebhookLimits& limits);

}  // namespace switchgear

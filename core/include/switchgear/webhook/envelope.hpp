// What a webhook says: one event, whoever sent it, and CloudEvents 1.0 in their three HTTP modes.
//
// Reading throws Error(signature): `malformed_body` for a body that is not what it has to be, `missing_header`, `malformed_header` and
// `duplicate_header` for CloudEvents in headers, `unsupported_version` for another specversion or format, `too_large` beyond the limits.
// Writing throws Error(config, webhook) for an event that lacks what the format needs. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/webhook/json_sink.hpp"
#include "switchgear/webhook/message.hpp"
#include "switchgear/webhook/signature.hpp"

namespace switchgear {

enum class EventData { none, json, binary };

/// Texts that a message does not have are "".
struct WebhookEvent {
  std::string id;
  std::string type;
  std::optional<WallTime> timestamp;  ///< when it happened where the body says so, else when it was sent
  std::string connection_id;          ///< of the data
  EventData kind = EventData::none;   ///< null is data, too
  std::string data;                   ///< JSON or bytes
  /// Of CloudEvents, as texts: source, specversion, subject, time, datacontenttype, dataschema and the extensions.
  std::vector<std::pair<std::string, std::string>> attributes;

  /// "" if there is none.
  std::string_view attribute(std::string_view name) const noexcept;
};

/// What a verified message says. `sink` is told the JSON that else becomes `data`; told anew from its beginning, what counts is the last
/// time.
WebhookEvent read_event(const WebhookMessage& message, const VerifiedWebhook& verified, const WebhookOptions& options,
                        JsonSink* sink = nullptr);

/// The events of a message that is not signed, or was verified before: CloudEvents by its Content-Type (a batch, one in JSON) or its ce-
/// headers, else one in plain JSON.
std::vector<WebhookEvent> parse_events(const WebhookMessage& message, const WebhookLimits& limits = {});

enum class CloudEventMode { structured, batch, binary };

struct WrittenEvents {
  Headers headers;
  std::string body;
};

/// One event, or any number in a batch. Each needs an id, a type and a `source`.
WrittenEvents write_cloud_events(std::span<const WebhookEvent> events, CloudEventMode mode);

/// Who may send webhooks here, for CloudEvents' handshake (OPTIONS, "HTTP 1.1 Web Hooks for Event Delivery", 4).
struct HandshakeRules {
  std::vector<std::string> origins;              ///< names such as "eventemitter.example.com"; "*": everybody
  std::optional<std::uint32_t> per_minute = {};  ///< requests; nothing: as many as one likes
};

/// The headers to answer OPTIONS with: permission, or none where the origin may not send. Throws Error(signature, missing_header) if the
/// request asks for nothing (WebHook-Request-Origin), `malformed_header` for a rate that is no number.
std::optional<Headers> answer_handshake(std::span<const HeaderView> headers, const HandshakeRules& rules);

}  // namespace switchgear

// What the JSON of a message says. Throws Error(protocol, json) for anything else.
#pragma once

#include <string_view>

#include "switchgear/base/error.hpp"
#include "switchgear/webhook/envelope.hpp"

namespace switchgear::webhook_detail {

/// {"type", "timestamp", "data"}, with Stripe's "id" and "created" where they are; data is the member of that name. What has no such type
/// and data is data as a whole.
void read_enveloped(std::string_view body, JsonSink* sink, WebhookEvent& event);

/// The body is data as a whole; its "type" is kept.
void read_whole(std::string_view body, JsonSink* sink, WebhookEvent& event);

/// Throws what broken JSON throws as Error(signature, malformed_body).
[[noreturn]] void refuse_body(const Error& error);

}  // namespace switchgear::webhook_detail

// Any body of a message whose signature was right: refused as malformed, or read, and then it is JSON by another parser's word too.
#include <array>

#include "json_values.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/utf8.hpp"
#include "switchgear/webhook/envelope.hpp"
#include "webhook_input.hpp"

using namespace switchgear;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const bool json = first_invalid_utf8(body) == body.size() && is_json(body, webhook_json_depth);
  for (const WebhookScheme scheme :
       {WebhookScheme::standard, WebhookScheme::stripe, WebhookScheme::github, WebhookScheme::slack, WebhookScheme::hmac}) {
    WebhookOptions options;
    options.scheme = scheme;
    try {
      const WebhookEvent event = read_event({body}, {}, options);
      if (event.kind == EventData::none) continue;
      if (!json || !is_json(event.data, webhook_json_depth)) __builtin_trap();
      if (first_invalid_utf8(event.type) != event.type.size() || first_invalid_utf8(event.connection_id) != event.connection_id.size()) {
        __builtin_trap();
      }
    } catch (const Error& error) {
      if (error.code() != "signature.malformed_body" || error.message.size() > 1000) __builtin_trap();
    }
  }
  return 0;
}

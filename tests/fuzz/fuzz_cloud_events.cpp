// Any message as CloudEvents: refused for a reason, or read; and what was read says the same when it is written and read again.
#include "switchgear/base/error.hpp"
#include "switchgear/webhook/envelope.hpp"
#include "webhook_input.hpp"

using namespace switchgear;

namespace {

void check_again(const WebhookEvent& event, CloudEventMode mode) {
  WrittenEvents written;
  try {
    written = write_cloud_events({&event, 1}, mode);
  } catch (const Error& error) {
    if (error.code() != "config.webhook") __builtin_trap();  // plain JSON that is no CloudEvent, a type of data that is no header
    return;
  }
  const std::vector<HeaderView> headers = views_of(written.headers);
  // An attribute may be longer than the headers that are looked at.
  WebhookLimits limits;
  limits.max_headers = limits.max_header_bytes = static_cast<std::size_t>(-1);
  const std::vector<WebhookEvent> again = parse_events({written.body, headers}, limits);
  if (again.size() != 1 || again.front().id != event.id || again.front().type != event.type) __builtin_trap();
  if (mode != CloudEventMode::binary && (again.front().kind != event.kind || again.front().data != event.data)) __builtin_trap();
  for (const auto& [name, value] : event.attributes) {
    if (again.front().attribute(name) != value) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const WebhookInput input(data, size);
  try {
    for (const WebhookEvent& event : parse_events({input.body, input.headers})) {
      for (const CloudEventMode mode : {CloudEventMode::structured, CloudEventMode::batch, CloudEventMode::binary})
        check_again(event, mode);
    }
  } catch (const Error& error) {
    if (error.category != Category::signature || error.message.empty() || error.message.size() > 1000) __builtin_trap();
  }
  try {
    answer_handshake(input.headers, {{"*"}, 100});
  } catch (const Error& error) {
    if (error.category != Category::signature) __builtin_trap();
  }
  return 0;
}

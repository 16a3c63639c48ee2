// CloudEvents 1.0 out of HTTP messages: https://github.com/cloudevents/spec, http-protocol-binding.md and json-format.md, 1.0.2.
#include <array>
#include <utility>

#include "catching_sink.hpp"
#include "cloud_attributes.hpp"
#include "event_body.hpp"
#include "json_reader.hpp"
#include "media_type.hpp"
#include "refusal.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/base/utf8.hpp"
#include "switchgear/webhook/envelope.hpp"

namespace switchgear {
namespace {

using webhook_detail::add_attribute;
using webhook_detail::check_attributes;
using webhook_detail::JsonReader;
using webhook_detail::refuse;

constexpr std::string_view prefix = "ce-", batch_type = "application/cloudevents-batch", event_type = "application/cloudevents";

[[noreturn]] void refuse_event(std::string message) {
  refuse("malformed_body", std::move(message), "the sender has to write CloudEvents 1.0 in JSON");
}

/// The value of an attribute as a text; nothing for null, which is as good as none.
class AttributeSink final : public JsonSink {
 public:
  std::optional<std::string> text;

  void null() override { text.reset(); }
  void boolean(bool value) override { text = value ? "true" : "false"; }
  void number(std::string_view token, bool whole) override {
    if (!whole) refuse_event("an attribute of an event is a number with a fraction");
    text = std::string(token);
  }
  void string(std::string_view value, bool) override { text = std::string(value); }
  void begin_object() override { refuse_event("an attribute of an event is an object"); }
  void key(std::string_view, bool) override {}
  void end_object() override {}
  void begin_array() override { refuse_event("an attribute of an event is an array"); }
  void end_array() override {}
};

void set_data(WebhookEvent& event, EventData kind, std::string data) {
  if (event.kind != EventData::none) refuse_event("the event has both data and data_base64, or one of them twice");
  event.kind = kind;
  event.data = std::move(data);
}

void read_member(JsonReader& reader, std::string_view name, WebhookEvent& event) {
  if (name == "data") {
    const std::array<webhook_detail::CaughtMember, 1> members{{{"connection_id", &event.connection_id}}};
    webhook_detail::CatchingSink catching(members, nullptr);
    set_data(event, EventData::json, std::string(reader.read_text(&catching)));
    return;
  }
  const std::string attribute(name);
  AttributeSink value;
  reader.read(&value);
  if (!value.text) return;
  if (attribute == "data_base64") {
    auto bytes = base64_decode(*value.text);
    if (!bytes) refuse_event("the event's data_base64 is no base64");
    set_data(event, EventData::binary, std::move(*bytes));
    return;
  }
  if (!webhook_detail::is_attribute_name(attribute)) {
    refuse_event("the event has the attribute '" + webhook_detail::shown(attribute) + "', which is not of lower-case letters and digits");
  }
  add_attribute(event, attribute, std::move(*value.text));
}

WebhookEvent read_structured(JsonReader& reader) {
  WebhookEvent event;
  if (reader.peek() != '{') refuse_event("an event is no JSON object");
  reader.enter_object();
  for (std::string_view name; reader.next_key(name);) read_member(reader, name, event);
  check_attributes(event, false);
  return event;
}

std::vector<WebhookEvent> read_batch(JsonReader& reader) {
  std::vector<WebhookEvent> events;
  if (reader.peek() != '[') refuse_event("a batch of events is no JSON array");
  reader.enter_array();
  while (reader.next_item()) events.push_back(read_structured(reader));
  return events;
}

/// Of a header: without quotes (older senders wrote them), percent-decoded once.
std::string header_text(std::string_view name, std::string_view value) {
  std::string plain;
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
    for (std::size_t i = 0; i < value.size(); ++i) plain.push_back(value[i] == '\\' && i + 1 < value.size() ? value[++i] : value[i]);
    value = plain;
  }
  std::string text = percent_decode(value);
  if (first_invalid_utf8(text) != text.size()) {
    refuse("malformed_header",
           "the header " + webhook_detail::shown(name) + " does not stand for UTF-8: '" + webhook_detail::shown(value) + "'",
           "the sender has to percent-encode UTF-8");
  }
  return text;
}

WebhookEvent read_binary(const WebhookMessage& message, const std::optional<std::string_view>& content_type, const WebhookLimits& limits) {
  WebhookEvent event;
  for (const HeaderView& header : message.headers) {
    if (header.name.size() <= prefix.size() || !equal_ignoring_case(header.name.substr(0, prefix.size()), prefix)) continue;
    const std::string name = to_lower_ascii(header.name.substr(prefix.size()));
    if (name == "datacontenttype" || name == "data" || !webhook_detail::is_attribute_name(name)) {
      refuse("malformed_header", "the header ce-" + webhook_detail::shown(name) + " is none of a CloudEvent",
             name == "datacontenttype" ? "the type of the data is the message's Content-Type"
                                       : "attributes are of lower-case letters and digits");
    }
    add_attribute(event, name, header_text(header.name, *find_header(message.headers, header.name, limits)));
  }
  check_attributes(event, true);
  if (content_type) {
    if (first_invalid_utf8(*content_type) != content_type->size()) {
      refuse("malformed_header", "the header Content-Type is not UTF-8: '" + webhook_detail::shown(*content_type) + "'",
             "a media type is of ASCII characters");
    }
    event.attributes.emplace_back("datacontenttype", *content_type);
  }
  if (message.body.empty()) return event;
  if (!content_type || !webhook_detail::is_json_type(webhook_detail::media_type(*content_type))) {
    set_data(event, EventData::binary, std::string(message.body));
    return event;
  }
  const std::array<webhook_detail::CaughtMember, 1> members{{{"connection_id", &event.connection_id}}};
  webhook_detail::CatchingSink catching(members, nullptr);
  JsonReader reader(message.body);
  reader.read(&catching);
  reader.end();
  set_data(event, EventData::json, std::string(message.body));
  return event;
}

bool has_attributes(const WebhookMessage& message) noexcept {
  for (const HeaderView& header : message.headers) {
    if (header.name.size() > prefix.size() && equal_ignoring_case(header.name.substr(0, prefix.size()), prefix)) return true;
  }
  return false;
}

/// Of "application/cloudevents+json" what follows the beginning; only JSON can be read.
void check_format(std::string_view type, std::string_view begin) {
  const std::string_view format = type.substr(begin.size());
  if (format.empty() || format == "+json") return;
  refuse("unsupported_version", "the body's type is '" + webhook_detail::shown(type) + "'", "CloudEvents are read in JSON: +json");
}

std::vector<WebhookEvent> read_events(const WebhookMessage& message, const WebhookLimits& limits) {
  auto content_type = find_header(message.headers, "Content-Type", limits);
  if (content_type && content_type->empty()) content_type.reset();
  const std::string type = content_type ? webhook_detail::media_type(*content_type) : std::string();
  // The longer one first: it begins with the shorter.
  if (type.starts_with(batch_type)) {
    check_format(type, batch_type);
    JsonReader reader(message.body);
    auto events = read_batch(reader);
    reader.end();
    return events;
  }
  if (type.starts_with(event_type)) {
    check_format(type, event_type);
    JsonReader reader(message.body);
    std::vector<WebhookEvent> events{read_structured(reader)};
    reader.end();
    return events;
  }
  if (has_attributes(message)) return {read_binary(message, content_type, limits)};
  WebhookEvent event;
  event.id = find_header(message.headers, "webhook-id", limits).value_or("");
  webhook_detail::read_enveloped(message.body, nullptr, event);
  return {std::move(event)};
}

}  // namespace

std::vector<WebhookEvent> parse_events(const WebhookMessage& message, const WebhookLimits& limits) {
  check_size(message, limits);
  try {
    return read_events(message, limits);
  } catch (const Error& error) {
    if (error.category != Category::protocol) throw;
    webhook_detail::refuse_body(error);
  }
}

}  // namespace switchgear

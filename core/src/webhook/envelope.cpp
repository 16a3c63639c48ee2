#include "switchgear/webhook/envelope.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "catching_sink.hpp"
#include "event_body.hpp"
#include "json_reader.hpp"
#include "media_type.hpp"
#include "refusal.hpp"
#include "rfc3339.hpp"

namespace switchgear {
namespace webhook_detail {
namespace {

/// A number of whole seconds; its text only.
class SecondsSink final : public JsonSink {
 public:
  std::optional<WallTime> time;

  void null() override { time.reset(); }
  void boolean(bool) override { time.reset(); }
  void number(std::string_view token, bool whole) override {
    time.reset();
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), seconds);
    if (whole && error == std::errc() && end == token.data() + token.size()) time = to_wall_time({seconds, 0});
  }
  void string(std::string_view, bool) override { time.reset(); }
  void begin_object() override { time.reset(); }
  void key(std::string_view, bool) override {}
  void end_object() override {}
  void begin_array() override { time.reset(); }
  void end_array() override { time.reset(); }
};

/// One text, without what else may stand in its place.
class TextSink final : public JsonSink {
 public:
  std::optional<std::string> text;

  void null() override { text.reset(); }
  void boolean(bool) override { text.reset(); }
  void number(std::string_view, bool) override { text.reset(); }
  void string(std::string_view value, bool) override {
    if (depth_ == 0) text = std::string(value);
  }
  void begin_object() override { enter(); }
  void key(std::string_view, bool) override {}
  void end_object() override { --depth_; }
  void begin_array() override { enter(); }
  void end_array() override { --depth_; }

 private:
  void enter() {
    text.reset();
    ++depth_;
  }
  int depth_ = 0;
};

void read_data(std::string_view body, JsonSink* sink, WebhookEvent& event) {
  event.connection_id.clear();
  const std::array<CaughtMember, 2> members{{{"connection_id", &event.connection_id}, {"type", &event.type}}};
  CatchingSink catching(members, sink);
  JsonReader reader(body);
  reader.read(&catching);
  reader.end();
  event.kind = EventData::json;
  if (sink == nullptr) event.data = body;
}

}  // namespace

void read_whole(std::string_view body, JsonSink* sink, WebhookEvent& event) { read_data(body, sink, event); }

void read_enveloped(std::string_view body, JsonSink* sink, WebhookEvent& event) {
  JsonReader reader(body);
  if (reader.peek() != '{') {
    read_data(body, sink, event);
    return;
  }
  TextSink type;
  TextSink id;
  TextSink timestamp;
  SecondsSink created;
  std::optional<std::string_view> data;
  reader.enter_object();
  for (std::string_view name; reader.next_key(name);) {
    if (name == "data") {
      event.connection_id.clear();
      const std::array<CaughtMember, 1> members{{{"connection_id", &event.connection_id}}};
      CatchingSink catching(members, sink);
      data = reader.read_text(&catching);
    } else if (name == "type") {
      reader.read(&type);
    } else if (name == "timestamp") {
      reader.read(&timestamp);
    } else if (name == "id") {
      reader.read(&id);
    } else if (name == "created") {
      reader.read(&created);
    } else {
      reader.read(nullptr);
    }
  }
  reader.end();
  if (event.id.empty() && id.text) event.id = std::move(*id.text);
  if (!type.text || !data) {
    read_data(body, sink, event);
    return;
  }
  event.type = std::move(*type.text);
  event.kind = EventData::json;
  if (sink == nullptr) event.data = *data;
  const auto instant = timestamp.text ? parse_rfc3339(*timestamp.text) : std::nullopt;
  if (instant) {
    event.timestamp = to_wall_time(*instant);
  } else if (created.time) {
    event.timestamp = created.time;
  }
}

void refuse_body(const Error& error) { refuse("malformed_body", "the body is no JSON that can be read: " + error.message, error.hint); }

}  // namespace webhook_detail

namespace {

using webhook_detail::refuse;

/// The schemes whose bodies are envelopes; those of the others are data as a whole, whatever members they have.
bool has_envelope(WebhookScheme scheme) noexcept {
  return scheme == WebhookScheme::standard || scheme == WebhookScheme::svix || scheme == WebhookScheme::stripe ||
         scheme == WebhookScheme::hmac;
}

bool needs_json(WebhookScheme scheme) noexcept {
  return scheme == WebhookScheme::standard || scheme == WebhookScheme::svix || scheme == WebhookScheme::stripe;
}

/// By its Content-Type or, without one, by how it begins.
bool is_json_body(const WebhookMessage& message, const WebhookLimits& limits) {
  if (const auto type = find_header(message.headers, "Content-Type", limits)) {
    return webhook_detail::is_json_type(webhook_detail::media_type(*type));
  }
  const std::size_t first = message.body.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (message.body[first] == '{' || message.body[first] == '[');
}

void take_vendors_type(const WebhookMessage& message, const WebhookOptions& options, WebhookEvent& event) {
  std::string_view name;
  if (options.scheme == WebhookScheme::github) name = "X-GitHub-Event";
  if (options.scheme == WebhookScheme::shopify) name = "X-Shopify-Topic";
  if (name.empty()) return;
  event.type = find_header(message.headers, name, options.limits).value_or("");
}

}  // namespace

std::string_view WebhookEvent::attribute(std::string_view name) const noexcept {
  for (const auto& [known, value] : attributes) {
    if (known == name) return value;
  }
  return {};
}

WebhookEvent read_event(const WebhookMessage& message, const VerifiedWebhook& verified, const WebhookOptions& options, JsonSink* sink) {
  WebhookEvent event;
  event.id = verified.id;
  event.timestamp = verified.timestamp;
  if (needs_json(options.scheme) || (options.scheme != WebhookScheme::twilio && is_json_body(message, options.limits))) {
    try {
      has_envelope(options.scheme) ? webhook_detail::read_enveloped(message.body, sink, event)
                                   : webhook_detail::read_whole(message.body, sink, event);
    } catch (const Error& error) {
      if (error.category != Category::protocol) throw;
      webhook_detail::refuse_body(error);
    }
  }
  take_vendors_type(message, options, event);
  return event;
}

}  // namespace switchgear

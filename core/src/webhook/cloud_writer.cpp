#include "cloud_attributes.hpp"
#include "media_type.hpp"
#include "refusal.hpp"
#include "rfc3339.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/base/utf8.hpp"
#include "switchgear/webhook/envelope.hpp"

namespace switchgear {
namespace {

[[noreturn]] void refuse_event(const std::string& message) {
  throw Error(Category::config, "webhook", message)
      .with_hint("CloudEvents need id, type and source, and names of lower-case letters and digits");
}

void append_json_text(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00").append({digits[static_cast<unsigned char>(c) >> 4U], digits[static_cast<unsigned char>(c) & 15U]});
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

/// What is safe in a header: the rest is percent-encoded, byte by byte (http-protocol-binding.md, 3.1.3.2).
std::string header_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c > 0x20 && c < 0x7f && c != '"' && c != '%') {
      result.push_back(c);
    } else {
      constexpr std::string_view digits = "0123456789ABCDEF";
      result.append({'%', digits[static_cast<unsigned char>(c) >> 4U], digits[static_cast<unsigned char>(c) & 15U]});
    }
  }
  return result;
}

/// All attributes of an event but its data's type, in their order.
std::vector<std::pair<std::string, std::string>> attributes_of(const WebhookEvent& event) {
  if (event.id.empty() || event.type.empty() || event.attribute("source").empty())
    refuse_event("an event to send has no id, type or source");
  std::vector<std::pair<std::string, std::string>> all{{"specversion", "1.0"}, {"id", event.id}, {"type", event.type}};
  if (event.timestamp && event.attribute("time").empty()) all.emplace_back("time", webhook_detail::format_rfc3339(*event.timestamp));
  for (const auto& [name, value] : event.attributes) {
    if (name == "specversion" || name == "datacontenttype" || value.empty()) continue;
    if (!webhook_detail::is_attribute_name(name) || name == "id" || name == "type" || name == "data") {
      refuse_event("an event to send has the attribute '" + webhook_detail::shown(name) + "'");
    }
    all.emplace_back(name, value);
  }
  for (const auto& [name, value] : all) {
    if (first_invalid_utf8(value) != value.size()) refuse_event("the attribute " + name + " of an event to send is not UTF-8");
  }
  return all;
}

std::string data_type(const WebhookEvent& event) {
  const std::string_view type = event.attribute("datacontenttype");
  // It becomes a header as it is, without the blanks around it.
  for (const char c : type) {
    if (c < 0x20 || c >= 0x7f || trim(type) != type)
      refuse_event("the datacontenttype of an event to send is '" + webhook_detail::shown(type) + "'");
  }
  if (!type.empty() || event.kind == EventData::none) return std::string(type);
  return event.kind == EventData::json ? "application/json" : "application/octet-stream";
}

void append_event(std::string& out, const WebhookEvent& event) {
  char separator = '{';
  const auto append_name = [&](std::string_view name) {
    out.push_back(separator);
    separator = ',';
    append_json_text(out, name);
    out.push_back(':');
  };
  for (const auto& [name, value] : attributes_of(event)) {
    append_name(name);
    append_json_text(out, value);
  }
  if (const std::string type = data_type(event); !type.empty()) {
    append_name("datacontenttype");
    append_json_text(out, type);
  }
  if (event.kind == EventData::json) {
    append_name("data");
    out.append(event.data);
  } else if (event.kind == EventData::binary) {
    append_name("data_base64");
    append_json_text(out, base64_encode(event.data));
  }
  out.push_back('}');
}

WrittenEvents write_binary(const WebhookEvent& event) {
  WrittenEvents written;
  for (const auto& [name, value] : attributes_of(event)) written.headers.add("ce-" + name, header_text(value));
  const std::string type = data_type(event);
  if (event.kind == EventData::json && !webhook_detail::is_json_type(webhook_detail::media_type(type))) {
    refuse_event("the data of an event to send is JSON, and its datacontenttype '" + webhook_detail::shown(type) + "'");
  }
  if (!type.empty()) written.headers.add("Content-Type", type);
  written.body = event.data;
  return written;
}

}  // namespace

WrittenEvents write_cloud_events(std::span<const WebhookEvent> events, CloudEventMode mode) {
  if (mode != CloudEventMode::batch && events.size() != 1) {
    refuse_event(std::to_string(events.size()) + " events do not go into one message but as a batch");
  }
  if (mode == CloudEventMode::binary) return write_binary(events.front());
  if (mode == CloudEventMode::structured) {
    WrittenEvents written{{{"Content-Type", "application/cloudevents+json; charset=utf-8"}}, {}};
    append_event(written.body, events.front());
    return written;
  }
  WrittenEvents written{{{"Content-Type", "application/cloudevents-batch+json; charset=utf-8"}}, "["};
  for (const WebhookEvent& event : events) {
    if (written.body.size() > 1) written.body.push_back(',');
    append_event(written.body, event);
  }
  written.body.push_back(']');
  return written;
}

}  // namespace switchgear

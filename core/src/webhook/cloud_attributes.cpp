#include "cloud_attributes.hpp"

#include <algorithm>

#include "refusal.hpp"
#include "rfc3339.hpp"

namespace switchgear::webhook_detail {
namespace {

[[noreturn]] void refuse_attribute(const std::string& message, bool missing_header) {
  refuse(missing_header ? "missing_header" : "malformed_body", message,
         "CloudEvents 1.0 want id, source, specversion and type of every event");
}

}  // namespace

bool is_attribute_name(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

void add_attribute(WebhookEvent& event, std::string_view name, std::string value) {
  const bool known = name == "id" ? !event.id.empty() : name == "type" ? !event.type.empty() : !event.attribute(name).empty();
  if (known) refuse_attribute("the event has the attribute " + std::string(name) + " twice", false);
  if (name == "id") {
    event.id = std::move(value);
  } else if (name == "type") {
    event.type = std::move(value);
  } else {
    event.attributes.emplace_back(name, std::move(value));
  }
}

void check_attributes(WebhookEvent& event, bool in_headers) {
  const std::string_view version = event.attribute("specversion");
  if (!version.empty() && version != "1.0") {
    refuse("unsupported_version", "the event is one of CloudEvents '" + shown(version) + "', known here is 1.0", "send CloudEvents 1.0");
  }
  const auto need = [in_headers](std::string_view value, const char* name) {
    if (value.empty()) refuse_attribute(std::string("the event has no ") + (in_headers ? "ce-" : "") + name, in_headers);
  };
  need(version, "specversion");
  need(event.id, "id");
  need(event.attribute("source"), "source");
  need(event.type, "type");
  const std::string_view time = event.attribute("time");
  if (time.empty()) return;
  const auto instant = parse_rfc3339(time);
  if (!instant) refuse_attribute("the event's time is '" + shown(time) + "', not one of RFC 3339", false);
  event.timestamp = to_wall_time(*instant);
}

}  // namespace switchgear::webhook_detail

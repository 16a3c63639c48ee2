#include "switchgear/webhook/message.hpp"

#include <string>

#include "refusal.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {

using webhook_detail::refuse;

std::vector<HeaderView> views_of(const Headers& headers) {
  std::vector<HeaderView> views;
  views.reserve(headers.size());
  for (const auto& [name, value] : headers) views.push_back({name, value});
  return views;
}

std::optional<std::string_view> find_header(std::span<const HeaderView> headers, std::string_view name, const WebhookLimits& limits) {
  const HeaderView* found = nullptr;
  for (const HeaderView& header : headers) {
    // Most names differ in their length or in how they begin.
    if (header.name.size() != name.size() || ((header.name.front() ^ name.front()) & 0x5F) != 0) continue;
    if (!equal_ignoring_case(header.name, name)) continue;
    if (found != nullptr) {
      refuse("duplicate_header", "the header " + std::string(name) + " is there twice, so that it is not known which one counts",
             "look for a proxy or a framework that adds the header again");
    }
    found = &header;
  }
  if (found == nullptr) return std::nullopt;
  if (found->value.size() > limits.max_header_bytes) {
    refuse("too_large",
           "the header " + std::string(name) + " has " + std::to_string(found->value.size()) + " bytes, more than " +
               std::to_string(limits.max_header_bytes),
           "no sender of webhooks writes that much: refuse the request");
  }
  return trim(found->value);
}

std::string_view need_header(std::span<const HeaderView> headers, std::string_view name, const WebhookLimits& limits) {
  const auto value = find_header(headers, name, limits);
  if (!value || value->empty()) {
    refuse("missing_header", "the request has no header " + std::string(name),
           "check that the sender signs, that the scheme is the sender's, and that no proxy removes the header");
  }
  return *value;
}

void check_size(const WebhookMessage& message, const WebhookLimits& limits) {
  if (message.body.size() > limits.max_body_bytes) {
    refuse("too_large",
           "the body has " + std::to_string(message.body.size()) + " bytes, more than " + std::to_string(limits.max_body_bytes),
           "raise max_body_bytes if the sender is known to send that much");
  }
  const std::size_t headers = message.headers.size() + (message.params ? message.params->size() : 0);
  if (headers > limits.max_headers) {
    refuse("too_large",
           "the request has " + std::to_string(headers) + " headers and parameters, more than " + std::to_string(limits.max_headers),
           "no sender of webhooks sends that many: refuse the request");
  }
}

}  // namespace switchgear

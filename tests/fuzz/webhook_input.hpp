// Fuzzed bytes as a webhook: lines "name: value", an empty line, the body.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "switchgear/webhook/message.hpp"

struct WebhookInput {
  std::vector<switchgear::HeaderView> headers;
  std::string_view body;

  WebhookInput(const std::uint8_t* data, std::size_t size) : body(reinterpret_cast<const char*>(data), size) {
    while (!body.empty()) {
      const std::string_view line = body.substr(0, body.find('\n'));
      body.remove_prefix(std::min(line.size() + 1, body.size()));
      if (line.empty()) break;
      const std::size_t colon = line.find(':');
      if (colon != std::string_view::npos) headers.push_back({line.substr(0, colon), line.substr(colon + 1)});
    }
  }
};

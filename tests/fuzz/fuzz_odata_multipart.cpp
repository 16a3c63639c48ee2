// Any bytes as the reply to $batch in multipart/mixed: parts, or an error that says why. The host may only ever be shown statuses of HTTP.
// The first byte says how many requests there were and whether they were one changeset.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "multipart.hpp"
#include "switchgear/sdk/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t count = 1 + data[0] % 5;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t line_end = text.find('\n');
  const std::string_view content_type = text.substr(0, line_end);
  const std::string_view body = line_end == std::string_view::npos ? std::string_view() : text.substr(line_end + 1);
  try {
    const auto parts = switchgear::odata::parse_multipart_reply(content_type, body, count, (data[0] & 0x80U) != 0);
    if (parts.size() != count) std::abort();
    for (const auto& part : parts) {
      if (part.status != 0 && (part.status < 100 || part.status > 599)) std::abort();
      if (part.not_reached && part.status != 0) std::abort();
      if (part.body.size() > size) std::abort();
    }
  } catch (const switchgear::sdk::Error& error) {
    if (error.category != switchgear::sdk::Category::protocol) std::abort();
  }
  return 0;
}

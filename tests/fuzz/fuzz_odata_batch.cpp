// Any bytes as the reply to $batch: parts, or an error that says why. The host may only ever be shown statuses of HTTP.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "batch.hpp"
#include "switchgear/sdk/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto parts = switchgear::odata::parse_batch_reply({reinterpret_cast<const char*>(data), size}, 3);
    if (parts.size() != 3) std::abort();
    for (const auto& part : parts) {
      if (part.status != 0 && (part.status < 100 || part.status > 599)) std::abort();
    }
  } catch (const switchgear::sdk::Error& error) {
    if (error.category != switchgear::sdk::Category::protocol) std::abort();
  }
  return 0;
}

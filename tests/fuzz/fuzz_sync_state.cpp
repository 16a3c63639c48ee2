// Bytes -> what a destination keeps of a sync. Whatever lies there, either it is understood, and is the same when it is written and read
// again, or it is an Error that says what to do.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "switchgear/base/error.hpp"
#include "sync_state.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace switchgear;
  try {
    const auto state = sync_detail::SyncState::parse({reinterpret_cast<const char*>(data), size});
    if (sync_detail::SyncState::parse(state.text()).text() != state.text()) std::abort();
    if (state.watermark) state.watermark->text();
  } catch (const Error& error) {
    if (error.message.empty() || error.hint.empty()) std::abort();
  }
  return 0;
}

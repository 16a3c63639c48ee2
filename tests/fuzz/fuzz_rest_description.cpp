// Any bytes as a description: an error that names a line, or one whose pages can be asked for with any token.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "description.hpp"
#include "paging.hpp"
#include "switchgear/sdk/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace switchgear;
  if (size > 16384) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const rest::Description made = rest::load_description(text, "fuzzed.toml");
    for (const rest::Entity& entity : made.entities) {
      for (const char* token : {"", "7", "[1,2]", "[null,5,1]", "[\"a\"]", "\xff"}) {
        rest::Place place;
        place.token = token;
        place.size = rest::page_size(entity.paging, 10);
        try {
          rest::ask(entity.paging, place);
          const std::string_view body = R"({"items":[{"id":1}],"next":"x"})";
          rest::resolve(rest::tell(entity.paging, place, {body, [](std::string_view) { return std::string("<x>; rel=next"); }}), body,
                        "/items");
        } catch (const sdk::Error&) {
        }
      }
    }
  } catch (const sdk::Error& error) {
    if (std::string_view(error.what()).substr(0, 12) != "fuzzed.toml:") __builtin_trap();
  }
  return 0;
}

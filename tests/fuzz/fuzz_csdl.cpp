// Any bytes as $metadata: an error that says why, or a catalog that the host takes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "catalog.hpp"
#include "csdl.hpp"
#include "switchgear/connector/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace switchgear;
  odata::CsdlLimits limits;  // small, so that they are met
  limits.edmx.max_elements = 5'000;
  limits.max_fields = 5'000;
  limits.max_unfolded_per_entity = 200;
  try {
    const odata::Model model = odata::parse_csdl({reinterpret_cast<const char*>(data), size}, limits);
    parse_catalog(odata::catalog_json(model, {}), "$metadata");
  } catch (const odata::MetadataError&) {
  }
  return 0;
}

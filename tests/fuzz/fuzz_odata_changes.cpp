// Any bytes as a page of changes: left alone, refused, or JSON again where it was JSON, whose removed records have a key.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "changes.hpp"
#include "switchgear/sdk/error.hpp"

namespace {

sg_str text(std::string_view value) { return {value.data(), value.size()}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using nlohmann::json;
  namespace odata = switchgear::odata;
  const sg_pair pairs[] = {{text("key"), text(R"(["ID","n"])")}, {text("types"), text(R"({"ID":"Edm.String","n":"Edm.Int64"})")}};
  const switchgear::sdk::Entity entity(text("Orders"), pairs, size % 2 + 1);
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  try {
    const auto settled = odata::settled_changes(entity, {}, body);
    if (!settled || !json::accept(body)) return 0;
    const json page = json::parse(*settled, nullptr, false);
    if (!page.is_object()) std::abort();
    for (const json& key : page.at(json::json_pointer(odata::removed_pointer)))
      if (key.size() != 2 || !key.contains("ID") || !key.contains("n")) std::abort();
  } catch (const switchgear::sdk::Error& error) {
    if (error.category != switchgear::sdk::Category::protocol && error.category != switchgear::sdk::Category::unsupported) std::abort();
  }
  return 0;
}

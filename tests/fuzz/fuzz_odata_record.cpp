// Any record on its way into OData: what is JSON stays JSON of the same members, and no ETag can leave its header.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "record_body.hpp"
#include "switchgear/sdk/error.hpp"

namespace {

sg_str text(std::string_view view) { return {view.data(), view.size()}; }

switchgear::sdk::Entity entity(std::string_view version) {
  const sg_pair properties[] = {
      {text("odata_version"), text(version)},
      {text("types"), text(R"({"a":"Edm.Int64","b":"Edm.DateTime","c":"Edm.Time","d/e":"Edm.Decimal","f":"Edm.DateTimeOffset"})")}};
  return switchgear::sdk::Entity(text("E"), properties, 2);
}

bool nests_too_deep(std::string_view json) {
  int depth = 0;
  int deepest = 0;
  for (const char c : json) {
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if (c == '}' || c == ']') --depth;
  }
  return deepest > 30;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const switchgear::odata::RecordBody v2(entity("2.0"));
  static const switchgear::odata::RecordBody v4(entity("4.0"));
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  if (nests_too_deep(json)) return 0;
  // The host hands over nothing else.
  const nlohmann::json given = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (!given.is_object()) return 0;
  for (const auto* body : {&v2, &v4}) {
    try {
      const switchgear::odata::WireRecord wire = body->write(json);
      const nlohmann::json sent = nlohmann::json::parse(wire.json, nullptr, false);
      if (!sent.is_object() || sent.size() > given.size() || sent.size() + 5 < given.size()) std::abort();
      if (wire.etag.find_first_of("\r\n") != std::string::npos) std::abort();
    } catch (const switchgear::sdk::Error& error) {
      if (error.category != switchgear::sdk::Category::data) std::abort();
    }
  }
  return 0;
}

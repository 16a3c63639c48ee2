#include "media_type.hpp"

#include "switchgear/base/text.hpp"

namespace switchgear::webhook_detail {

std::string media_type(std::string_view content_type) { return to_lower_ascii(trim(content_type.substr(0, content_type.find(';')))); }

bool is_json_type(std::string_view media_type) noexcept {
  return media_type == "application/json" || media_type == "text/json" || media_type.ends_with("+json");
}

}  // namespace switchgear::webhook_detail

// What a Content-Type says about how a body is to be read (RFC 9110, 8.3). Any thread; throws nothing.
#pragma once

#include <string>
#include <string_view>

namespace switchgear::webhook_detail {

/// "Application/JSON; charset=utf-8" -> "application/json".
std::string media_type(std::string_view content_type);

/// application/json, text/json, and whatever ends in +json.
bool is_json_type(std::string_view media_type) noexcept;

}  // namespace switchgear::webhook_detail

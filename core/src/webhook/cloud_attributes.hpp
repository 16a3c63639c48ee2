// The attributes of one CloudEvent while it is read: their names, that the required ones are there, and what they mean for the event.
#pragma once

#include <string>
#include <string_view>

#include "switchgear/webhook/envelope.hpp"

namespace switchgear::webhook_detail {

/// Lower-case letters and digits.
bool is_attribute_name(std::string_view name) noexcept;

/// Puts an attribute where it belongs. Throws Error(signature, malformed_body) for one that is there twice.
void add_attribute(WebhookEvent& event, std::string_view name, std::string value);

/// Throws `malformed_body`, or `missing_header` where they are headers, for required attributes that are missing or empty, for a time that
/// is none; `unsupported_version` for another specversion than 1.0.
void check_attributes(WebhookEvent& event, bool in_headers);

}  // namespace switchgear::webhook_detail

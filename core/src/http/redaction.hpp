// What of an exchange must not be written down, told by the name it goes by.
#pragma once

#include <string>
#include <string_view>

#include "switchgear/base/secret.hpp"
#include "switchgear/http/message.hpp"

namespace switchgear {

/// "Authorization", "apikey", "access_token", "X-CSRF-Token", "j_password" …
bool names_a_secret(std::string_view name);

Headers redacted_headers(const Headers& headers, const Redactor& redactor);
std::string redacted_url(std::string_view url, const Redactor& redactor);

/// JSON members and form fields whose name is a secret's, and every known value.
std::string redacted_body(std::string_view body, const Redactor& redactor);

}  // namespace switchgear

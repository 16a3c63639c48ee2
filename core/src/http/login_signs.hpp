// Signs that a source wants somebody to sign in: where a redirect leads, and what WWW-Authenticate says.
#pragma once

#include <string>
#include <string_view>

namespace switchgear {

/// A URL, absolute or relative, of a login page or a single sign-on host, by the words in host, path and query names.
bool leads_to_login(std::string_view url);

/// The `error` parameter of a challenge (RFC 6750, 3), "" without one. Text inside other quoted values is not mistaken for it.
std::string challenge_error(std::string_view challenge);

}  // namespace switchgear

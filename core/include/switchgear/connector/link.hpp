// Where a link that a source gave (the URL of its next page) may lead: to the source itself and nowhere else.
//
// Looks names up when the link's differs from the connection's, which may block. Stateless but for a small cache; any thread.
#pragma once

#include <string>
#include <string_view>

namespace switchgear {

/// The URL that a link found in a reply amounts to: resolved against `base`, held to its server and sent to its origin. The same server is
/// the same port at the same host name, or at a name of the same address (a service behind a proxy calls itself `localhost`).
/// Throws Error(protocol, "foreign_link") for any other.
std::string resolve_link(std::string_view base, std::string_view link);

}  // namespace switchgear

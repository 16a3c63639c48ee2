// The catalog that `discover` returns, as JSON: {"entities": [{"name", "path", "key", "cursor", "fields", "types", …}]}.
//
// Pure functions; any thread. `cursors` names the cursor of an entity where the user did: entity -> field.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "csdl.hpp"

namespace switchgear::odata {

using Cursors = std::map<std::string, std::string, std::less<>>;

/// Throws sdk::Error(config) for a name in `cursors` that the service does not have, with those that it has.
/// `etags`: each entity gets a column for them. `changes`: entities with a key say that their changes can be tracked.
std::string catalog_json(const Model& model, const Cursors& cursors, bool etags = false, bool changes = false);

/// From a service document, for services that hide their $metadata: names and paths, no fields. Throws sdk::Error(protocol) for a body
/// that is no service document.
std::string catalog_json_from_service_document(std::string_view body, const Cursors& cursors);

}  // namespace switchgear::odata

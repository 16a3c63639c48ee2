// The key in the id of an entity: "https://host/Orders(7)", "Readings(asset='A',n=7)" (OASIS "OData URL Conventions" 4.01, 4.3).
//
// A pure function; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchgear::odata {

struct KeyLiteral {
  std::string text;     ///< without quotes
  bool quoted = false;  ///< it had some
};

struct EntityKey {
  std::vector<std::string> names;  ///< none: the key has one field, which is not named
  std::vector<KeyLiteral> values;
};

/// Nothing: there is no key in it. A text without any structure, as Dataverse writes it, and a last segment ("…/Orders/7") are a key of one
/// field.
std::optional<EntityKey> key_in_id(std::string_view id);

}  // namespace switchgear::odata

// What a delta response (OData V4 "JSON Format", Delta Payload) says beside its records: which are gone, and that they are whole.
//
// Pure functions of bytes; any thread. Removed records stand among the others, as {"@removed": …} (4.01) or with a context of
// "$deletedEntity" (4.0), known by their key's fields or by the URL that is their id. Source: OASIS "OData JSON Format" 4.01, 15; "OData
// Protocol" 4.01, 11.4 "Requesting Changes"; Dataverse and Graph write a bare key where the standard has a URL.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/sdk/entity.hpp"

namespace switchgear::odata {

/// Where settled_changes() puts the keys of removed records: an array of objects.
constexpr const char* removed_pointer = "/@switchgear.removed";

/// The page's body with its removed records apart, and without links between records; nothing: the body holds none, and is good as it is.
/// Of what is said of one record the last word counts. `columns` are those that were asked for; none: all.
/// Throws sdk::Error: protocol (`changes`) where a removed record can't be told by its key, unsupported (`changes`) for a changed record
/// that lacks some of its fields, as if it had none there.
std::optional<std::string> settled_changes(const sdk::Entity& entity, const std::vector<std::string>& columns, std::string_view body);

}  // namespace switchgear::odata

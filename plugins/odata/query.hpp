// The query options that ask an OData service for the first page of a listing: $select, $filter, $orderby, $top, $count ($inlinecount in
// V2).
//
// Pure functions of what the host asks for; any thread. Later pages need none: the service's next link holds them all.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "switchgear/sdk/entity.hpp"

namespace switchgear::odata {

/// The column of a record's ETag, where the connection asks for ETags.
constexpr const char* etag_column = "@odata.etag";

/// Names and values, not encoded. Throws sdk::Error: bad_request (`filter`, `order`, `columns`) for what can't be asked, config for
/// bounds on an entity that has no cursor.
std::vector<std::pair<std::string, std::string>> query_options(const sdk::Entity& entity, const sdk::Position& at);

/// Of a path below the service root: everything but unreserved characters, "/" and "$" becomes %XX.
std::string encoded_path(std::string_view path);

}  // namespace switchgear::odata

// What tables and columns are called in a destination: as the source calls them, or in snake_case.
//
// snake_case() is a pure function. A Destination of in_snake_case() may be used as the one behind it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/sync/destination.hpp"

namespace switchgear {

/// `WorkOrderID` as `work_order_id`: words of ASCII letters in lower case, what is neither letter nor digit as one `_`; leading `_` stay.
std::string snake_case(std::string_view name);

/// Throws Error(config, "naming") naming two of `names` that would be the same.
void refuse_same_snake_case(const std::vector<std::string>& names);

/// `behind`, whose tables get columns, key and cursor in snake_case. Rows with two columns that would be the same are refused as
/// refuse_same_snake_case() says, before anything of them is written. The table's own name is its caller's affair.
std::shared_ptr<Destination> in_snake_case(std::shared_ptr<Destination> behind);

}  // namespace switchgear

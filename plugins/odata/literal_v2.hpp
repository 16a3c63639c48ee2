// Literals of the types that OData V2 writes otherwise than V4 ("Overview", 6: Abstract Type System): datetime'…', guid'…', 17L, 1.5M.
//
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "value.hpp"

namespace switchgear::odata {

/// Whether V2 has a form of its own for the type.
bool is_of_v2(std::string_view edm);

/// Of a type that is_of_v2(); "" if the value is none of that type.
std::string v2_literal(const Value& value, std::string_view edm);

}  // namespace switchgear::odata

// Values as OData writes them in $filter (V4: OASIS "OData URL Conventions" 5.1.1.14 and the ABNF's primitiveLiteral; V2: "Overview", 6),
// not yet percent-encoded.
//
// Whatever the value, the result is one literal: it can't close its own quotes nor continue as an expression. Pure functions.
// They throw sdk::Error(bad_request, "filter") naming the field, its type and the value.
#pragma once

#include <string>
#include <string_view>

#include "switchgear/sdk/entity.hpp"
#include "value.hpp"

namespace switchgear::odata {

/// V2 writes types into its literals (datetime'…', 17L); V4 does not.
enum class Dialect { v2, v4 };

/// By the version that the catalog names; V4 where it names none.
Dialect dialect_of(const sdk::Entity& entity);

/// `edm`: "Edm.Guid" …, the qualified name of an enumeration, or "" when the type is not known (then the JSON type decides).
std::string literal(const Value& value, std::string_view edm, std::string_view field, Dialect dialect = Dialect::v4);

/// A bound of the cursor, which comes as text whatever its type. Without a type what looks like a number or a time is written as one;
/// for an Edm.Date a time of day is cut off, which is right for >= and <=.
std::string bound_literal(std::string_view text, std::string_view edm, std::string_view field, Dialect dialect = Dialect::v4);

}  // namespace switchgear::odata

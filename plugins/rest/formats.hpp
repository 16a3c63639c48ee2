// Replies that are no page of JSON as the host wants it, made into one: lines of JSON (NDJSON), CSV (RFC 4180), XML, records that are lists
// of values, and a reply that is one record. Nothing is lost: numbers keep their digits, unknown elements and attributes become members.
//
// Pure functions; any thread. Throw sdk::Error(protocol, "ndjson" | "csv" | "xml" | "json") that names line or byte: a reply that breaks
// off in the middle is an error, never a shorter page.
#pragma once

#include <string>
#include <string_view>

#include "description.hpp"

namespace switchgear::rest {

/// A page as JSON, and where in it the entity's pointers lead: `prefix` goes before them.
struct Converted {
  std::string json;
  std::string records;
  std::string prefix;
};

/// Does the reply have to be converted at all? If not, its bytes go to the host as they came.
bool needs_conversion(const Entity& entity);

Converted convert(const Entity& entity, std::string_view body);

Converted from_ndjson(std::string_view body);
Converted from_csv(const Entity& entity, std::string_view body);
Converted from_xml(const Entity& entity, std::string_view body);
Converted from_rows(const Entity& entity, std::string_view body);
Converted from_single(const Entity& entity, std::string_view body);

/// A text as a value of the entity's column: a number or a boolean where the column is one and the text is written like one; else a text.
/// `empty_is_null`: an empty text of a column that is no text is null.
std::string typed_value(const Entity& entity, std::string_view column, const std::string& text, bool empty_is_null);

}  // namespace switchgear::rest

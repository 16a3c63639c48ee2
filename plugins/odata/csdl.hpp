// What a service offers: its entity sets with their columns, keys and cursors, out of its $metadata (CSDL in XML).
//
// Resolves the declarations of edmx.hpp: namespaces and aliases, base types, complex types, type definitions, enumerations, collections.
// One broken thing stays alone: what can't be resolved is told in Model::problems (with line and element) and becomes a json column, or
// an entity with the fields that are known; only a document of no use at all throws MetadataError. How far types nest and how many
// columns they unfold to is bounded. Plain values; thread-safety as any value type.
#pragma once

#include "edmx.hpp"

namespace switchgear::odata {

struct Column {
  std::string name;
  std::string_view type;  ///< a word of data/schema.hpp, static
  std::string edm;        ///< "Edm.Int32", an enumeration's qualified name, or empty where values can't be written as a literal
  bool nullable = true;
  int precision = 38;  ///< decimal
  int scale = 0;       ///< decimal
  bool utc = true;     ///< timestamp: false for V2's Edm.DateTime, which has no zone
  std::vector<Column> children;
};

struct EntitySet {
  std::string name;
  std::string path;  ///< below the service root, not encoded
  std::string type;  ///< qualified
  std::vector<std::string> key;
  std::vector<Column> fields;            ///< in the document's order, those of the base types first
  std::vector<std::string> concurrency;  ///< the properties that make up the ETag
  std::string changed_at;                ///< annotated as the time of the last change; may be empty

  const Column* find(std::string_view field) const noexcept;
};

struct Model {
  std::string version;
  std::vector<EntitySet> sets;
  Problems problems;

  bool is_v4() const noexcept { return version >= "4"; }
};

struct CsdlLimits {
  EdmxLimits edmx;
  std::size_t max_fields = 1'000'000;           ///< of all entities together; more: MetadataError
  std::size_t max_unfolded_per_entity = 5'000;  ///< once an entity has so many columns, complex types stay json
  std::size_t max_nesting = 12;                 ///< of complex types; deeper ones stay json
  std::size_t max_bases = 64;                   ///< length of a chain of base types
};

Model parse_csdl(std::string_view xml, const CsdlLimits& limits = {});

/// The field by which changes can be asked for, or "": see README.md, "Cursors", for the rule.
std::string cursor_of(const EntitySet& set);

}  // namespace switchgear::odata

// An EDMX document ($metadata) taken apart: the declarations that stand in it, names qualified, nothing resolved yet.
//
// Reads the shapes of OData 2.0, 3.0 and 4.0x: the version is a field, not a different parser. A document is untrusted: its size and the
// number of its elements are bounded, a document type declaration brings in nothing (no entity is ever expanded), and no step recurses
// with the depth of the XML. parse_edmx keeps no reference to the text. Plain values; thread-safety as any value type.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace switchgear::odata {

/// The document can't be used at all. The connector reports it as `protocol.metadata`.
class MetadataError : public std::runtime_error {
 public:
  MetadataError(const std::string& message, std::string next_step) : std::runtime_error(message), hint(std::move(next_step)) {}
  std::string hint;
};

/// What was passed over, and why; stays short whatever the document holds.
struct Problems {
  static constexpr std::size_t listed = 100;
  std::vector<std::string> list;
  std::size_t unlisted = 0;

  void add(std::string text) {
    if (std::find(list.begin(), list.end(), text) != list.end()) return;
    list.size() < listed ? list.push_back(std::move(text)) : void(++unlisted);
  }
};

struct Declaration {
  std::string name;      ///< a type's is qualified with its namespace, a property's is not
  std::size_t line = 0;  ///< 1-based
};

struct PropertyDeclaration : Declaration {
  std::string type;  ///< qualified, "Collection(…)" kept; empty where the attribute is missing
  bool nullable = true;
  std::optional<std::string> precision, scale;
  bool concurrency_token = false;  ///< ConcurrencyMode="Fixed" of V2 and V3
};

enum class TypeKind { entity, complex, enumeration, definition };

struct TypeDeclaration : Declaration {
  TypeKind kind = TypeKind::entity;
  std::string base;  ///< of entity and complex types; empty: none
  bool open = false;
  std::vector<std::string> key;
  std::vector<PropertyDeclaration> properties;
  PropertyDeclaration underlying;  ///< of type definitions: the type and its facets
};

struct SetDeclaration : Declaration {
  std::string container;  ///< without its namespace
  std::string target;     ///< what annotations call it: "Ns.Container/Set"
  std::string type;       ///< qualified
  bool in_default_container = true;
};

struct Document {
  std::string version;                           ///< "2.0", "3.0", "4.0", "4.01"
  std::map<std::string, TypeDeclaration> types;  ///< by qualified name
  std::vector<SetDeclaration> sets;
  std::map<std::string, std::vector<std::string>> concurrency;  ///< Core.OptimisticConcurrency: "Ns.Container/Set" -> property paths
  std::set<std::string> changed_at;                             ///< Common.ChangedAt: "Ns.Type/property"
  Problems problems;

  bool is_v4() const noexcept { return version >= "4"; }
};

struct EdmxLimits {
  std::size_t max_bytes = std::size_t{64} << 20U;  ///< the largest known services (Dynamics 365 F&O) have some 40 MB
  std::size_t max_elements = 4'000'000;
  std::size_t max_attributes = 8'000'000;
};

/// Throws MetadataError, which names the line, for what is no EDMX document or exceeds `limits`.
Document parse_edmx(std::string_view xml, const EdmxLimits& limits = {});

}  // namespace switchgear::odata

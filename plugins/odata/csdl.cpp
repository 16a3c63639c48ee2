#include "csdl.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace switchgear::odata {
namespace {

constexpr std::string_view edm_prefix = "Edm.";
constexpr std::string_view collection_prefix = "Collection(";
constexpr int max_precision = 38;  // decimal128

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Primitive {
  std::string_view edm, type;
};

// Decimal has rules of its own; Stream is no value of a record.
constexpr std::array primitives = {
    Primitive{"Edm.Binary", "binary"},      Primitive{"Edm.Boolean", "bool"},
    Primitive{"Edm.Byte", "int64"},         Primitive{"Edm.SByte", "int64"},
    Primitive{"Edm.Int16", "int64"},        Primitive{"Edm.Int32", "int64"},
    Primitive{"Edm.Int64", "int64"},        Primitive{"Edm.Single", "float64"},
    Primitive{"Edm.Double", "float64"},     Primitive{"Edm.String", "utf8"},
    Primitive{"Edm.Guid", "utf8"},          Primitive{"Edm.Duration", "utf8"},
    Primitive{"Edm.Date", "date"},          Primitive{"Edm.TimeOfDay", "time"},
    Primitive{"Edm.DateTime", "timestamp"}, Primitive{"Edm.DateTimeOffset", "timestamp"},
    Primitive{"Edm.Time", "utf8"},  // V2: a duration, "PT13H20M00S"
};

bool is_untyped(std::string_view edm) {
  return starts_with(edm, "Edm.Geo") || edm == "Edm.Untyped" || edm == "Edm.PrimitiveType" || edm == "Edm.ComplexType";
}

class Resolver {
 public:
  Resolver(Document document, const CsdlLimits& limits) : document_(std::move(document)), limits_(limits) {}

  Model resolve() {
    Model model;
    model.version = document_.version;
    for (const SetDeclaration& declared : document_.sets) add_set(declared, model.sets);
    model.problems = std::move(document_.problems);
    return model;
  }

 private:
  using Lineage = std::vector<const TypeDeclaration*>;

  void problem(const Declaration& at, const std::string& text) { document_.problems.add("line " + std::to_string(at.line) + ": " + text); }

  void add_set(const SetDeclaration& declared, std::vector<EntitySet>& sets) {
    EntitySet set;
    set.type = declared.type;
    set.path = declared.in_default_container ? declared.name : declared.container + "." + declared.name;
    if (!paths_.insert(set.path).second)
      return problem(declared, "the entity set '" + declared.name + "' is declared twice: the first one counts");
    set.name = names_.insert(declared.name).second ? declared.name : set.path;
    const auto type = document_.types.find(declared.type);
    if (type == document_.types.end() || type->second.kind != TypeKind::entity) {
      problem(declared, "the entity set '" + declared.name + "' is of the type '" + declared.type + "', which " +
                            (type == document_.types.end() ? "is declared nowhere" : "is no entity type") + ": its fields are not known");
    } else {
      describe(lineage(type->second), declared, set);
    }
    sets.push_back(std::move(set));
  }

  void describe(const Lineage& types, const SetDeclaration& declared, EntitySet& set) {
    unfolded_ = 0;
    set.fields = members(types, 0);
    take_key(types, set);
    if (const auto found = document_.concurrency.find(declared.target); found != document_.concurrency.end())
      set.concurrency = found->second;
    for (const TypeDeclaration* type : types) {
      for (const PropertyDeclaration& property : type->properties) {
        if (property.concurrency_token && found_nothing(set.concurrency, property.name)) set.concurrency.push_back(property.name);
        if (set.changed_at.empty() && document_.changed_at.count(type->name + "/" + property.name) != 0) set.changed_at = property.name;
      }
    }
  }

  static bool found_nothing(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) == names.end();
  }

  void take_key(const Lineage& types, EntitySet& set) {
    for (const TypeDeclaration* type : types) {
      if (type->key.empty()) continue;
      for (const std::string& name : type->key) {
        const auto column = std::find_if(set.fields.begin(), set.fields.end(), [&](const Column& field) { return field.name == name; });
        if (column == set.fields.end()) {
          problem(*type, "the key of '" + type->name + "' names '" + name + "', which is no property of it: taken as having no key");
          return set.key.clear();
        }
        column->nullable = false;
        if (found_nothing(set.key, name)) set.key.push_back(name);
      }
      return;
    }
  }

  /// The type and its bases, the outermost base first.
  Lineage lineage(const TypeDeclaration& type) {
    Lineage types{&type};
    for (const TypeDeclaration* at = &type; !at->base.empty();) {
      const auto base = document_.types.find(at->base);
      if (base == document_.types.end() || base->second.kind != type.kind) {
        problem(*at, "the base type '" + at->base + "' of '" + at->name + "' is declared nowhere: inherited fields are not known");
        break;
      }
      at = &base->second;
      if (std::find(types.begin(), types.end(), at) != types.end()) {
        problem(type, "'" + type.name + "' inherits from itself through '" + at->name + "': each type is taken once");
        break;
      }
      if (types.size() == limits_.max_bases) {
        problem(type, "'" + type.name + "' has more than " + std::to_string(limits_.max_bases) + " base types: the rest is left out");
        break;
      }
      types.push_back(at);
    }
    std::reverse(types.begin(), types.end());
    return types;
  }

  std::vector<Column> members(const Lineage& types, std::size_t depth) {
    std::vector<Column> columns;
    std::set<std::string_view> names;
    for (const TypeDeclaration* type : types) {
      for (const PropertyDeclaration& property : type->properties) {
        if (!names.insert(property.name).second) {
          problem(property, "'" + type->name + "' declares '" + property.name + "' a second time: the first one counts");
          continue;
        }
        if (property.type == "Edm.Stream" || property.type == "Collection(Edm.Stream)") continue;
        count_field();
        columns.push_back(column(property, depth));
      }
    }
    return columns;
  }

  void count_field() {
    ++unfolded_;
    if (++fields_ > limits_.max_fields)
      throw MetadataError("the entities have more than " + std::to_string(limits_.max_fields) + " fields in all",
                          "check that the URL is the root of one service, not of a catalog");
  }

  Column column(const PropertyDeclaration& property, std::size_t depth) {
    if (!starts_with(property.type, collection_prefix)) return value(property, property.type, depth);
    const std::string_view item = std::string_view(property.type).substr(collection_prefix.size());
    Column list;
    list.name = property.name;
    list.type = "list";  // nullable whatever it says: there the facet speaks of the items, and services do send null
    list.children.push_back(value(property, item.substr(0, item.size() - 1), depth));
    list.children.front().name = "item";
    return list;
  }

  Column value(const PropertyDeclaration& property, std::string_view type, std::size_t depth) {
    Column column;
    column.name = property.name;
    column.nullable = property.nullable;
    column.type = "json";
    const auto declared = document_.types.find(std::string(type));
    if (type.empty()) {
      problem(property, "the property '" + property.name + "' has no type: kept as json");
    } else if (declared == document_.types.end()) {
      primitive(property, type.find('.') == std::string_view::npos ? std::string(edm_prefix).append(type) : std::string(type), column);
    } else if (declared->second.kind == TypeKind::enumeration) {
      column.type = "utf8";
      column.edm = declared->first;
    } else if (declared->second.kind == TypeKind::definition) {
      PropertyDeclaration facets = declared->second.underlying;
      static_cast<Declaration&>(facets) = property;
      if (property.precision) facets.precision = property.precision;
      if (property.scale) facets.scale = property.scale;
      primitive(facets, facets.type, column);
    } else if (declared->second.kind == TypeKind::complex) {
      structure(declared->second, depth, column);
    } else {
      problem(property, "the property '" + property.name + "' is of the entity type '" + std::string(type) + "': kept as json");
    }
    return column;
  }

  void primitive(const PropertyDeclaration& property, const std::string& edm, Column& column) {
    if (edm == "Edm.Decimal") {
      column.edm = edm;
      return decimal(property, column);
    }
    const auto* const known = std::find_if(primitives.begin(), primitives.end(), [&](const Primitive& each) { return each.edm == edm; });
    if (known != primitives.end()) {
      column.edm = edm;
      column.type = known->type;
      column.utc = edm != "Edm.DateTime";
    } else if (!is_untyped(edm)) {
      problem(property,
              "the property '" + property.name + "' is of the type '" + property.type + "', which is declared nowhere: kept as json");
    }
  }

  /// Text wherever decimal128 might not hold every digit: no Precision and no Scale (services that say neither do send fractions), a
  /// variable scale, more than 38 digits, and V2's missing Scale, which means "any" there and 0 from V4 on.
  void decimal(const PropertyDeclaration& property, Column& column) {
    column.type = "utf8";
    const bool told = property.precision || property.scale;
    const std::optional<int> scale = property.scale ? number(*property.scale) : std::optional<int>(0);
    const std::optional<int> precision = property.precision ? number(*property.precision) : std::optional<int>(max_precision);
    if (!told || !scale || !precision || (!property.scale && !document_.is_v4())) return;
    if (*precision < 1 || *precision > max_precision || *scale < 0 || *scale > *precision) return;
    column.type = "decimal";
    column.precision = *precision;
    column.scale = *scale;
  }

  void structure(const TypeDeclaration& type, std::size_t depth, Column& column) {
    const bool open = std::find(unfolding_.begin(), unfolding_.end(), &type) != unfolding_.end();
    if (open || depth >= limits_.max_nesting || unfolded_ >= limits_.max_unfolded_per_entity) return;
    const Lineage types = lineage(type);
    for (const TypeDeclaration* each : types)
      if (each->open) return;
    unfolding_.push_back(&type);
    column.children = members(types, depth + 1);
    unfolding_.pop_back();
    if (!column.children.empty()) column.type = "struct";
  }

  Document document_;
  const CsdlLimits& limits_;
  std::set<std::string> names_, paths_;            ///< of the sets so far
  std::vector<const TypeDeclaration*> unfolding_;  ///< complex types, the outermost first
  std::size_t fields_ = 0;
  std::size_t unfolded_ = 0;  ///< of the entity at hand
};

/// Names under which systems keep the time of the last change; the order decides between several.
constexpr std::array<std::string_view, 23> change_names = {
    "systemmodifiedat",
    "modifiedat",
    "changedat",
    "lastmodifiedat",
    "lastchangedat",
    "updatedat",
    "lastupdatedat",
    "lastmodifieddatetime",
    "lastchangedatetime",
    "lastchangeddatetime",
    "modifieddatetime",
    "changedatetime",
    "lastchangedon",
    "lastmodifiedon",
    "lastmodified",
    "modifiedon",
    "changedon",
    "updatedon",
    "lastupdatedon",
    "lastmodificationtime",
    "lastmodificationdate",
    "modifieddate",
    "writedate",
};

std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name)
    if (c != '_') text.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  return text;
}

bool is_timestamp(const Column* column) { return column != nullptr && column->type == "timestamp"; }

}  // namespace

const Column* EntitySet::find(std::string_view field) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Column& column) { return column.name == field; });
  return found == fields.end() ? nullptr : &*found;
}

Model parse_csdl(std::string_view xml, const CsdlLimits& limits) { return Resolver(parse_edmx(xml, limits.edmx), limits).resolve(); }

std::string cursor_of(const EntitySet& set) {
  if (is_timestamp(set.find(set.changed_at))) return set.changed_at;
  if (set.concurrency.size() == 1 && is_timestamp(set.find(set.concurrency.front()))) return set.concurrency.front();
  for (const std::string_view wanted : change_names)
    for (const Column& column : set.fields)
      if (is_timestamp(&column) && folded(column.name) == wanted) return column.name;
  return {};
}

}  // namespace switchgear::odata

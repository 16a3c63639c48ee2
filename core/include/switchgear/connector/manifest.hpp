// What a connector says about itself before any of its code runs: name, version, configuration, secrets, entities.
//
// Parsed from the JSON in the library's .sgmanifest section. Plain values; thread-safety as any value type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/data/schema.hpp"

namespace switchgear {

struct ConfigKey {
  std::string name;
  std::string type;  ///< "text", "url", "int", "float", "bool", "json"
  bool required = true;
  std::optional<std::string> default_value;  ///< as text; only where `required` is false
  std::string doc;
};

/// Conditions that a source can be asked for: these operators on these fields.
struct Filterable {
  std::vector<std::string> fields;  ///< empty: all
  std::vector<std::string> ops;     ///< of = != < <= > >= in
};

/// An entity as a manifest or a catalog describes it.
struct EntityInfo {
  std::string name;
  Schema schema;  ///< no fields: not known before reading
  std::vector<std::string> key;
  std::string cursor;            ///< field by which changes can be asked for; "": none
  std::vector<std::string> ops;  ///< "create", "update", "upsert", "delete"
  /// What the source can be asked for; nothing: every condition, if the connector pushes "filter" down. The other conditions are applied to
  /// the columns (row_filter.hpp).
  std::optional<std::vector<Filterable>> filterable;
  /// Every member but name and fields, as text (nested values as JSON): path, records, key, cursor, ops ...; handed to the connector
  /// unchanged.
  std::vector<std::pair<std::string, std::string>> properties;

  bool writable() const noexcept { return !ops.empty(); }
  /// The property "changes": a listing of it ends with a token with which to ask for changes later, also for what is gone.
  bool tracks_changes() const noexcept;
  bool supports(std::string_view op) const noexcept;
  bool can_filter(std::string_view field, std::string_view comparison) const noexcept;
};

struct Manifest {
  std::string name;
  std::string version;
  std::string doc;
  std::vector<std::string> secrets;
  std::vector<ConfigKey> config;
  std::vector<EntityInfo> entities;  ///< empty: they come from `discover`
  /// What of a read request the connector passes on to its source: "filter", "raw_filter", "order". Without "filter" conditions are applied
  /// to the columns; the others are refused where they are not listed.
  std::vector<std::string> pushdown;

  bool can_push_down(std::string_view what) const noexcept;

  /// Throws Error(plugin) naming the place ("/entities/0/key") and what is wrong there. `origin` says whose manifest it is.
  static Manifest parse(std::string_view json, std::string_view origin);

  /// `given` (a JSON object) checked against `config`: types, required keys, unknown keys (with the nearest known one); defaults filled
  /// in. Throws Error(config).
  std::vector<std::pair<std::string, std::string>> checked_config(std::string_view given_json) const;

  std::string to_json() const;
};

/// The JSON that `discover` returns: {"entities": [...]}, entities as in a manifest. Throws Error(plugin).
std::vector<EntityInfo> parse_catalog(std::string_view json, std::string_view origin);

}  // namespace switchgear

#include "switchgear/connector/manifest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "switchgear/base/error.hpp"
#include "switchgear/base/utf8.hpp"
#include "switchgear/http/message.hpp"

namespace switchgear {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 6> config_types = {"text", "url", "int", "float", "bool", "json"};
constexpr std::array<std::string_view, 4> known_ops = {"create", "update", "upsert", "delete"};
constexpr std::array<std::string_view, 7> known_comparisons = {"=", "!=", "<", "<=", ">", ">=", "in"};
constexpr std::array<std::string_view, 3> known_pushdown = {"filter", "raw_filter", "order"};
constexpr std::array<std::string_view, 13> field_types = {"bool", "int64", "uint64",    "float64", "utf8", "binary", "date",
                                                          "time", "json",  "timestamp", "decimal", "list", "struct"};
// What connect() and Hub.add() take themselves: a setting of that name could not be given.
constexpr std::array<std::string_view, 17> reserved_settings = {"connector", "connection",  "config",   "id",    "auth",     "rate_limit",
                                                                "breaker",   "retry",       "timeout",  "tls",   "proxy",    "schedule",
                                                                "timezone",  "destination", "entities", "clock", "transport"};
constexpr int max_depth = 64;  // deeper than anybody writes, and shallow enough for code that recurses

/// One JSON text with its name, for messages: "manifest of acme.so: /entities/0/key: expected a list of texts".
struct Document {
  std::string_view what;
  std::string_view origin;

  [[noreturn]] void refuse(const std::string& place, const std::string& problem) const {
    throw Error(Category::plugin, "manifest",
                std::string(what) + " of " + std::string(origin) + ": " + (place.empty() ? "/" : place) + ": " + problem)
        .with_hint("docs/connectors.md describes every member; the connector's author has to correct it");
  }
};

std::string kind(const Json& value) {
  if (value.is_string()) return "a text";
  if (value.is_number()) return "a number";
  if (value.is_boolean()) return "true or false";
  if (value.is_null()) return "null";
  return value.is_array() ? "a list" : "an object";
}

std::string listed(const auto& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

template <class Words>
bool among(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// RFC 6901: a member's name as a step of a JSON pointer.
std::string step(std::string_view name) {
  std::string text = "/";
  for (const char c : name) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

/// Texts as they are, all else as JSON.
std::string as_text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// Strict: one value for a name, and no nesting that could exhaust a stack later on.
Json parse_strictly(std::string_view text, const Document& document) {
  std::vector<std::set<std::string>> names;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > max_depth) document.refuse("", "it is nested deeper than " + std::to_string(max_depth) + " levels");
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second) {
      document.refuse("", "'" + parsed.get<std::string>() + "' stands twice in one object");
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::parse_error& error) {
    document.refuse("", "no valid JSON at byte " + std::to_string(error.byte));
  }
}

const Json& object_at(const Json& value, const std::string& place, const Document& document) {
  if (!value.is_object()) document.refuse(place, "expected an object, got " + kind(value));
  return value;
}

std::string text_at(const Json& value, const std::string& place, const Document& document) {
  if (!value.is_string()) document.refuse(place, "expected a text, got " + kind(value));
  return value.get<std::string>();
}

std::string text_member(const Json& object, const char* name, const std::string& place, const Document& document) {
  const auto found = object.find(name);
  return found == object.end() ? std::string() : text_at(*found, place + step(name), document);
}

std::string required_member(const Json& object, const char* name, const std::string& place, const Document& document) {
  std::string text = text_member(object, name, place, document);
  if (text.empty()) document.refuse(place + step(name), "it is missing or empty");
  return text;
}

bool bool_member(const Json& object, const char* name, bool otherwise, const std::string& place, const Document& document) {
  const auto found = object.find(name);
  if (found == object.end()) return otherwise;
  if (!found->is_boolean()) document.refuse(place + step(name), "expected true or false, got " + kind(*found));
  return found->get<bool>();
}

std::vector<std::string> text_list(const Json& object, const char* name, const std::string& place, const Document& document) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  const std::string here = place + step(name);
  if (!found->is_array()) document.refuse(here, "expected a list of texts, got " + kind(*found));
  std::vector<std::string> texts;
  for (const Json& item : *found) {
    const std::string item_place = here + "/" + std::to_string(texts.size());
    texts.push_back(text_at(item, item_place, document));
    if (texts.back().empty()) document.refuse(item_place, "it is empty");
    if (std::count(texts.begin(), texts.end(), texts.back()) > 1) document.refuse(item_place, "'" + texts.back() + "' is named twice");
  }
  return texts;
}

template <class Words>
void only_members(const Json& object, const Words& known, const std::string& place, const Document& document) {
  for (const auto& [name, value] : object.items()) {
    if (!among(known, name)) {
      document.refuse(place + step(name), "unknown member" + did_you_mean(name, known) + " (known: " + listed(known) + ")");
    }
  }
}

bool is_identifier(std::string_view name) {
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

void check_setting_name(std::string_view name, const std::string& place, const Document& document) {
  if (!is_identifier(name)) document.refuse(place, "'" + std::string(name) + "' is no name of lower-case letters, digits and _");
  if (among(reserved_settings, name)) {
    document.refuse(place, "'" + std::string(name) + "' is a keyword of connect() itself; choose another name");
  }
}

// ---- settings

/// `value` as the text that a connector is given, or nothing where it is not of the type.
std::optional<std::string> setting_text(const std::string& type, const Json& value) {
  if (type == "json") return value.dump();
  if (type == "int" || type == "float") {
    // Settings come from command lines and environments as well, where all is text.
    const std::string text = as_text(value);
    if (!value.is_number() && !value.is_string()) return std::nullopt;
    const char* end = text.data() + text.size();
    std::int64_t whole = 0;
    double real = 0;
    const auto result = type == "int" ? std::from_chars(text.data(), end, whole) : std::from_chars(text.data(), end, real);
    const bool good = result.ec == std::errc() && result.ptr == end && real - real == 0;  // neither NaN nor infinite
    return good ? std::optional(text) : std::nullopt;
  }
  if (type == "bool") {
    const std::string text = as_text(value);
    if (text == "true" || text == "false") return text;
    return std::nullopt;
  }
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

ConfigKey config_key(const std::string& name, const Json& value, const std::string& place, const Document& document) {
  ConfigKey key;
  key.name = name;
  if (value.is_string()) {
    key.type = value.get<std::string>();
  } else {
    object_at(value, place, document);
    only_members(value, std::array<std::string_view, 4>{"type", "required", "default", "doc"}, place, document);
    key.type = required_member(value, "type", place, document);
    key.doc = text_member(value, "doc", place, document);
  }
  if (!among(config_types, key.type)) {
    document.refuse(place,
                    "unknown type '" + key.type + "'" + did_you_mean(key.type, config_types) + " (known: " + listed(config_types) + ")");
  }
  if (value.is_string()) return key;
  const auto given = value.find("default");
  key.required = bool_member(value, "required", given == value.end(), place, document);
  if (given == value.end()) return key;
  if (key.required) document.refuse(place + "/required", "what has a default can't be required");
  const auto text = setting_text(key.type, *given);
  if (!text) document.refuse(place + "/default", "expected " + key.type + ", got " + given->dump());
  key.default_value = *text;
  return key;
}

// ---- entities

Field field_at(const Json& value, const std::string& place, const Document& document, bool named);

std::vector<Field> fields_at(const Json& value, const std::string& place, const Document& document) {
  if (!value.is_array()) document.refuse(place, "expected a list of fields, got " + kind(value));
  std::vector<Field> fields;
  std::set<std::string> names;
  for (const Json& item : value) {
    const std::string here = place + "/" + std::to_string(fields.size());
    fields.push_back(field_at(item, here, document, true));
    if (!names.insert(fields.back().name).second) document.refuse(here + "/name", "'" + fields.back().name + "' is named twice");
  }
  return fields;
}

int digits_member(const Json& value, const char* name, int otherwise, int low, int high, const std::string& place,
                  const Document& document) {
  const auto found = value.find(name);
  if (found == value.end()) return otherwise;
  if (!found->is_number_integer() || *found < low || *found > high) {
    document.refuse(place + step(name),
                    "expected a whole number from " + std::to_string(low) + " to " + std::to_string(high) + ", got " + found->dump());
  }
  return found->get<int>();
}

/// Members that only make sense for some types are refused with the others.
void check_type_members(const Json& value, const Field& field, const std::string& place, const Document& document) {
  const auto only_with = [&](const char* name, DataType type) {
    if (value.contains(name) && field.type != type) {
      document.refuse(place + step(name), "only a field of type " + std::string(to_string(type)) + " has it");
    }
  };
  only_with("precision", DataType::decimal);
  only_with("scale", DataType::decimal);
  only_with("utc", DataType::timestamp);
  only_with("fields", DataType::structure);
  only_with("item", DataType::list);
}

Field field_at(const Json& value, const std::string& place, const Document& document, bool named) {
  object_at(value, place, document);
  only_members(value, std::array<std::string_view, 9>{"name", "type", "nullable", "precision", "scale", "utc", "fields", "item", "doc"},
               place, document);
  Field field;
  field.name = named ? required_member(value, "name", place, document) : text_member(value, "name", place, document);
  const std::string word = required_member(value, "type", place, document);
  const auto type = data_type_from(word);
  if (!type) {
    document.refuse(place + "/type",
                    "unknown type '" + word + "'" + did_you_mean(word, field_types) + " (known: " + listed(field_types) + ")");
  }
  field.type = *type;
  check_type_members(value, field, place, document);
  field.nullable = bool_member(value, "nullable", true, place, document);
  field.precision = digits_member(value, "precision", 38, 1, 38, place, document);
  field.scale = digits_member(value, "scale", 0, 0, field.precision, place, document);
  field.utc = bool_member(value, "utc", true, place, document);
  text_member(value, "doc", place, document);
  if (field.type == DataType::structure) {
    if (!value.contains("fields")) document.refuse(place + "/fields", "it is missing: a struct lists its members");
    field.children = fields_at(value["fields"], place + "/fields", document);
  }
  if (field.type == DataType::list) {
    if (!value.contains("item")) document.refuse(place + "/item", "it is missing: a list says what its items are");
    field.children.push_back(field_at(value["item"], place + "/item", document, false));
  }
  return field;
}

/// A member that is not ours is a property for the connector, unless it looks like a slip of the pen.
void add_property(EntityInfo& entity, const std::string& name, const Json& value, const std::string& place, const Document& document) {
  constexpr std::array<std::string_view, 6> ours = {"name", "fields", "key", "cursor", "ops", "filterable"};
  for (const std::string_view known : ours) {
    if (name != known && edit_distance(name, known) <= 1) {
      document.refuse(place + step(name),
                      "did you mean '" + std::string(known) + "'? A property of the connector's own needs a less similar name");
    }
  }
  // Key, cursor and operations are handed to the connector as well.
  if (name == "name" || name == "fields") return;
  entity.properties.emplace_back(name, as_text(value));
}

void check_against_fields(const EntityInfo& entity, const std::string& place, const Document& document) {
  if (entity.schema.fields.empty()) return;
  std::vector<std::string_view> names;
  for (const Field& field : entity.schema.fields) names.emplace_back(field.name);
  const auto check = [&](const std::string& name, const std::string& where) {
    if (!among(names, name)) document.refuse(where, "there is no field '" + name + "'" + did_you_mean(name, names));
  };
  for (std::size_t i = 0; i < entity.key.size(); ++i) check(entity.key[i], place + "/key/" + std::to_string(i));
  if (!entity.cursor.empty()) check(entity.cursor, place + "/cursor");
}

std::vector<Filterable> filterable_at(const Json& value, const std::string& place, const Document& document) {
  if (!value.is_array())
    document.refuse(place, R"(expected a list such as [{"fields": ["Status"], "ops": ["=", "in"]}], got )" + kind(value));
  std::vector<Filterable> all;
  for (const Json& item : value) {
    const std::string here = place + "/" + std::to_string(all.size());
    object_at(item, here, document);
    only_members(item, std::array<std::string_view, 2>{"fields", "ops"}, here, document);
    Filterable& one = all.emplace_back(Filterable{text_list(item, "fields", here, document), text_list(item, "ops", here, document)});
    for (std::size_t i = 0; i < one.ops.size(); ++i) {
      if (among(known_comparisons, one.ops[i])) continue;
      document.refuse(here + "/ops/" + std::to_string(i),
                      "unknown operator '" + one.ops[i] + "' (known: " + listed(known_comparisons) + ")");
    }
  }
  return all;
}

EntityInfo entity_at(const Json& value, const std::string& place, const Document& document) {
  object_at(value, place, document);
  EntityInfo entity;
  entity.name = required_member(value, "name", place, document);
  entity.key = text_list(value, "key", place, document);
  entity.cursor = text_member(value, "cursor", place, document);
  entity.ops = text_list(value, "ops", place, document);
  for (std::size_t i = 0; i < entity.ops.size(); ++i) {
    if (!among(known_ops, entity.ops[i])) {
      document.refuse(
          place + "/ops/" + std::to_string(i),
          "unknown operation '" + entity.ops[i] + "'" + did_you_mean(entity.ops[i], known_ops) + " (known: " + listed(known_ops) + ")");
    }
  }
  if (value.contains("fields")) entity.schema.fields = fields_at(value["fields"], place + "/fields", document);
  if (value.contains("filterable")) entity.filterable = filterable_at(value["filterable"], place + "/filterable", document);
  for (const auto& [name, member] : value.items()) add_property(entity, name, member, place, document);
  check_against_fields(entity, place, document);
  return entity;
}

std::vector<EntityInfo> entities_at(const Json& value, const std::string& place, const Document& document) {
  if (!value.is_array()) document.refuse(place, "expected a list of entities, got " + kind(value));
  std::vector<EntityInfo> entities;
  std::set<std::string> names;
  for (const Json& item : value) {
    const std::string here = place + "/" + std::to_string(entities.size());
    entities.push_back(entity_at(item, here, document));
    if (!names.insert(entities.back().name).second) document.refuse(here + "/name", "'" + entities.back().name + "' is named twice");
  }
  return entities;
}

// ---- and back

Json field_json(const Field& field) {
  Json json = {{"name", field.name}, {"type", to_string(field.type)}};
  if (!field.nullable) json["nullable"] = false;
  if (field.type == DataType::decimal) {
    json["precision"] = field.precision;
    json["scale"] = field.scale;
  }
  if (field.type == DataType::timestamp && !field.utc) json["utc"] = false;
  if (field.type == DataType::list && !field.children.empty()) json["item"] = field_json(field.children.front());
  if (field.type == DataType::structure) {
    json["fields"] = Json::array();
    for (const Field& child : field.children) json["fields"].push_back(field_json(child));
  }
  return json;
}

Json entity_json(const EntityInfo& entity) {
  Json json = {{"name", entity.name}};
  if (!entity.key.empty()) json["key"] = entity.key;
  if (!entity.cursor.empty()) json["cursor"] = entity.cursor;
  if (!entity.ops.empty()) json["ops"] = entity.ops;
  for (const Field& field : entity.schema.fields) json["fields"].push_back(field_json(field));
  for (const auto& [name, value] : entity.properties) {
    if (!json.contains(name)) json[name] = value;
  }
  return json;
}

}  // namespace

bool EntityInfo::supports(std::string_view op) const noexcept { return among(ops, op); }

bool EntityInfo::tracks_changes() const noexcept {
  return std::any_of(properties.begin(), properties.end(),
                     [](const auto& property) { return property.first == "changes" && property.second == "true"; });
}

bool EntityInfo::can_filter(std::string_view field, std::string_view comparison) const noexcept {
  if (!filterable) return true;
  return std::any_of(filterable->begin(), filterable->end(),
                     [&](const Filterable& one) { return (one.fields.empty() || among(one.fields, field)) && among(one.ops, comparison); });
}

bool Manifest::can_push_down(std::string_view what) const noexcept { return among(pushdown, what); }

Manifest Manifest::parse(std::string_view json, std::string_view origin) {
  const Document document{"manifest", origin};
  const Json root = parse_strictly(json, document);
  object_at(root, "", document);
  only_members(root, std::array<std::string_view, 7>{"name", "version", "doc", "secrets", "config", "entities", "pushdown"}, "", document);
  Manifest manifest;
  manifest.name = required_member(root, "name", "", document);
  if (!is_identifier(manifest.name)) {
    document.refuse("/name", "'" + manifest.name + "' is no name of lower-case letters, digits and _");
  }
  manifest.version = required_member(root, "version", "", document);
  manifest.doc = text_member(root, "doc", "", document);
  manifest.secrets = text_list(root, "secrets", "", document);
  for (std::size_t i = 0; i < manifest.secrets.size(); ++i) {
    check_setting_name(manifest.secrets[i], "/secrets/" + std::to_string(i), document);
  }
  if (root.contains("config")) {
    for (const auto& [name, value] : object_at(root["config"], "/config", document).items()) {
      const std::string place = "/config" + step(name);
      check_setting_name(name, place, document);
      if (among(manifest.secrets, name)) document.refuse(place, "it is listed as a secret as well");
      manifest.config.push_back(config_key(name, value, place, document));
    }
  }
  manifest.pushdown = text_list(root, "pushdown", "", document);
  for (std::size_t i = 0; i < manifest.pushdown.size(); ++i) {
    if (!among(known_pushdown, manifest.pushdown[i])) {
      document.refuse("/pushdown/" + std::to_string(i), "unknown word '" + manifest.pushdown[i] + "'" +
                                                            did_you_mean(manifest.pushdown[i], known_pushdown) +
                                                            " (known: " + listed(known_pushdown) + ")");
    }
  }
  if (root.contains("entities")) manifest.entities = entities_at(root["entities"], "/entities", document);
  return manifest;
}

std::vector<std::pair<std::string, std::string>> Manifest::checked_config(std::string_view given_json) const {
  const auto refuse = [&](std::string problem, std::string hint) {
    throw Error(Category::config, "connector '" + name + "': " + std::move(problem)).with_hint(std::move(hint));
  };
  const Json given = Json::parse(given_json, nullptr, false);
  if (!given.is_object()) refuse("its configuration is not a JSON object", "give its settings by name");

  std::vector<std::string_view> known;
  for (const ConfigKey& key : config) known.emplace_back(key.name);
  for (const auto& [setting, value] : given.items()) {
    if (among(secrets, setting))
      refuse("'" + setting + "' is a secret, not a setting", "give it as a secret: " + setting + "=Secret.env(\"…\")");
    if (!among(known, setting)) {
      refuse("it has no setting '" + setting + "'" + did_you_mean(setting, known),
             known.empty() ? "it has no settings" : "it has: " + listed(known));
    }
  }

  std::vector<std::pair<std::string, std::string>> checked;
  for (const ConfigKey& key : config) {
    const auto value = given.find(key.name);
    if (value == given.end() || (value->is_null() && key.type != "json")) {
      if (key.required) refuse("it needs '" + key.name + "' (" + key.type + ")", key.doc.empty() ? "give " + key.name + "=…" : key.doc);
      if (key.default_value) checked.emplace_back(key.name, *key.default_value);
      continue;
    }
    const auto text = setting_text(key.type, *value);
    if (!text) refuse("'" + key.name + "' is " + to_valid_utf8(value->dump().substr(0, 80)) + ", not of type " + key.type, key.doc);
    if (key.type == "url") Url::parse(*text);
    checked.emplace_back(key.name, *text);
  }
  return checked;
}

std::string Manifest::to_json() const {
  Json json = {{"name", name}, {"version", version}};
  if (!doc.empty()) json["doc"] = doc;
  if (!secrets.empty()) json["secrets"] = secrets;
  for (const ConfigKey& key : config) {
    Json& entry = json["config"][key.name] = {{"type", key.type}};
    if (!key.required) entry["required"] = false;
    const bool plain = key.type == "text" || key.type == "url";
    if (key.default_value) entry["default"] = plain ? Json(*key.default_value) : Json::parse(*key.default_value);
    if (!key.doc.empty()) entry["doc"] = key.doc;
  }
  for (const EntityInfo& entity : entities) json["entities"].push_back(entity_json(entity));
  if (!pushdown.empty()) json["pushdown"] = pushdown;
  return json.dump();
}

std::vector<EntityInfo> parse_catalog(std::string_view json, std::string_view origin) {
  const Document document{"catalog", origin};
  const Json root = parse_strictly(json, document);
  object_at(root, "", document);
  only_members(root, std::array<std::string_view, 1>{"entities"}, "", document);
  if (!root.contains("entities")) document.refuse("/entities", "it is missing");
  return entities_at(root["entities"], "/entities", document);
}

}  // namespace switchgear

#include "catalog.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "query.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::odata {
namespace {

using nlohmann::json;

json to_json(const Column& column) {
  json field{{"name", column.name}, {"type", column.type}, {"nullable", column.nullable}};
  if (column.type == "decimal") {
    field["precision"] = column.precision;
    field["scale"] = column.scale;
  } else if (column.type == "timestamp") {
    if (!column.utc) field["utc"] = false;
  } else if (column.type == "list") {
    field["item"] = to_json(column.children.front());
  } else if (column.type == "struct") {
    json& members = field["fields"] = json::array();
    for (const Column& child : column.children) members.push_back(to_json(child));
  }
  return field;
}

/// "Address/City" -> "Edm.String": what a value has to be written as in a filter. Lists can't be compared.
void collect_types(const std::vector<Column>& columns, const std::string& prefix, json& types) {
  for (const Column& column : columns) {
    if (column.type == "struct") {
      collect_types(column.children, prefix + column.name + "/", types);
    } else if (!column.edm.empty()) {
      types[prefix + column.name] = column.edm;
    }
  }
}

bool holds_decimal_text(const std::vector<Column>& columns) {
  return std::any_of(columns.begin(), columns.end(), [](const Column& column) {
    return (column.type == "utf8" && column.edm == "Edm.Decimal") || holds_decimal_text(column.children);
  });
}

template <class Names>
std::string listed(const Names& names) {
  std::string text;
  for (const auto& name : names) text.append(text.empty() ? "'" : ", '").append(name).append("'");
  return text.empty() ? "none" : text;
}

void check_names(const Cursors& cursors, const json& entities) {
  for (const auto& [entity, field] : cursors) {
    const auto found =
        std::find_if(entities.begin(), entities.end(), [&, &name = entity](const json& each) { return each["name"] == name; });
    if (found != entities.end()) continue;
    std::vector<std::string> names;
    for (const json& each : entities) names.push_back(each["name"]);
    throw sdk::Error(sdk::Category::config, "'cursor' names the entity '" + entity + "', which the service does not have")
        .with_hint("it has " + listed(names));
  }
}

std::string cursor_for(const EntitySet& set, const Cursors& cursors) {
  const auto named = cursors.find(set.name);
  if (named == cursors.end()) return cursor_of(set);
  if (!named->second.empty() && !set.fields.empty() && set.find(named->second) == nullptr) {
    std::vector<std::string> times;
    for (const Column& column : set.fields)
      if (column.type == "timestamp" || column.type == "date" || column.type == "int64") times.push_back(column.name);
    throw sdk::Error(sdk::Category::config, "'cursor' names the field '" + named->second + "', which '" + set.name + "' does not have")
        .with_hint("fields that may serve: " + listed(times));
  }
  return named->second;
}

/// What is asked for of V2, where all is: else it sends a link for each association with each record. Nothing, if that makes a long URL.
std::string all_fields(const EntitySet& set) {
  constexpr std::size_t longest = 3'000;
  std::string names;
  for (const Column& column : set.fields) names.append(names.empty() ? "" : ",").append(column.name);
  return names.size() <= longest ? names : std::string();
}

json etag_field(bool v4) {
  if (v4) return {{"name", etag_column}, {"type", "utf8"}, {"nullable", true}};
  const json member{{"name", "etag"}, {"type", "utf8"}, {"nullable", true}};
  return {{"name", "__metadata"}, {"type", "struct"}, {"nullable", true}, {"fields", json::array({member})}};
}

json to_json(const EntitySet& set, const Model& model, const Cursors& cursors, bool etags, bool changes) {
  json entity{{"name", set.name}, {"path", set.path}, {"key", set.key}, {"fields", json::array()}, {"type", set.type}};
  for (const Column& column : set.fields) entity["fields"].push_back(to_json(column));
  json types = json::object();
  collect_types(set.fields, "", types);
  entity["types"] = std::move(types);
  if (const std::string cursor = cursor_for(set, cursors); !cursor.empty()) entity["cursor"] = cursor;
  if (set.concurrency.size() == 1) entity["etag_property"] = set.concurrency.front();
  if (holds_decimal_text(set.fields)) entity["decimals_as_text"] = true;
  entity["odata_version"] = model.version;
  if (etags) entity["fields"].push_back(etag_field(model.is_v4()));
  if (changes && model.is_v4() && !set.key.empty()) entity["changes"] = true;
  if (!model.is_v4()) entity["select"] = all_fields(set);
  if (model.version.substr(0, 1) != "3") {
    entity["ops"] = set.key.empty() ? json::array({"create"}) : json::array({"create", "update", "upsert", "delete"});
  }
  return entity;
}

}  // namespace

std::string catalog_json(const Model& model, const Cursors& cursors, bool etags, bool changes) {
  json entities = json::array();
  for (const EntitySet& set : model.sets) entities.push_back(to_json(set, model, cursors, etags, changes));
  check_names(cursors, entities);
  return json({{"entities", std::move(entities)}}).dump();
}

namespace {

/// The entries of a service document: V4's {"value": [{"name", "url"}]}, or V2's {"d": {"EntitySets": [name]}} in V4's form.
json listed_sets(const json& document) {
  if (document.is_object() && document.contains("value") && document["value"].is_array()) return document["value"];
  const json names = document.is_object() ? document.value(json::json_pointer("/d/EntitySets"), json()) : json();
  if (!names.is_array())
    throw sdk::Error(sdk::Category::protocol, "service_document", "the service root is no OData service document: it has no list \"value\"")
        .with_hint("check that the URL is the service root");
  json sets = json::array();
  for (const json& name : names)
    if (name.is_string()) sets.push_back({{"name", name}, {"v2", true}});
  return sets;
}

}  // namespace

std::string catalog_json_from_service_document(std::string_view body, const Cursors& cursors) {
  json entities = json::array();
  for (const json& item : listed_sets(json::parse(body.begin(), body.end(), nullptr, false))) {
    if (!item.is_object() || !item.contains("name") || !item["name"].is_string()) continue;
    if (item.contains("kind") && item["kind"] != "EntitySet") continue;
    const std::string name = item["name"];
    const json url = item.value("url", json(name));
    const bool relative = url.is_string() && url.get_ref<const std::string&>().find("://") == std::string::npos;
    json entity{{"name", name}, {"path", relative ? url : json(name)}, {"odata_version", item.contains("v2") ? "2.0" : "4.0"}};
    if (const auto cursor = cursors.find(name); cursor != cursors.end()) entity["cursor"] = cursor->second;
    entities.push_back(std::move(entity));
  }
  check_names(cursors, entities);
  return json({{"entities", std::move(entities)}}).dump();
}

}  // namespace switchgear::odata

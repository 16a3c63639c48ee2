// What only the whole description can tell.
#include <algorithm>
#include <set>

#include "description_parts.hpp"

namespace switchgear::rest {
namespace {

std::vector<std::string> names_of(const std::vector<Field>& fields) {
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  return names;
}

std::vector<std::string> variable_names(const Description& description) {
  std::vector<std::string> names;
  for (const Variable& variable : description.variables) names.push_back(variable.name);
  return names;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_forms(const Table& table, std::string_view name, const Forms& forms, const std::vector<std::string>& known) {
  for (const auto& [ignored, form] : forms) check_places(table, name, form, known, "it has to be declared under [variables]");
}

void check_fields_exist(const Table& table, std::string_view name, const std::vector<std::string>& wanted, const Entity& entity) {
  if (entity.fields.empty()) return;
  const std::vector<std::string> known = names_of(entity.fields);
  for (const std::string& each : wanted) {
    if (!contains(known, each)) throw table.wrong(name, "there is no field '" + each + "'" + did_you_mean(each, known));
  }
}

/// The places that a path may have: variables, and fields of the parent's records.
void check_path(const Description& description, const Entity& entity, const Table& table) {
  const std::vector<std::string> variables = variable_names(description);
  const Entity* parent = description.find(entity.parent.entity);
  for (const std::string& place : entity.path.names()) {
    if (contains(variables, place)) continue;
    if (parent == nullptr)
      throw table.wrong("path", "nothing fills {" + place + "}" + did_you_mean(place, variables) +
                                    ": declare it under [variables], or name the parent whose records have it under [entities.parent]");
    check_fields_exist(table, "path", {place}, *parent);
  }
}

void check_parent(const Description& description, const Entity& entity, const Table& table) {
  if (entity.parent.entity.empty()) return;
  std::vector<std::string> known;
  for (const Entity& each : description.entities) known.push_back(each.name);
  std::set<std::string> seen = {entity.name};
  for (const Entity* at = &entity; !at->parent.entity.empty();) {
    const Entity* above = description.find(at->parent.entity);
    if (above == nullptr)
      throw table.wrong("parent", "there is no entity '" + at->parent.entity + "'" + did_you_mean(at->parent.entity, known));
    if (!seen.insert(above->name).second) throw table.wrong("parent", "'" + above->name + "' is its own parent in the end");
    at = above;
  }
  const std::vector<std::string> places = entity.path.names();
  const std::vector<std::string> variables = variable_names(description);
  const bool used = std::any_of(places.begin(), places.end(), [&](const std::string& place) { return !contains(variables, place); });
  bool in_params = false;
  for (const auto& [name, form] : entity.params)
    for (const std::string& place : form.names()) in_params = in_params || !contains(variables, place);
  if (!used && !in_params) throw table.wrong("parent", "no field of the parent is used: not in 'path' and not in 'params'");
  const Entity* parent = description.find(entity.parent.entity);
  for (const auto& [column, field] : entity.parent.fields) {
    check_fields_exist(table, "parent", {field}, *parent);
    check_fields_exist(table, "parent", {column}, entity);
  }
}

void check_format(const Entity& entity, const Table& table) {
  const bool lines = entity.format == Format::ndjson || entity.format == Format::csv;
  const Paging& paging = entity.paging;
  if (lines && entity.records) throw table.wrong("records", "each line of the reply is a record: there is nothing to point to");
  if (lines && (paging.next || paging.more || entity.total))
    throw table.wrong("format", "replies of lines have no members: 'next', 'more' and 'total' lead nowhere (use headers)");
  if (lines && paging.style == Style::automatic)
    throw table.wrong("format", "it needs [entities.paging]: only JSON can be looked at for it");
  if (entity.format == Format::xml && (!entity.records || entity.records->empty()))
    throw table.wrong("records", "it is missing: the path of the repeated element, such as /Reply/Items/Item");
  if (entity.format == Format::xml && paging.style == Style::automatic)
    throw table.wrong("format", "it needs [entities.paging]: only JSON can be looked at for it");
  if (entity.format != Format::json && (!entity.row_names.empty() || entity.row_names_at))
    throw table.wrong("row_names", "it is for format = \"json\"");
  if (!entity.row_names.empty() && entity.row_names_at) throw table.wrong("row_names_at", "give it or 'row_names', not both");
  if (entity.single && (entity.format == Format::ndjson || entity.format == Format::csv))
    throw table.wrong("single", "replies of lines are lists");
  if (entity.single && paging.style != Style::none) throw table.wrong("single", "one record has no pages: style = \"none\"");
}

void check_key(const Entity& entity, const Table& table) {
  check_fields_exist(table, "key", entity.key, entity);
  if (!entity.cursor.empty()) check_fields_exist(table, "cursor", {entity.cursor}, entity);
  for (const Filter& filter : entity.filters) check_fields_exist(table, "filters", filter.fields, entity);
  if (entity.paging.overlap > 0 && entity.key.empty())
    throw table.wrong("key", "it is missing: 'overlap' tells records that were read twice by their key");
}

void check_entity(const Description& description, const Entity& entity, const Table& table) {
  if (entity.path.empty()) throw table.wrong("'path' is missing");
  check_parent(description, entity, table);
  check_path(description, entity, table);
  check_format(entity, table);
  check_key(entity, table);
  std::vector<std::string> known = variable_names(description);
  check_forms(table, "headers", entity.headers, known);
  std::vector<std::string> places = known;
  places.insert(places.end(), entity.key.begin(), entity.key.end());
  places.emplace_back("key");
  for (const Write& write : entity.writes)
    check_places(table, "writes", write.path, places, "a variable, {key}, or a field of the entity's key");
  if (const Entity* parent = description.find(entity.parent.entity); parent == nullptr) {
    check_forms(table, "params", entity.params, known);
  } else if (!parent->fields.empty()) {
    for (const Field& field : parent->fields) known.push_back(field.name);
    check_forms(table, "params", entity.params, known);
  }
}

}  // namespace

void check_places(const Table& table, std::string_view name, const Template& form, const std::vector<std::string>& known,
                  const std::string& hint) {
  for (const std::string& place : form.names()) {
    if (contains(known, place)) continue;
    std::string problem = "nothing fills {";
    problem.append(place).append("}").append(did_you_mean(place, known)).append(": ").append(hint);
    throw table.wrong(name, problem);
  }
}

void check_whole(const Description& description, const Table& root, const std::vector<Table>& entities) {
  const std::vector<std::string> variables = variable_names(description);
  const std::string hint = "it has to be declared under [variables]";
  check_places(root, "url", description.url, variables, hint);
  check_places(root, "check", description.check_path, variables, hint);
  check_places(root, "auth", description.auth.name, variables, hint);
  check_forms(root, "headers", description.headers, variables);
  check_forms(root, "params", description.params, variables);
  std::set<std::string> names;
  for (std::size_t i = 0; i < entities.size(); ++i) {
    const Entity& entity = description.entities[i];
    if (!names.insert(entity.name).second) throw entities[i].wrong("name", "'" + entity.name + "' is described twice");
    check_entity(description, entity, entities[i]);
  }
}

}  // namespace switchgear::rest

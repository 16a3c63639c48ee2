// The connector "rest": reads and writes what a TOML file describes. docs/rest.md tells how to write one.
#include <dlfcn.h>
#include <strings.h>

#include <switchgear/sdk.hpp>

#include "json_text.hpp"
#include "reader.hpp"
#include "source.hpp"
#include "table.hpp"
#include "writer.hpp"

namespace sg = switchgear::sdk;
namespace rest = switchgear::rest;

namespace {

/// Where the shipped descriptions lie: in a folder beside this library.
std::string shipped_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&shipped_folder), &info) == 0 || info.dli_fname == nullptr) return {};
  const std::string library = info.dli_fname;
  const std::size_t slash = library.rfind('/');
  return (slash == std::string::npos ? "." : library.substr(0, slash)) + "/rest";
}

/// Of the operators those that a host knows; a description may name more, for itself.
std::string filterable_json(const rest::Entity& entity) {
  std::string json = "[";
  for (const rest::Filter& filter : entity.filters) {
    std::vector<std::string> known;
    for (const std::string& name : filter.operators) {
      if (name.find_first_of("=<>") != std::string::npos || name == "in") known.push_back(name);
    }
    if (known.empty()) continue;
    json.append(json.size() > 1 ? "," : "").append("{\"fields\":").append(rest::json_list(filter.fields));
    json.append(",\"ops\":").append(rest::json_list(known)).append("}");
  }
  return json + "]";
}

template <class Add>
void add_writes(const rest::Entity& entity, const Add& add) {
  std::vector<std::string> ops, repeatable;
  for (const rest::Write& write : entity.writes) {
    ops.push_back(write.op);
    if (!write.idempotency_header.empty()) repeatable.push_back(write.op);
  }
  add("ops", rest::json_list(ops));
  add("idempotent_ops", rest::json_list(repeatable));
}

std::string entity_json(const rest::Entity& entity) {
  std::string json = "{\"name\":" + rest::quoted(entity.name) + ",\"key\":" + rest::json_list(entity.key);
  const auto add = [&](const char* name, const std::string& value) { json.append(",\"").append(name).append("\":").append(value); };
  if (!entity.cursor.empty()) add("cursor", rest::quoted(entity.cursor));
  if (!entity.doc.empty()) add("doc", rest::quoted(entity.doc));
  if (!entity.parent.entity.empty()) add("parent", rest::quoted(entity.parent.entity));
  add("paging", rest::quoted(rest::style_names()[static_cast<std::size_t>(entity.paging.style)]));
  add("filterable", filterable_json(entity));
  if (!entity.writes.empty()) add_writes(entity, add);
  if (entity.fields.empty()) return json + "}";
  std::string fields = "[";
  for (const rest::Field& field : entity.fields) fields.append(fields.size() > 1 ? "," : "").append(field.json);
  add("fields", fields + "]");
  return json + "}";
}

}  // namespace

struct Rest {
  static constexpr const char* manifest =
      R"({"name": "rest", "version": "1.0.0", "doc": "Reads and writes REST APIs that a TOML file describes.",
    "pushdown": ["filter", "raw_filter", "order"], "secrets": ["token", "api_key", "password"],
    "config": {
      "description": {"type": "text", "doc": "Path of a TOML file, name of a shipped description, or TOML itself."},
      "url": {"type": "url", "required": false, "doc": "Base URL, instead of the description's. Credentials of auth= go to this server alone."},
      "variables": {"type": "json", "default": {}, "doc": "Values of the description's variables: {\"account\": \"123456\"}."},
      "page_size": {"type": "int", "default": 0, "doc": "Records that a page should have, within the description's maximum. 0: as described."}}})";

  Rest(const sg::Config& config, sg::Call&) : reader(made(config)) {}

  void check(sg::Call& call) { reader.check(call); }

  std::string discover(sg::Call&) {
    std::string json = "{\"entities\":[";
    for (const rest::Entity& entity : reader.description().entities) json.append(json.back() == '[' ? "" : ",").append(entity_json(entity));
    return json + "]}";
  }

  std::string plan(const sg::Entity& entity, const sg::Position& at, sg::Call& call) { return reader.plan(described(entity), at, call); }
  sg::Page read(const sg::Entity& entity, const sg::Position& at, sg::Call& call) { return reader.read(described(entity), at, call); }

  void write(const sg::Entity& entity, const sg::Batch& batch, sg::Outcomes& outcomes, sg::Call& call) {
    rest::Writer(reader, described(entity), batch, outcomes, call).run();
  }

  rest::Reader reader;

 private:
  static rest::Reader made(const sg::Config& config) {
    rest::Description description = rest::find_description(config.str("description"), shipped_folder());
    rest::Variables variables = rest::variables_of(description, config.str("variables", ""));
    const std::string url = config.str("url", "");
    std::string base = rest::base_url(description, url, variables);
    const std::int64_t page_size = config.integer("page_size");
    if (page_size < 0) throw sg::Error(sg::Category::config, "'page_size' is " + std::to_string(page_size) + ", it has to be 0 or more");
    return {std::move(description), std::move(base), std::move(variables), page_size, !url.empty()};
  }

  const rest::Entity& described(const sg::Entity& entity) const {
    const rest::Entity* found = reader.description().find(entity.name);
    if (found == nullptr)
      throw sg::Error(sg::Category::not_found, "entity", reader.description().origin + " has no entity '" + entity.name + "'");
    return *found;
  }
};
SWITCHGEAR_CONNECTOR(Rest)

#include "description.hpp"

#include <algorithm>
#include <array>

#include "description_parts.hpp"
#include "switchgear/sdk/abi.h"

namespace switchgear::rest {
namespace {

struct Named {
  std::string_view name;
  int category;
};

constexpr std::array<Named, 14> categories = {{{"offline", SG_OFFLINE},
                                               {"timeout", SG_TIMEOUT},
                                               {"auth_expired", SG_AUTH_EXPIRED},
                                               {"auth_invalid", SG_AUTH_INVALID},
                                               {"permission", SG_PERMISSION},
                                               {"rate_limit", SG_RATE_LIMIT},
                                               {"bad_request", SG_BAD_REQUEST},
                                               {"not_found", SG_NOT_FOUND},
                                               {"gone", SG_GONE},
                                               {"conflict", SG_CONFLICT},
                                               {"too_large", SG_TOO_LARGE},
                                               {"server", SG_SERVER},
                                               {"unavailable", SG_UNAVAILABLE},
                                               {"data", SG_DATA}}};

/// The secrets that the connector's manifest lists.
const std::vector<std::string>& secrets() {
  static const std::vector<std::string> names = {"token", "api_key", "password"};
  return names;
}

std::vector<Variable> read_variables(Table& root) {
  std::vector<Variable> found;
  auto all = root.table("variables");
  if (!all) return found;
  for (const std::string& name : all->node().names) {
    auto one = all->table(name);
    Variable variable;
    variable.name = name;
    variable.doc = one->text_or("doc", "");
    variable.value = one->text("default");
    one->finish();
    found.push_back(std::move(variable));
  }
  return found;
}

Auth read_auth(Table& root) {
  Auth auth;
  auto table = root.table("auth");
  if (!table) return auth;
  const auto kind = table->word("kind", {"connection", "none", "bearer", "basic", "header", "query"});
  if (!kind) throw table->wrong("'kind' is missing");
  auth.kind = static_cast<Auth::Kind>(*kind);
  if (const auto secret = table->word("secret", secrets())) auth.secret = secrets()[*secret];
  if (auto name = table->form("name")) auth.name = *name;
  const bool takes_secret = auth.kind != Auth::Kind::connection && auth.kind != Auth::Kind::none;
  if (takes_secret != !auth.secret.empty())
    throw table->wrong("secret", takes_secret ? "it is missing: one of " + listed(secrets()) : "this kind of auth has none");
  const bool takes_name = takes_secret && auth.kind != Auth::Kind::bearer;
  if (takes_name == auth.name.empty())
    throw table->wrong("name", takes_name ? "it is missing: the user, header or parameter" : "this kind of auth has none");
  table->finish();
  return auth;
}

Errors read_errors(Table& root) {
  Errors errors;
  auto table = root.table("errors");
  if (!table) return errors;
  errors.when = table->pointers("when");
  errors.unless = table->pointers("unless");
  errors.message = table->pointers("message");
  errors.code = table->pointers("code");
  errors.categories = table->pairs("categories");
  for (const auto& [code, category] : errors.categories) {
    if (category_from(category)) continue;
    std::vector<std::string> known;
    for (const Named& each : categories) known.emplace_back(each.name);
    throw table->wrong("categories", "'" + category + "' is no category" + did_you_mean(category, known));
  }
  if (!errors.categories.empty() && errors.code.empty()) throw table->wrong("categories", "it needs 'code': where the code stands");
  if (errors.when.empty() && errors.unless.empty() && errors.categories.empty())
    throw table->wrong("it says nothing: give 'when' (something there is an error), 'unless' (nothing there is one) or 'categories'");
  table->finish();
  return errors;
}

RateLimit read_rate_limit(Table& root) {
  RateLimit limit;
  auto table = root.table("rate_limit");
  if (!table) return limit;
  limit.remaining = table->text_or("remaining", "");
  limit.retry_after = table->text_or("retry_after", "");
  limit.milliseconds = table->word("unit", {"seconds", "milliseconds"}).value_or(0) == 1;
  if (limit.remaining.empty() && limit.retry_after.empty()) throw table->wrong("it names no header: 'remaining' or 'retry_after'");
  table->finish();
  return limit;
}

Csv read_csv(Table& entity, Format format) {
  Csv csv;
  auto table = entity.table("csv");
  if (!table) return csv;
  if (format != Format::csv) throw entity.wrong("csv", "it is for format = \"csv\"");
  const std::string delimiter = table->text_or("delimiter", ",");
  if (delimiter.size() != 1 || delimiter == "\"" || delimiter == "\n" || delimiter == "\r")
    throw table->wrong("delimiter", "it has to be one character, and no quote");
  csv.delimiter = delimiter.front();
  csv.header = table->texts("header");
  csv.open_end = table->boolean("open_end", false);
  table->finish();
  return csv;
}

void read_request(Table& table, Entity& entity) {
  entity.method = std::vector<std::string>{"GET", "POST"}[table.word("method", {"GET", "POST"}).value_or(0)];
  if (const auto path = table.form("path")) entity.path = *path;
  entity.params = table.forms("params");
  entity.headers = table.forms("headers");
  if (auto body = table.table("body")) entity.body = to_json(body->node());
  entity.parameters_in_body = table.word("send", {"query", "body"}).value_or(entity.method == "POST" ? 1 : 0) == 1;
  if (entity.method == "GET" && !entity.body.empty()) throw table.wrong("body", "GET has none: set method = \"POST\"");
  if (entity.method == "GET" && entity.parameters_in_body) throw table.wrong("send", "GET has no body: set method = \"POST\"");
}

void read_reply(Table& table, Entity& entity) {
  entity.format = static_cast<Format>(table.word("format", {"json", "ndjson", "csv", "xml"}).value_or(0));
  entity.records = table.pointer("records");
  entity.total = table.pointer("total");
  entity.total_header = table.text_or("total_header", "");
  entity.key = table.texts("key");
  entity.cursor = table.text_or("cursor", "");
  entity.csv = read_csv(table, entity.format);
  entity.row_names = table.texts("row_names");
  entity.row_names_at = table.pointer("row_names_at");
  entity.single = table.boolean("single", false);
}

void read_parent(Table& table, Entity& entity) {
  auto parent = table.table("parent");
  if (!parent) return;
  entity.parent.entity = parent->required_text("entity");
  entity.parent.fields = parent->pairs("fields");
  parent->finish();
}

Entity read_entity(Table& table, const std::optional<Paging>& usual) {
  Entity entity;
  entity.name = table.required_text("name");
  entity.doc = table.text_or("doc", "");
  entity.origin = table.origin();
  entity.line = table.node().line;
  read_request(table, entity);
  read_reply(table, entity);
  read_parent(table, entity);
  entity.fields = read_fields(table);
  entity.filters = read_filters(table);
  entity.order = read_order(table);
  entity.columns = read_columns(table);
  entity.changes = read_changes(table);
  entity.raw_filter = table.text_or("raw_filter", "");
  entity.writes = read_writes(table);
  if (auto paging = table.table("paging")) {
    entity.paging = read_paging(*paging);
  } else if (entity.single) {
    entity.paging.style = Style::none;
  } else if (usual) {
    entity.paging = *usual;
  }
  table.finish();
  return entity;
}

}  // namespace

const Entity* Description::find(std::string_view entity) const noexcept {
  const auto found = std::find_if(entities.begin(), entities.end(), [&](const Entity& each) { return each.name == entity; });
  return found == entities.end() ? nullptr : &*found;
}

std::optional<int> category_from(std::string_view name) {
  const auto* const found = std::find_if(categories.begin(), categories.end(), [&](const Named& each) { return each.name == name; });
  return found == categories.end() ? std::nullopt : std::optional(found->category);
}

Description load_description(std::string_view document, const std::string& origin) {
  const Node tree = parse_toml(document, origin);
  Table root(tree, origin, "");
  Description made;
  made.origin = origin;
  made.name = root.required_text("name");
  made.doc = root.text_or("doc", "");
  if (const auto url = root.form("url")) made.url = *url;
  made.variables = read_variables(root);
  made.auth = read_auth(root);
  made.headers = root.forms("headers");
  made.params = root.forms("params");
  if (auto check = root.table("check")) {
    if (const auto path = check->form("path")) made.check_path = *path;
    check->finish();
  }
  made.errors = read_errors(root);
  made.rate_limit = read_rate_limit(root);
  std::optional<Paging> usual;
  if (auto paging = root.table("paging")) usual = read_paging(*paging);
  std::vector<Table> tables = root.tables("entities");
  for (Table& table : tables) made.entities.push_back(read_entity(table, usual));
  root.finish();
  if (made.entities.empty()) throw root.wrong("it describes no entity: add one, beginning with [[entities]]");
  check_whole(made, root, tables);
  return made;
}

}  // namespace switchgear::rest

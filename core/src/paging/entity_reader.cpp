#include "switchgear/paging/entity_reader.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/paging/partition.hpp"

namespace switchgear {
namespace {

std::vector<std::string> field_names(const Schema& schema) {
  std::vector<std::string> names;
  for (const Field& field : schema.fields) names.push_back(field.name);
  return names;
}

Error refused(const Connection& connection, const EntityInfo& entity, Category category, std::string detail, std::string message) {
  Error error(category, std::move(detail), std::move(message));
  error.connection_id = connection.id();
  error.entity = entity.name;
  return error;
}

const Field& declared_column(const Connection& connection, const EntityInfo& entity, const Schema& schema, const std::string& name) {
  if (const Field* field = schema.find(name)) return *field;
  const auto known = field_names(schema);
  throw refused(connection, entity, Category::config, "column",
                "'" + entity.name + "' has no column '" + name + "'" + did_you_mean(name, known))
      .with_hint("entities() lists the columns");
}

/// The asked columns, in the asked order, of the asked types. Without a declared schema they are taken from what the pages hold.
PageColumnsOptions columns_for(const Connection& connection, const EntityInfo& entity, const ReadRequest& request) {
  PageColumnsOptions options;
  options.projected = !request.columns.empty();
  options.mode = request.schema_mode;
  options.nested = request.nested;
  if (entity.schema.fields.empty()) {
    options.overrides = request.types;
    options.only = request.columns;
    return options;
  }
  Schema declared = entity.schema;
  for (const Field& type : request.types) {
    const Field& field = declared_column(connection, entity, declared, type.name);
    declared.fields[static_cast<std::size_t>(&field - declared.fields.data())] = type;
  }
  if (request.columns.empty()) {
    options.schema = std::move(declared);
    return options;
  }
  Schema& schema = options.schema.emplace();
  for (const std::string& name : request.columns) {
    const Field& field = declared_column(connection, entity, declared, name);
    if (schema.find(name) == nullptr) schema.fields.push_back(field);
  }
  return options;
}

void check_request(const Connection& connection, const EntityInfo& entity, const ReadRequest& request) {
  const Manifest& manifest = connection.manifest();
  const auto demand = [&](std::string_view what, bool asked) {
    if (!asked || manifest.can_push_down(what)) return;
    throw refused(connection, entity, Category::unsupported, "pushdown",
                  "connector '" + manifest.name + "' cannot ask its source for '" + std::string(what) + "'")
        .with_hint("read without it, and select or sort in pandas, polars or DuckDB");
  };
  demand("raw_filter", !request.raw_filter.empty());
  demand("order", !request.order.empty());
  if (!request.modified_after.empty() && entity.cursor.empty() && request.cursor.empty()) {
    throw refused(connection, entity, Category::config, "cursor", "'" + entity.name + "' has no cursor field by which to ask for changes")
        .with_hint("name one: cursor=\"ChangedAt\"");
  }
}

/// Loads the pages of one part with a session of its own.
PageLoader loader_of(const std::shared_ptr<Connection>& connection, const std::shared_ptr<CallServices>& services, PageRequest page,
                     const std::string& partition) {
  page.partition = partition;
  auto session = std::make_shared<std::optional<SessionLease>>();
  return [connection, services, session, page = std::move(page)](const std::string& token, const std::stop_token& stopped) mutable {
    page.token = token;
    CallContext call{*services, stopped, connection->clock(), {}};
    try {
      if (!*session) session->emplace(connection->lease(stopped));
      return (**session)->read_page(page, call);
    } catch (const Error& error) {
      if (error.category == Category::plugin && *session) {
        (*session)->discard();
        session->reset();
      }
      Error named = error;
      named.connection_id = connection->id();
      named.entity = page.entity;
      throw named;
    }
  };
}

/// The parts of a listing that begins; `sequential` says why there are none.
std::vector<std::string> divide(Connection& connection, CallServices& services, const ReadRequest& request, const PageRequest& page,
                                const std::stop_token& stop, std::string& sequential) {
  if (const auto reason = why_not_parallel(connection, request)) return sequential = *reason, std::vector<std::string>();
  if (!request.token.empty()) return {};  // its places are the parts
  std::vector<std::string> parts = plan_partitions(connection, services, page, request.parallel, stop);
  if (parts.size() > 1) return parts;
  sequential = "connector '" + connection.manifest().name + "' does not divide this listing";
  return {};
}

/// Columns that are asked for and read for the sake of conditions alone, if not all are.
void add_columns_for(const std::vector<Condition>& conditions, ReadRequest& request, std::vector<std::string>& hidden) {
  if (request.columns.empty()) return;
  for (const Condition& condition : conditions) {
    if (std::find(request.columns.begin(), request.columns.end(), condition.field) != request.columns.end()) continue;
    request.columns.push_back(condition.field);
    hidden.push_back(condition.field);
  }
}

}  // namespace

SplitConditions split_conditions(const Connection& connection, const EntityInfo& entity, const ReadRequest& request) {
  SplitConditions result;
  const bool can_any = connection.manifest().can_push_down("filter");
  std::vector<Condition> all;
  try {
    all = parse_conditions(request.filter);
  } catch (const Error& error) {
    throw refused(connection, entity, error.category, error.detail, error.message).with_hint(error.hint);
  }
  for (Condition& condition : all) {
    const bool pushed = can_any && entity.can_filter(condition.field, condition.op());
    (pushed ? result.pushed : result.local).push_back(std::move(condition));
  }
  return result;
}

EntityReader read_entity(const std::shared_ptr<Connection>& connection, ReadRequest request, std::stop_token stop) {
  EntityReader reader;
  reader.entity = connection->entity(request.entity, stop);
  check_request(*connection, reader.entity, request);
  reader.services = std::make_shared<CallServices>(connection, request.entity, "read");

  PageReaderOptions options;
  options.connection_id = connection->id();
  options.entity = request.entity;
  options.key = reader.entity.key;
  SplitConditions conditions = split_conditions(*connection, reader.entity, request);
  std::vector<std::string> hidden;
  add_columns_for(conditions.local, request, hidden);
  const auto asked = [&](const std::string& column) {
    return request.columns.empty() || std::find(request.columns.begin(), request.columns.end(), column) != request.columns.end();
  };
  // Records are told apart by their key: it is asked for too, where the schema keeps it from becoming a column.
  std::vector<std::string> columns = request.columns;
  options.key_in_pages = !reader.entity.schema.fields.empty() || std::all_of(options.key.begin(), options.key.end(), asked);
  if (options.key_in_pages) std::copy_if(options.key.begin(), options.key.end(), std::back_inserter(columns), std::not_fn(asked));
  options.columns = columns_for(*connection, reader.entity, request);
  options.columns.hidden = std::move(hidden);
  const bool selects = !conditions.local.empty();
  options.columns.conditions = std::move(conditions.local);
  options.start = request.token;
  options.limit = request.limit;
  options.changes = request.changes;
  options.fetch.prefetch = request.prefetch;
  options.fetch.max_bytes = request.max_bytes;
  options.fetch.parallel = request.parallel;
  options.fetch.ordered = request.ordered;
  options.fetch.group = connection->id();
  if (ConcurrencyLimiter* limiter = connection->guard().concurrency()) {
    options.fetch.in_flight_limit = [connection, limiter] { return std::size_t{limiter->metrics().limit}; };
  }
  options.on_failure = [services = reader.services](const Error& error) { services->report(error); };

  PageRequest page;
  page.entity = request.entity;
  page.properties = reader.entity.properties;
  if (!request.cursor.empty()) {
    std::erase_if(page.properties, [](const auto& property) { return property.first == "cursor"; });
    page.properties.emplace_back("cursor", request.cursor);
  }
  page.columns = std::move(columns);
  page.filter = to_json(conditions.pushed);
  page.raw_filter = std::move(request.raw_filter);
  page.order = std::move(request.order);
  page.lower = std::move(request.modified_after);
  // A limit is a smaller page, not an end that the source is told: after an end there would be nothing from which to go on. How many
  // records have to be looked at for it is not known where conditions are left to us.
  page.page_size = request.page_size;
  constexpr std::int64_t usual_page = 1000;
  if (!selects && request.limit > 0 && request.limit < (page.page_size > 0 ? page.page_size : usual_page)) page.page_size = request.limit;
  page.count = request.count;
  page.changes = request.changes;
  // What is within the first page is not fetched ahead of.
  if (!selects && request.limit >= 0)
    options.fetch.prefetch = request.limit <= page.page_size ? 0 : std::min<std::size_t>(request.prefetch, 1);

  const auto open = [connection, services = reader.services, page](const std::string& partition) {
    return loader_of(connection, services, page, partition);
  };
  try {
    if (request.parallel > 1) {
      options.partitions = divide(*connection, *reader.services, request, page, stop, reader.sequential);
      // Several places of a listing that was divided before are read side by side, any single one page by page.
      if (!reader.sequential.empty()) {
        options.fetch.parallel = 1;
        reader.services->log(LogLevel::warning,
                             "read one page at a time, not " + std::to_string(request.parallel) + ": " + reader.sequential);
      }
    }
    reader.pages = std::make_unique<PageReader>(open, std::move(options));
  } catch (Error& error) {
    error.connection_id = connection->id();
    error.entity = reader.entity.name;
    throw;
  }
  return reader;
}

}  // namespace switchgear

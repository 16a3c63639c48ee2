#include "switchgear/paging/entity_reader.hpp"

#include <algorithm>
#include <utility>

#include "switchgear/base/error.hpp"

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

/// The asked columns, in the asked order. Without a declared schema they are taken from what the pages hold.
std::optional<Schema> schema_for(const Connection& connection, const EntityInfo& entity, const std::vector<std::string>& columns) {
  if (entity.schema.fields.empty()) return std::nullopt;
  if (columns.empty()) return entity.schema;
  Schema schema;
  for (const std::string& name : columns) {
    const Field* field = entity.schema.find(name);
    if (field == nullptr) {
      const auto known = field_names(entity.schema);
      throw refused(connection, entity, Category::config, "column",
                    "'" + entity.name + "' has no column '" + name + "'" + did_you_mean(name, known))
          .with_hint("entities() lists the columns");
    }
    if (schema.find(name) == nullptr) schema.fields.push_back(*field);
  }
  return schema;
}

void check_request(const Connection& connection, const EntityInfo& entity, const ReadRequest& request) {
  const Manifest& manifest = connection.manifest();
  const auto demand = [&](std::string_view what, bool asked) {
    if (!asked || manifest.can_push_down(what)) return;
    throw refused(connection, entity, Category::unsupported, "pushdown",
                  "connector '" + manifest.name + "' cannot ask its source for '" + std::string(what) + "'")
        .with_hint("read without it, and select in pandas, polars or DuckDB");
  };
  demand("filter", !request.filter.empty());
  demand("raw_filter", !request.raw_filter.empty());
  demand("order", !request.order.empty());
  if (!request.modified_after.empty() && entity.cursor.empty() && request.cursor.empty()) {
    throw refused(connection, entity, Category::config, "cursor", "'" + entity.name + "' has no cursor field by which to ask for changes")
        .with_hint("name one: cursor=\"ChangedAt\"");
  }
}

}  // namespace

EntityReader read_entity(const std::shared_ptr<Connection>& connection, ReadRequest request, std::stop_token stop) {
  EntityReader reader;
  reader.entity = connection->entity(request.entity, stop);
  check_request(*connection, reader.entity, request);
  reader.services = std::make_shared<CallServices>(connection, request.entity, "read");

  PageReaderOptions options;
  options.connection_id = connection->id();
  options.entity = request.entity;
  options.key = reader.entity.key;
  options.key_in_pages = request.columns.empty() || std::all_of(options.key.begin(), options.key.end(), [&](const std::string& field) {
                           return std::find(request.columns.begin(), request.columns.end(), field) != request.columns.end();
                         });
  options.schema = schema_for(*connection, reader.entity, request.columns);
  options.projected = !request.columns.empty();
  options.start = request.token;
  options.limit = request.limit;
  options.prefetch = request.limit < 0 ? request.prefetch : 1;
  options.max_bytes = request.max_bytes;

  PageRequest page;
  page.entity = request.entity;
  page.properties = reader.entity.properties;
  if (!request.cursor.empty()) {
    std::erase_if(page.properties, [](const auto& property) { return property.first == "cursor"; });
    page.properties.emplace_back("cursor", request.cursor);
  }
  page.columns = std::move(request.columns);
  page.filter = std::move(request.filter);
  page.raw_filter = std::move(request.raw_filter);
  page.order = std::move(request.order);
  page.lower = std::move(request.modified_after);
  // A limit is a smaller page, not an end that the source is told: after an end there would be nothing from which to go on.
  page.page_size = request.page_size;
  constexpr std::int64_t usual_page = 1000;
  if (request.limit > 0 && request.limit < (page.page_size > 0 ? page.page_size : usual_page)) page.page_size = request.limit;
  page.count = request.count;

  auto session = std::make_shared<std::optional<SessionLease>>();
  auto load = [connection, services = reader.services, session, page](const std::string& token, const std::stop_token& stopped) mutable {
    if (!*session) session->emplace(connection->lease(stopped));
    page.token = token;
    CallContext call{*services, stopped, connection->clock(), {}};
    try {
      return (**session)->read_page(page, call);
    } catch (const Error& error) {
      if (error.category == Category::plugin) (*session)->discard();
      Error named = error;
      named.connection_id = connection->id();
      named.entity = page.entity;
      throw named;
    }
  };
  try {
    reader.pages = std::make_unique<PageReader>(std::move(load), std::move(options));
  } catch (Error& error) {
    error.connection_id = connection->id();
    error.entity = reader.entity.name;
    throw;
  }
  return reader;
}

}  // namespace switchgear

// Reads an entity of an OData service from C++, without Python: counts its records and shows its columns.
// And syncs all of them into PostgreSQL, by an ADBC driver that is given by its path.
// usage: cpp_host CONNECTOR_FOLDER                        lists the connectors, running none of their code
//        cpp_host CONNECTOR_FOLDER SERVICE_URL ENTITY     reads
//        cpp_host CONNECTOR_FOLDER SERVICE_URL sync STORE DRIVER DATABASE_URL
//   Basic authentication: SERVICE_USER and SERVICE_PASSWORD in the environment.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <switchgear/base/error.hpp>
#include <switchgear/connection/connection.hpp>
#include <switchgear/connector/registry.hpp>
#include <switchgear/http/auth.hpp>
#include <switchgear/paging/entity_reader.hpp>
#include <switchgear/store/connections.hpp>
#include <switchgear/sync/adbc_destination.hpp>
#include <switchgear/sync/engine.hpp>

namespace {

void list(const switchgear::ConnectorRegistry& registry) {
  for (const auto& found : registry.list()) {
    if (found.problem) {
      std::cout << found.path << ": unusable: " << found.problem->describe() << '\n';
      continue;
    }
    std::cout << found.manifest->name << ' ' << found.manifest->version << '\n';
    for (const auto& key : found.manifest->config) {
      std::cout << "  " << key.name << ": " << key.type << (key.default_value ? ", default " + *key.default_value : "") << '\n';
    }
  }
}

std::shared_ptr<switchgear::Connection> connect(const switchgear::ConnectorRegistry& registry, const std::string& url) {
  switchgear::ConnectionConfig config;
  config.id = "plant";
  config.config_json = R"({"url": ")" + url + R"("})";
  if (const char* user = std::getenv("SERVICE_USER")) {
    config.redactor = std::make_shared<switchgear::Redactor>();
    config.auth = std::make_shared<switchgear::BasicAuth>(user, switchgear::Secret::env("SERVICE_PASSWORD"), config.redactor);
  }
  return switchgear::Connection::open(registry.load("odata"), config);
}

void read(const switchgear::ConnectorRegistry& registry, const std::string& url, const std::string& entity) {
  const auto connection = connect(registry, url);

  switchgear::ReadRequest request;
  request.entity = entity;
  const switchgear::EntityReader reader = switchgear::read_entity(connection, request);
  while (const auto page = reader.pages->next()) {
    // page->batch is an Arrow struct array: batch.array() and batch.schema() are the C data interface.
  }
  for (const auto& field : reader.pages->schema().fields) std::cout << field.name << ": " << to_string(field.type) << '\n';
  std::cout << reader.pages->stats().records << " records in " << reader.pages->stats().pages << " pages\n";
}

bool sync(const switchgear::ConnectorRegistry& registry, const std::string& url, const std::string& store_url, const std::string& driver,
          const std::string& database_url) {
  switchgear::Store store(store_url);
  const auto connection = connect(registry, url);
  switchgear::ConnectionStore connections(store);
  if (!connections.find(connection->id())) {
    switchgear::StoredConnection stored;
    stored.id = connection->id();
    stored.connector = "odata";
    connections.add(stored);
  }
  switchgear::SyncRequest request;
  for (const auto& entity : connection->entities()) {
    switchgear::EntityPlan plan;
    plan.entity = entity.name;
    plan.mode = entity.key.empty() ? switchgear::SyncMode::replace : switchgear::SyncMode::upsert;
    request.entities.push_back(plan);
  }
  const switchgear::DestinationSource destination{
      "postgresql", false, [&] {
        return switchgear::open_adbc_destination(
            {switchgear::SqlDialect::postgresql, driver, "AdbcDriverInit", {{"uri", database_url}}, "postgresql"});
      }};
  const switchgear::Run run = switchgear::SyncEngine(store).run(connection, destination, request, {});
  for (const auto& entity : run.entities)
    std::cout << entity.entity << ": " << to_string(entity.state) << ", " << entity.counts.written << " written " << entity.error << '\n';
  return run.state == switchgear::RunState::completed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4 && argc != 7) {
    std::cerr << "usage: cpp_host CONNECTOR_FOLDER [SERVICE_URL ENTITY | SERVICE_URL sync STORE DRIVER DATABASE_URL]\n";
    return 2;
  }
  try {
    const switchgear::ConnectorRegistry registry({{argv[1], "command line"}});
    if (argc == 7) return sync(registry, argv[2], argv[4], argv[5], argv[6]) ? 0 : 1;
    if (argc == 2) {
      list(registry);
    } else {
      read(registry, argv[2], argv[3]);
    }
    return 0;
  } catch (const switchgear::Error& error) {
    std::cerr << error.describe() << '\n';
    return 1;
  }
}

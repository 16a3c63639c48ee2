// Reads an entity of an OData service from C++, without Python: counts its records and shows its columns.
// usage: cpp_host CONNECTOR_FOLDER                        lists the connectors, running none of their code
//        cpp_host CONNECTOR_FOLDER SERVICE_URL ENTITY     reads
#include <iostream>
#include <string>
#include <switchgear/base/error.hpp>
#include <switchgear/connection/connection.hpp>
#include <switchgear/connector/registry.hpp>
#include <switchgear/paging/entity_reader.hpp>

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

void read(const switchgear::ConnectorRegistry& registry, const std::string& url, const std::string& entity) {
  switchgear::ConnectionConfig config;
  config.config_json = R"({"url": ")" + url + R"("})";
  const auto connection = switchgear::Connection::open(registry.load("odata"), config);

  switchgear::ReadRequest request;
  request.entity = entity;
  const switchgear::EntityReader reader = switchgear::read_entity(connection, request);
  while (const auto page = reader.pages->next()) {
    // page->batch is an Arrow struct array: batch.array() and batch.schema() are the C data interface.
  }
  for (const auto& field : reader.pages->schema().fields) std::cout << field.name << ": " << to_string(field.type) << '\n';
  std::cout << reader.pages->stats().records << " records in " << reader.pages->stats().pages << " pages\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::cerr << "usage: cpp_host CONNECTOR_FOLDER [SERVICE_URL ENTITY]\n";
    return 2;
  }
  try {
    const switchgear::ConnectorRegistry registry({{argv[1], "command line"}});
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

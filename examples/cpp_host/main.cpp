// Lists the connectors of a folder, and what each has to be configured with, without running any of their code.
// usage: cpp_host FOLDER
#include <iostream>
#include <switchgear/base/error.hpp>
#include <switchgear/connector/registry.hpp>

namespace {

void show(const switchgear::FoundConnector& found) {
  if (found.problem) {
    std::cout << found.path << ": unusable: " << found.problem->describe() << '\n';
    return;
  }
  std::cout << found.manifest->name << ' ' << found.manifest->version << '\n';
  for (const auto& key : found.manifest->config) {
    std::cout << "  " << key.name << ": " << key.type << (key.default_value ? ", default " + *key.default_value : "") << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: cpp_host FOLDER\n";
    return 2;
  }
  try {
    const switchgear::ConnectorRegistry registry({{argv[1], "command line"}});
    for (const auto& found : registry.list()) show(found);
    return 0;
  } catch (const switchgear::Error& error) {
    std::cerr << error.describe() << '\n';
    return 1;
  }
}

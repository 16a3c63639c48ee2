// The documentation's examples are what is built and what is accepted.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "switchgear/connector/manifest.hpp"

namespace switchgear {
namespace {

std::string source(const std::string& path) {
  std::ifstream file(std::string(TEST_SOURCES) + "/" + path);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

std::string block(const std::string& text, const std::string& language) {
  const std::string fence = "```" + language + "\n";
  const auto begin = text.find(fence);
  if (begin == std::string::npos) return {};
  return text.substr(begin + fence.size(), text.find("```", begin + fence.size()) - begin - fence.size());
}

TEST(Docs, TheExampleConnectorIsTheOneThatIsBuilt) {
  const std::string example = block(source("docs/connectors.md"), "cpp");
  ASSERT_FALSE(example.empty());
  EXPECT_EQ(example, source("tests/plugins/acme_cmms/connector.cpp"));
}

TEST(Docs, TheCatalogIsAccepted) {
  const auto entities = parse_catalog(block(source("docs/connectors.md"), "json"), "docs");
  ASSERT_EQ(entities.size(), 1U);
  EXPECT_EQ(entities[0].schema.fields.size(), 4U);
}

}  // namespace
}  // namespace switchgear

#include "switchgear/connector/registry.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fake_services.hpp"

namespace switchgear {
namespace {

namespace fs = std::filesystem;

class Registry : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "switchgear-registry-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string copy(const std::string& file, const std::string& as) const {
    const fs::path to = folder_ / as;
    fs::create_directories(to.parent_path());
    fs::copy_file(std::string(TEST_CONNECTORS) + "/" + file, to);
    return to.string();
  }
  ConnectorPlace place(const std::string& name, const std::string& origin) const { return {(folder_ / name).string(), origin}; }

  fs::path folder_;
};

TEST_F(Registry, TakesTheNameFromTheManifestAndTheFirstPlaceWins) {
  const std::string first = copy("variant_good.so", "a/some_file.so");
  const std::string second = copy("variant_good.so", "b/variant.so");
  copy("throwing.so", "b/t.so");
  copy("variant_no_manifest.so", "b/helper.so");
  std::ofstream(folder_ / "b" / "notes.txt") << "no library";
  const ConnectorRegistry registry({place("a", "SWITCHGEAR_PLUGIN_PATH"), place("missing", "user"), place("b", "bundled")});

  const auto found = registry.list();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].path, first);
  EXPECT_EQ(found[0].origin, "SWITCHGEAR_PLUGIN_PATH");
  EXPECT_EQ(found[0].shadowed_by, "");
  EXPECT_EQ(found[1].manifest->name, "throwing");
  EXPECT_EQ(found[2].path, second);
  EXPECT_EQ(found[2].shadowed_by, first);
  EXPECT_EQ(registry.load("variant")->path(), fs::canonical(first).string());
}

TEST_F(Registry, FindsASingleFileAndAPath) {
  const std::string file = copy("variant_good.so", "x.so");
  EXPECT_EQ(ConnectorRegistry({{file, "entry point acme"}}).load("variant")->manifest().name, "variant");
  EXPECT_EQ(ConnectorRegistry({}).load(file)->manifest().name, "variant");
  EXPECT_EQ(error_of([] { ConnectorRegistry({}).load("./not_there.so"); }).code(), "plugin.library");
}

TEST_F(Registry, ABrokenFileStaysAloneAndIsNamed) {
  copy("variant_good.so", "a/good.so");
  std::ofstream(folder_ / "a" / "broken.so") << "This is a text, and no library.";
  const ConnectorRegistry registry({place("a", "bundled")});
  const auto found = registry.list();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FALSE(found[0].manifest.has_value());
  EXPECT_NE(found[0].problem->message.find("does not begin as an ELF file does"), std::string::npos);
  EXPECT_EQ(registry.load("variant")->manifest().name, "variant");
  EXPECT_NE(error_of([&] { registry.load("other"); }).message.find("broken.so"), std::string::npos);
}

TEST_F(Registry, AnUnknownNameNamesEveryPlaceAndTheNearestName) {
  copy("acme_cmms.so", "a/acme.so");
  const ConnectorRegistry registry({place("a", "bundled"), place("nowhere", "user")});
  const Error error = error_of([&] { registry.load("acme_cms"); });
  EXPECT_EQ(error.code(), "config.connector");
  EXPECT_NE(error.message.find("did you mean 'acme_cmms'?"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find((folder_ / "a").string() + " (bundled)"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find((folder_ / "nowhere").string() + " (user, does not exist)"), std::string::npos) << error.message;
}

TEST_F(Registry, LooksInTheOrderOfTheDocumentation) {
  ::setenv("SWITCHGEAR_PLUGIN_PATH", "/one::/two", 1);
  ::setenv("XDG_DATA_HOME", "/data", 1);
  auto places = ConnectorRegistry::default_places({{"/three/x.so", "entry point x"}}, "/five");
  std::vector<std::string> paths;
  for (const ConnectorPlace& one : places) paths.push_back(one.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"/one", "/two", "/three/x.so", "/data/switchgear/connectors", "/five"}));

  ::unsetenv("SWITCHGEAR_PLUGIN_PATH");
  ::setenv("XDG_DATA_HOME", "relative", 1);
  const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  ::setenv("HOME", "/home/anna", 1);
  places = ConnectorRegistry::default_places({}, "");
  ASSERT_EQ(places.size(), 1U);
  EXPECT_EQ(places[0].path, "/home/anna/.local/share/switchgear/connectors");
  ::setenv("HOME", home.c_str(), 1);
  ::unsetenv("XDG_DATA_HOME");
}

}  // namespace
}  // namespace switchgear

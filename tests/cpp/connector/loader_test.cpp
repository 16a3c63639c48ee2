#include "switchgear/connector/loader.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fake_services.hpp"

namespace switchgear {
namespace {

namespace fs = std::filesystem;

const std::string built = TEST_CONNECTORS;

class Loader : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "switchgear-loader-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string copy(const std::string& file, const std::string& as) const {
    const fs::path to = folder_ / as;
    fs::create_directories(to.parent_path());
    fs::copy_file(built + "/" + file, to, fs::copy_options::overwrite_existing);
    ::chmod(to.c_str(), 0755);
    return to.string();
  }

  fs::path folder_;
};

void expect_refused(const std::string& path, const std::string& code, const std::string& reason) {
  const Error error = error_of([&] { load_connector(path); });
  EXPECT_EQ(error.code(), code) << error.message;
  EXPECT_NE(error.message.find(reason), std::string::npos) << error.message;
  EXPECT_NE(error.message.find(fs::path(path).filename().string()), std::string::npos) << error.message;
  EXPECT_FALSE(error.hint.empty()) << error.message;
}

TEST_F(Loader, LoadsALibraryOnceWhateverPathLeadsToIt) {
  const std::string path = copy("variant_good.so", "good.so");
  fs::create_symlink(path, folder_ / "link.so");
  fs::create_hard_link(path, folder_ / "hard.so");
  const auto plugin = load_connector(path);
  EXPECT_EQ(plugin->manifest().name, "variant");
  EXPECT_EQ(plugin->path(), fs::canonical(path).string());
  EXPECT_EQ(load_connector(folder_ / "link.so"), plugin);
  EXPECT_EQ(load_connector(folder_ / "hard.so"), plugin);
  EXPECT_EQ(load_connector(folder_ / "." / "good.so"), plugin);
}

TEST_F(Loader, NamesWhatIsWrongWithTheLibrary) {
  expect_refused(built + "/variant_other_magic.so", "plugin.abi", "is not one of switchgear's");
  expect_refused(built + "/variant_other_major.so", "plugin.abi", "built for connector ABI 2.3, this is 1.3");
  expect_refused(built + "/variant_no_entry.so", "plugin.abi", "does not export sg_connector_entry");
  expect_refused(built + "/variant_null_table.so", "plugin.abi", "returned nothing and did not say why");
  expect_refused(built + "/variant_tiny_table.so", "plugin.abi", "has 24 bytes, at least 64 are needed");
  expect_refused(built + "/variant_no_open.so", "plugin.abi", "no function to open a session");
  expect_refused(built + "/variant_no_manifest.so", "plugin.manifest", "no section .sgmanifest");
  expect_refused(built + "/variant_other_manifest.so", "plugin.manifest", "is not what its section .sgmanifest says");
  expect_refused(built + "/not_there.so", "plugin.library", "can't be found");
}

TEST_F(Loader, PassesOnWhyAConnectorRefuses) {
  const Error error = error_of([] { load_connector(built + "/variant_explained_refusal.so"); });
  EXPECT_EQ(error.category, Category::config);
  EXPECT_EQ(error.message, "the vendor's licence file is missing");
}

TEST_F(Loader, SaysWhatTheDynamicLinkerSays) {
  // The same library with the name of a library that it needs overwritten by one that does not exist.
  const std::string path = copy("acme_cmms.so", "needs.so");
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const auto at = bytes.find("libc.so.6");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 9, "libq.so.6");
  std::ofstream(path, std::ios::binary) << bytes;
  expect_refused(path, "plugin.load", "libq.so.6: cannot open shared object file");
}

TEST_F(Loader, RefusesWhatOthersCanWrite) {
  const std::string file = copy("variant_good.so", "open_file/x.so");
  ::chmod(file.c_str(), 0757);
  expect_refused(file, "plugin.unsafe", "can be written by everybody");

  const std::string inside = copy("variant_good.so", "open_folder/x.so");
  fs::create_symlink(inside, folder_ / "x.so");
  ::chmod((folder_ / "open_folder").c_str(), 01777);
  expect_refused(inside, "plugin.unsafe", "open_folder can be written by everybody");
  EXPECT_NE(error_of([&] { load_connector(folder_ / "x.so"); }).message.find("open_folder can be written by everybody"), std::string::npos);

  const std::string deep = copy("variant_good.so", "open_above/inner/x.so");
  ::chmod((folder_ / "open_above").c_str(), 0777);
  EXPECT_EQ(error_of([&] { load_connector(deep); }).code(), "plugin.unsafe");
  ::chmod((folder_ / "open_above").c_str(), 01777);  // as /tmp: others can't rename what is not theirs
  EXPECT_NO_THROW(load_connector(deep));
}

TEST_F(Loader, RefusesWhatBelongsToAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const std::string file = copy("variant_good.so", "x.so");
  ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
  expect_refused(file, "plugin.unsafe", "belongs to user 12345");
  ASSERT_EQ(::chown(file.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(folder_.c_str(), 12345, 12345), 0);
  EXPECT_EQ(error_of([&] { load_connector(file); }).code(), "plugin.unsafe");
}

TEST_F(Loader, HoldsALibraryToItsPinnedDigest) {
  const std::string path = copy("variant_good.so", "pinned.so");
  const std::string digest = file_sha256(path);
  EXPECT_EQ(digest.size(), 64U);
  std::ofstream(folder_ / "abc") << "abc";
  EXPECT_EQ(file_sha256(folder_ / "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, B.1
  EXPECT_NO_THROW(load_connector(path, digest));
  const Error error = error_of([&] { load_connector(path, std::string(64, '0')); });
  EXPECT_EQ(error.code(), "plugin.pin");
  EXPECT_NE(error.message.find(digest), std::string::npos);
}

TEST_F(Loader, DoesNotRunOldCodeForAReplacedFile) {
  const std::string path = copy("variant_good.so", "replaced.so");
  load_connector(path);
  fs::remove(path);
  copy("throwing.so", "replaced.so");
  expect_refused(path, "plugin.replaced", "was replaced after it had been loaded");
}

TEST_F(Loader, InspectsWithoutLoading) {
  EXPECT_EQ(inspect_connector(built + "/throwing.so").name, "throwing");
  EXPECT_EQ(inspect_connector(built + "/variant_null_table.so").version, "1.0.0");
  EXPECT_EQ(error_of([] { inspect_connector(built + "/variant_no_manifest.so"); }).code(), "plugin.manifest");
}

}  // namespace
}  // namespace switchgear

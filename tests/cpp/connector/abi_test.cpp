#include "switchgear/sdk/abi.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

namespace switchgear {
namespace {

// Tables are appended to, never changed: these numbers stay for as long as the major version does.
TEST(Abi, LayoutOfMajorVersion1IsFrozen) {
  EXPECT_EQ(sizeof(sg_abi), 8U);
  EXPECT_EQ(sizeof(sg_str), 16U);
  EXPECT_EQ(sizeof(sg_pair), 32U);
  EXPECT_EQ(sizeof(sg_buf), 32U);
  EXPECT_EQ(sizeof(sg_auth), 40U);
  EXPECT_EQ(sizeof(sg_record), 48U);
  EXPECT_EQ(offsetof(sg_error, message), 56U);
  EXPECT_EQ(offsetof(sg_error, request_id), 1592U);
  EXPECT_EQ(offsetof(sg_request, flags), 136U);
  EXPECT_EQ(offsetof(sg_response, release), 88U);
  EXPECT_EQ(offsetof(sg_host, free), 72U);
  EXPECT_EQ(offsetof(sg_open_request, n_config), 32U);
  EXPECT_EQ(offsetof(sg_read_request, flags), 200U);
  EXPECT_EQ(offsetof(sg_read_request, parts), 208U) << "1.0 ended here";
  EXPECT_EQ(offsetof(sg_page, release), 200U);
  EXPECT_EQ(offsetof(sg_page, next_fields), 208U) << "1.0 ended here";
  EXPECT_EQ(offsetof(sg_page, back), 240U);
  EXPECT_EQ(offsetof(sg_page, offset), 256U);
  EXPECT_EQ(offsetof(sg_page, overlap), 264U);
  EXPECT_EQ(offsetof(sg_batch, report), 104U);
  EXPECT_EQ(offsetof(sg_connector, open), 24U);
  EXPECT_EQ(offsetof(sg_connector, write_batch), 64U);
  EXPECT_EQ(offsetof(sg_connector, close), 72U);
}

std::set<std::string> exports_of(const std::string& library) {
  const std::string command = "nm -D --defined-only -P '" + library + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  std::set<std::string> names;
  std::array<char, 1024> line{};
  while (pipe && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
    const std::string text(line.data());
    names.insert(text.substr(0, text.find(' ')));
  }
  return names;
}

TEST(Abi, AConnectorShowsItsTwoExportsAndNothingElse) {
  const std::set<std::string> expected = {"sg_connector_abi", "sg_connector_entry"};
  const std::string folder = TEST_CONNECTORS;
  EXPECT_EQ(exports_of(folder + "/acme_cmms.so"), expected);
  EXPECT_EQ(exports_of(folder + "/throwing.so"), expected);
  EXPECT_EQ(exports_of(folder + "/variant_good.so"), expected);
  if (std::filesystem::exists(folder + "/libcxx/acme_cmms.so")) {
    EXPECT_EQ(exports_of(folder + "/libcxx/acme_cmms.so"), expected);
  }
}

}  // namespace
}  // namespace switchgear

#include "batch.hpp"

#include <gtest/gtest.h>

#include "switchgear/sdk/error.hpp"

namespace switchgear::odata {
namespace {

std::string refused(std::string_view body) {
  try {
    parse_batch_reply(body, 1);
    return "nothing";
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.category, sdk::Category::protocol);
    return error.what();
  }
}

TEST(ODataBatch, PartsAreTakenByTheirIds) {
  const auto parts = parse_batch_reply(
      R"({"responses":[{"id":"2","status":400,"body":{"error":{"code":"X"}}},{"id":0,"status":204},{"id":"7","status":200},{"id":"x","status":200}]})",
      3);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].status, 204);
  EXPECT_EQ(parts[1].status, 0) << "missing";
  EXPECT_EQ(parts[2].body, R"({"error":{"code":"X"}})");
}

TEST(ODataBatch, WhatIsNoReplyIsRefused) {
  for (const char* body : {"", "[]", "{}", R"({"responses":{}})", "<html>"})
    EXPECT_NE(refused(body).find("list of responses"), std::string::npos) << body;
  EXPECT_NE(refused(R"({"responses":[{"id":"0"}]})").find("without a status"), std::string::npos);
  EXPECT_NE(refused(R"({"responses":[{"id":"0","status":99999999999}]})").find("the status"), std::string::npos);
  const std::string deep = R"({"responses":[{"id":"0","status":400,"body":)" + std::string(1'000'000, '[');
  EXPECT_NE(refused(deep).find("nests deeper"), std::string::npos);
  EXPECT_EQ(refused(R"({"responses":[{"id":"0","status":400,"body":"[[[[\"[[ }"}]})"), "nothing") << "brackets in texts count for nothing";
}

TEST(ODataBatch, KeysCanNotLeaveTheirPlaceInTheUrl) {
  const auto texts = [](const char* text) { return sg_str{text, std::char_traits<char>::length(text)}; };
  const sg_pair one[] = {{texts("key"), texts(R"(["ID"])")}, {texts("types"), texts(R"({"ID":"Edm.String"})")}};
  const sdk::Entity entity(texts("Assets"), one, 2);
  EXPECT_EQ(record_path(entity, "Assets", "a/b'c?d"), "Assets(%27a%2Fb%27%27c%3Fd%27)");
  const sg_pair two[] = {{texts("key"), texts(R"(["asset","n"])")}, {texts("types"), texts(R"({"asset":"Edm.String","n":"Edm.Int32"})")}};
  const sdk::Entity composite(texts("Readings"), two, 2);
  EXPECT_EQ(record_path(composite, "Readings", R"(["A",7])"), "Readings(asset=%27A%27,n=7)");
  for (const char* wrong : {"", "A", R"(["A"])", R"(["A","x"])"})
    EXPECT_THROW(record_path(composite, "Readings", wrong), sdk::Error) << wrong;
}

}  // namespace
}  // namespace switchgear::odata

#include <gtest/gtest.h>

#include "switchgear/http/classify.hpp"

namespace switchgear {
namespace {

HttpRequest post() {
  return {.method = "POST", .url = "https://plant.example/odata/v4/$batch", .headers = {}, .body = {}, .idempotency_key = {}};
}

std::string code_of(const std::optional<Error>& error) { return error ? error->code() : "ok"; }

std::string item(std::string_view json) { return code_of(classify_item(post(), json)); }

std::vector<std::string> bulk(std::string_view body) {
  HttpResponse response;
  response.status = 200;
  response.body = Buffer(body);
  std::vector<std::string> codes;
  for (const auto& verdict : classify_bulk(post(), response)) codes.push_back(code_of(verdict));
  return codes;
}

using Codes = std::vector<std::string>;

TEST(ClassifyBulk, ODataBatchHasAStatusForEachPart) {
  EXPECT_EQ(bulk(R"({"responses":[
    {"id":"1","status":201,"headers":{},"body":{"ID":7,"status":"404"}},
    {"id":"2","status":412,"body":{"error":{"code":"412","message":"changed meanwhile"}}},
    {"id":"3","status":424,"body":{"error":{"code":"424","message":"failed dependency"}}},
    {"id":"4","status":429,"headers":{"Retry-After":"5"},"body":{}},
    {"id":"5","status":204,"body":null}]})"),
            (Codes{"ok", "conflict.precondition", "bad_request.dependency", "rate_limit", "ok"}));
}

TEST(ClassifyBulk, AnItemKeepsItsOwnHeadersAndMessage) {
  const auto error =
      classify_item(post(), R"({"id":"4","status":429,"headers":{"retry-after":"5"},"body":{"error":{"code":"X1","message":"slow"}}})");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->retry_after, std::chrono::seconds(5));
  EXPECT_NE(error->message.find("slow"), std::string::npos);
  EXPECT_EQ(error->http_status, 429);
}

TEST(ClassifyBulk, OneFailureFailsItsWholeGroup) {
  EXPECT_EQ(bulk(R"({"responses":[
    {"id":"1","atomicityGroup":"g1","status":201,"body":{"ID":1}},
    {"id":"2","atomicityGroup":"g1","status":400,"body":{"error":{"code":"ASSERT_RANGE","message":"Value 9 is not in range"}}},
    {"id":"3","atomicityGroup":"g2","status":201,"body":{"ID":3}},
    {"id":"4","status":201,"body":{"ID":4}}]})"),
            (Codes{"bad_request.rolled_back", "bad_request", "ok", "ok"}));
}

TEST(ClassifyBulk, MaximoSays200ForAllAndTheTruthInside) {
  EXPECT_EQ(bulk(R"([
    {"_responsedata":{"Error":{"reasonCode":"BMXAA4191E","message":"BMXAA4191E - The value X is not valid","statusCode":"400"}},"_responsemeta":{"status":"400"}},
    {"_responsedata":{"href":"oslc/os/mxapiwo/_ABC"},"_responsemeta":{"status":"201","Location":"x"}},
    {"_responsedata":{"Error":{"reasonCode":"BMXAA8229W","message":"updated by another user"}},"_responsemeta":{"status":"400"}},
    {"_responsemeta":{"status":"204"}}])"),
            (Codes{"bad_request", "ok", "conflict.precondition", "ok"}));
}

TEST(ClassifyBulk, BareMessagesAmongIdsAreRefusals) {
  EXPECT_EQ(
      bulk(
          R"([{"id":17},{"message":"Asset is required"},{"id":18,"message":"created"},{"error":{"message":"no"}},{"success":false,"message":"x"}])"),
      (Codes{"ok", "bad_request", "ok", "bad_request", "bad_request"}));
}

TEST(ClassifyBulk, ARecordsOwnStatusIsNoVerdict) {
  EXPECT_EQ(item(R"({"id":1,"name":"pump","status":500})"), "ok");
  EXPECT_EQ(item(R"({"id":1,"wonum":"1001","status":"404","description":"x"})"), "ok");
  EXPECT_EQ(item(R"({"status":404})"), "not_found");
}

TEST(ClassifyBulk, WhatIsNotAListGoesToClassify) {
  EXPECT_TRUE(bulk(R"({"value":[]})").empty());
  EXPECT_TRUE(bulk("not json").empty());
  EXPECT_TRUE(bulk("").empty());
  EXPECT_EQ(item("{broken"), "protocol");
  EXPECT_EQ(item("[1,\"text\"]"), "ok");
  EXPECT_EQ(item("null"), "ok");
}

}  // namespace
}  // namespace switchgear

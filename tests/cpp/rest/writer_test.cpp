// Writing as the connector is shipped, with the source played by a function.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fake_services.hpp"
#include "switchgear/connector/loader.hpp"

namespace switchgear {
namespace {

using Json = nlohmann::json;

struct Opened {
  Opened(const std::string& writes, FakeServices::Source source)
      : services(std::move(source)),
        plugin(load_connector(REST_CONNECTOR)),
        session(plugin->open("plant", plugin->manifest().checked_config(config(writes)), call)),
        entity(parse_catalog(session->discover(call), "rest").at(0)) {}

  static std::string config(const std::string& writes) {
    const std::string description =
        "name = \"p\"\nurl = \"http://127.0.0.1:9/api\"\n[errors]\nmessage = [\"/error/message\"]\ncode = [\"/error/code\"]\n"
        "categories = { GONE = \"not_found\" }\n[[entities]]\nname = \"a\"\npath = \"/a\"\nkey = [\"id\"]\n"
        "paging = { style = \"none\" }\n[[entities.writes]]\n" +
        writes;
    return Json{{"description", description}}.dump();
  }

  std::vector<WriteOutcome> write(const std::string& op, int count, bool atomic = false) {
    std::vector<WriteRecord> records;
    for (int i = 1; i <= count; ++i) {
      const std::string number = std::to_string(i);
      records.push_back({"key-" + number, number, R"({"id":)" + number + R"(,"cost":12345678901234567890.10})"});
    }
    return session->write_batch("a", entity.properties, op, records, atomic, call);
  }
  const HttpRequest& last() const { return services.requests.back(); }

  FakeServices services;
  CallContext call{services};
  std::shared_ptr<Plugin> plugin;
  std::unique_ptr<Session> session;
  EntityInfo entity;
};

FakeServices::Source always(int status, std::string body) {
  return [status, body = std::move(body)](const HttpRequest&) { return FakeServices::reply(status, body); };
}

constexpr const char* bulk = R"(op = "upsert"
method = "POST"
path = "/bulk"
body = "records"
wrap = "/data/items"
most = 4
results = "/results"
error = "/error"
)";

TEST(RestWriter, ARecordGoesOutAsItIs) {
  Opened rest("op = \"upsert\"\nmethod = \"PUT\"\npath = \"/a/{id}\"\nwrap = \"/record\"\n", always(200, "{}"));
  EXPECT_EQ(rest.write("upsert", 1)[0].state, WriteOutcome::State::ok);
  EXPECT_EQ(rest.last().method, "PUT");
  EXPECT_EQ(rest.last().url, "http://127.0.0.1:9/api/a/1");
  EXPECT_EQ(rest.last().body, R"({"record":{"id":1,"cost":12345678901234567890.10}})") << "with every digit";
  Opened changes("op = \"update\"\nmethod = \"PATCH\"\npath = \"/a/{key}\"\nbody = \"changes\"\n", always(204, ""));
  EXPECT_EQ(changes.write("update", 1)[0].state, WriteOutcome::State::ok);
  EXPECT_EQ(changes.last().body, R"({"cost":12345678901234567890.10})");
}

TEST(RestWriter, IdempotencyKeysAreTextsInQuotesOrOfTheSourcesOwnHeader) {
  const std::string create = "op = \"create\"\nmethod = \"POST\"\npath = \"/a\"\n";
  Opened standard(create + "idempotency_header = \"idempotency-key\"\n", always(201, "{}"));
  standard.write("create", 1);
  EXPECT_EQ(standard.last().idempotency_key, "\"key-1\"");
  Opened own(create + "idempotency_header = \"transactionid\"\n", always(201, "{}"));
  own.write("create", 1);
  EXPECT_EQ(own.last().headers.get("transactionid"), "key-1");
  EXPECT_EQ(own.last().idempotency_key, "");
  Opened none(create, always(201, "{}"));
  none.write("create", 1);
  EXPECT_EQ(none.last().idempotency_key, "");
}

TEST(RestWriter, AGoodStatusIsNoSuccessByItself) {
  const std::string create = "op = \"create\"\nmethod = \"POST\"\npath = \"/a\"\n";
  const auto outcome = [&](const std::string& more, int status, const char* body) {
    return Opened(create + more, always(status, body)).write("create", 1)[0];
  };
  EXPECT_EQ(outcome("statuses = [201]\n", 202, "{}").error.value().code(), "protocol.status");
  const WriteOutcome bare = outcome("key = \"/id\"\n", 201, R"({"error":{"message":"no such plant","code":"GONE"}})");
  EXPECT_EQ(bare.state, WriteOutcome::State::failed);
  EXPECT_EQ(bare.error.value().code(), "not_found");
  EXPECT_EQ(bare.error.value().message, "GONE: no such plant");
  EXPECT_EQ(outcome("error = \"/error\"\n", 200, R"({"error":"out of range"})").error.value().message, "out of range");
  EXPECT_EQ(outcome("error = \"/error\"\n", 200, R"({"error":null})").state, WriteOutcome::State::ok);
  EXPECT_EQ(outcome("error = \"/error\"\n", 200, "{").state, WriteOutcome::State::failed);
}

TEST(RestWriter, EachRecordOfABulkRequestHasItsResult) {
  Opened rest(bulk, [](const HttpRequest& request) {
    const Json items = Json::parse(request.body)["data"]["items"];
    Json results = Json::array();
    for (const Json& record : items) results.push_back(record["id"] == 3 ? Json{{"error", {{"message", "bad"}}}} : Json::object());
    return FakeServices::reply(200, Json{{"results", results}}.dump());
  });
  const auto outcomes = rest.write("upsert", 6);
  EXPECT_EQ(rest.services.requests.size(), 2U);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    EXPECT_EQ(outcomes[i].state, i == 2 ? WriteOutcome::State::failed : WriteOutcome::State::ok) << i;
  EXPECT_EQ(outcomes[2].error.value().message, "bad");
}

TEST(RestWriter, ResultsThatDoNotMatchLeaveTheRecordsUnknown) {
  for (const char* body : {R"({"results":[{}]})", "{}", R"({"results":17})", "<html>"}) {
    for (const WriteOutcome& outcome : Opened(bulk, always(200, body)).write("upsert", 3)) {
      EXPECT_EQ(outcome.state, WriteOutcome::State::unknown) << body;
      EXPECT_EQ(outcome.error.value().code(), "protocol.results") << body;
    }
  }
}

TEST(RestWriter, ARequestThatIsRefusedForOneRecordIsHalved) {
  Opened rest(bulk, [](const HttpRequest& request) {
    const Json items = Json::parse(request.body)["data"]["items"];
    for (const Json& record : items)
      if (record["id"] == 2) return FakeServices::reply(400, "no");
    return FakeServices::reply(200, Json{{"results", Json(items.size(), Json::object())}}.dump());
  });
  const auto outcomes = rest.write("upsert", 4);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    EXPECT_EQ(outcomes[i].state, i == 1 ? WriteOutcome::State::failed : WriteOutcome::State::ok) << i;
}

TEST(RestWriter, WhatCanNotBeIsRefused) {
  Opened rest(bulk, always(200, "{}"));
  EXPECT_EQ(error_of([&] { rest.write("upsert", 2, true); }).code(), "unsupported.atomic");
  EXPECT_TRUE(rest.services.requests.empty());
  EXPECT_EQ(error_of([&] { Opened(std::string(bulk) + "idempotency_header = \"Idempotency-Key\"\n", always(200, "{}")); }).code(),
            "config.description");
}

}  // namespace
}  // namespace switchgear

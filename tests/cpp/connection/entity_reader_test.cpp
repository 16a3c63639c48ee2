#include "switchgear/paging/entity_reader.hpp"

#include <gtest/gtest.h>

#include "fake_transport.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

/// Acme's API: `pages` pages of two work orders.
std::shared_ptr<FakeTransport> acme_api(int pages) {
  return std::make_shared<FakeTransport>([pages](const HttpRequest& request) {
    const auto at = request.url.find("cursor=");
    const int page = at == std::string::npos ? 0 : std::stoi(request.url.substr(at + 7));
    const std::string number = std::to_string(page);
    const std::string next = page + 1 < pages ? R"(,"meta":{"next":")" + std::to_string(page + 1) + R"("})" : "";
    return FakeTransport::reply(200, R"({"data":[{"wo":")" + number + R"(a","n":1},{"wo":")" + number + R"(b","n":2}])" + next + "}");
  });
}

ReadRequest request() {
  ReadRequest result;
  result.entity = "work_orders";
  return result;
}

TEST(EntityReader, ReadsThroughTheConnectorPageByPage) {
  ManualClock clock;
  const auto transport = acme_api(5);
  EntityReader reader = read_entity(acme(transport, clock), request());
  std::int64_t records = 0;
  while (const auto page = reader.pages->next()) records += page->batch.length();
  EXPECT_EQ(records, 10);
  EXPECT_EQ(reader.services->counters().attempts, 5U);
  EXPECT_NE(transport->requests().at(0).url.find("limit=200"), std::string::npos);
  EXPECT_EQ(transport->requests().at(0).url.find("cursor="), std::string::npos) << "an empty value is left out";
}

TEST(EntityReader, GoesOnInAnotherConnection) {
  ManualClock clock;
  std::string token;
  {
    EntityReader reader = read_entity(acme(acme_api(5), clock), request());
    reader.pages->next();
    token = reader.pages->next()->token;
  }
  ReadRequest rest = request();
  rest.token = token;
  EntityReader reader = read_entity(acme(acme_api(5), clock), rest);
  std::int64_t records = 0;
  while (const auto page = reader.pages->next()) records += page->batch.length();
  EXPECT_EQ(records, 6);
}

TEST(EntityReader, RefusesWhatTheConnectorCannotAsk) {
  ManualClock clock;
  const auto connection = acme(acme_api(1), clock);
  const auto code_of = [&](ReadRequest asked) {
    try {
      read_entity(connection, std::move(asked));
    } catch (const Error& error) {
      EXPECT_EQ(error.connection_id, "plant");
      EXPECT_FALSE(error.hint.empty()) << error.describe();
      return error.code();
    }
    return std::string("none");
  };
  ReadRequest filtered = request();
  filtered.filter = R"([["n","=",1]])";
  EXPECT_EQ(code_of(filtered), "unsupported.pushdown");
  ReadRequest unknown = request();
  unknown.entity = "workorders";
  EXPECT_EQ(code_of(unknown), "not_found.entity");
  ReadRequest foreign = request();
  foreign.token = R"({"v":1,"entity":"assets","token":"x"})";
  EXPECT_EQ(code_of(foreign), "config.token");
}

TEST(EntityReader, ASourcesErrorCarriesConnectionAndEntity) {
  ManualClock clock;
  const auto denied = std::make_shared<FakeTransport>([](const HttpRequest&) { return FakeTransport::reply(403, R"({"error":"no"})"); });
  EntityReader reader = read_entity(acme(denied, clock), request());
  try {
    reader.pages->next();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category, Category::permission);
    EXPECT_EQ(error.connection_id + "/" + error.entity, "plant/work_orders");
  }
}

TEST(EntityReader, AThrowingConnectorIsAPluginErrorAndTheNextReadGoesOn) {
  for (const char* kind : {"exception", "int"}) {
    ConnectionConfig config;
    config.id = "bad";
    config.config_json = R"({"place": "read", "kind": ")" + std::string(kind) + "\"}";
    config.transport = acme_api(1);
    const auto connection = Connection::open(load_connector(THROWING_CONNECTOR), std::move(config));
    ReadRequest things;
    things.entity = "things";
    for (int round = 0; round < 2; ++round) {
      EntityReader reader = read_entity(connection, things);
      try {
        reader.pages->next();
        FAIL() << kind;
      } catch (const Error& error) {
        EXPECT_EQ(error.category, Category::plugin) << error.describe();
        EXPECT_EQ(error.connection_id, "bad");
      }
    }
  }
}

}  // namespace
}  // namespace switchgear

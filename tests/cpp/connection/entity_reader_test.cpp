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

std::vector<std::string> work_orders(EntityReader& reader) {
  std::vector<std::string> found;
  while (const auto page = reader.pages->next()) {
    const Schema schema = from_arrow_schema(*page->batch.schema());
    const ::ArrowArray& column = *page->batch.array()->children[schema.find("wo") - schema.fields.data()];
    const auto* offsets = static_cast<const std::int32_t*>(column.buffers[1]) + column.offset;
    for (std::int64_t row = 0; row < page->batch.length(); ++row)
      found.emplace_back(static_cast<const char*>(column.buffers[2]) + offsets[row],
                         static_cast<std::size_t>(offsets[row + 1] - offsets[row]));
  }
  return found;
}

using Names = std::vector<std::string>;

TEST(EntityReader, ConditionsThatTheSourceCannotBeAskedForAreAppliedHere) {
  ManualClock clock;
  const auto transport = acme_api(4);
  ReadRequest asked = request();
  asked.filter = R"([["n", "=", 2], ["wo", "!=", "1b"]])";
  EntityReader reader = read_entity(acme(transport, clock), asked);
  EXPECT_EQ(work_orders(reader), (Names{"0b", "2b", "3b"}));
  const PageStats stats = reader.pages->stats();
  EXPECT_EQ(stats.pages, 4U);
  EXPECT_EQ(stats.records, 3U);
  EXPECT_EQ(stats.filtered, 5U);
  EXPECT_EQ(transport->requests().size(), 4U);
}

TEST(EntityReader, AColumnThatOnlyAConditionNeedsIsNotShown) {
  ManualClock clock;
  ReadRequest asked = request();
  asked.columns = {"wo"};
  asked.filter = R"([["n", ">", 1]])";
  EntityReader reader = read_entity(acme(acme_api(3), clock), asked);
  ASSERT_EQ(reader.pages->schema().find("n"), nullptr);
  const auto first = reader.pages->next();
  ASSERT_TRUE(first);
  const Schema schema = from_arrow_schema(*first->batch.schema());
  EXPECT_EQ(schema, from_arrow_schema(*reader.pages->arrow_schema()));
  EXPECT_EQ(first->batch.array()->n_children, static_cast<std::int64_t>(schema.fields.size()));
  EXPECT_EQ(work_orders(reader), (Names{"1b", "2b"}));
}

TEST(EntityReader, ALimitCountsWhatTheConditionsLeave) {
  ManualClock clock;
  ReadRequest asked = request();
  asked.filter = R"([["n", "=", 2]])";
  asked.limit = 2;
  EntityReader reader = read_entity(acme(acme_api(5), clock), asked);
  EXPECT_EQ(work_orders(reader), (Names{"0b", "1b"}));
  asked.token = reader.pages->token();
  asked.limit = -1;
  EntityReader rest = read_entity(acme(acme_api(5), clock), asked);
  EXPECT_EQ(work_orders(rest), (Names{"2b", "3b", "4b"}));
}

TEST(EntityReader, PagesOfWhichNothingIsLeftArePassedAndAreNoEndlessListing) {
  ManualClock clock;
  ReadRequest asked = request();
  asked.filter = R"([["wo", "=", "1499a"]])";
  EntityReader reader = read_entity(acme(acme_api(1500), clock), asked);
  const auto page = reader.pages->next();
  ASSERT_TRUE(page);
  EXPECT_EQ(page->batch.length(), 1);
  EXPECT_EQ(reader.pages->stats().pages, 1500U);
  EXPECT_FALSE(reader.pages->next());
}

TEST(EntityReader, AConditionOnNoColumnOrOfAnotherTypeIsRefused) {
  ManualClock clock;
  const auto code_of = [&](const std::string& filter) {
    ReadRequest asked = request();
    asked.filter = filter;
    try {
      EntityReader reader = read_entity(acme(acme_api(2), clock), asked);
      reader.pages->next();
    } catch (const Error& error) {
      EXPECT_EQ(error.connection_id + "/" + error.entity, "plant/work_orders");
      return error.code() + ": " + error.message;
    }
    return std::string("none");
  };
  EXPECT_NE(code_of(R"([["m", "=", 1]])").find("config.where: the condition m = 1 is about a column that there is not"), std::string::npos);
  EXPECT_NE(code_of(R"([["n", "=", "many"]])").find("does not fit the column 'n'"), std::string::npos);
  EXPECT_EQ(code_of(R"([["n", "like", 1]])").substr(0, 12), "config.where");
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
  ReadRequest raw = request();
  raw.raw_filter = "n eq 1";
  EXPECT_EQ(code_of(raw), "unsupported.pushdown");
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

// From a server on a socket to columns: the sandbox, libcurl, the connector's shared library, the page reader.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sandbox_process.hpp"
#include "switchgear/connector/loader.hpp"
#include "switchgear/http/classify.hpp"
#include "switchgear/http/transport.hpp"
#include "switchgear/paging/page_reader.hpp"

namespace switchgear {
namespace {

/// Requests go out as they are: no retry, no breaker, so that each fault is seen.
class BareServices final : public HostServices {
 public:
  HttpResponse send(const HttpRequest& request, const std::vector<SecretUse>&, std::stop_token stop) override {
    last_ = request;
    ++requests;
    return transport_->send(request, stop);
  }
  std::optional<Error> classify(const HttpResponse& response) override { return switchgear::classify(last_, response); }
  std::string secret(const std::string&) override { return {}; }
  void log(LogLevel, std::string_view message) override { lines.emplace_back(message); }

  int requests = 0;
  std::vector<std::string> lines;

 private:
  std::unique_ptr<Transport> transport_ = make_curl_transport({});
  HttpRequest last_;
};

class Plant {
 public:
  explicit Plant(const std::string& url)
      : plugin_(load_connector(ODATA_CONNECTOR)),
        session_(plugin_->open("plant", plugin_->manifest().checked_config("{\"url\": \"" + url + "\"}"), call_)) {}

  void check() { session_->check(call_); }

  std::vector<EntityInfo> entities() { return parse_catalog(session_->discover(call_), "catalog"); }

  EntityInfo entity(const std::string& name) {
    for (EntityInfo& each : entities())
      if (each.name == name) return each;
    throw std::runtime_error("no entity " + name);
  }

  std::unique_ptr<PageReader> reader(const EntityInfo& entity, PageRequest request = {}, const std::string& start = "") {
    request.entity = entity.name;
    request.properties = entity.properties;
    PageReaderOptions options;
    options.entity = entity.name;
    options.start = start;
    options.columns.schema = entity.schema;
    options.columns.projected = !request.columns.empty();
    options.limit = request.limit;
    if (options.columns.projected)
      std::erase_if(options.columns.schema->fields, [&](const Field& field) {
        return std::find(request.columns.begin(), request.columns.end(), field.name) == request.columns.end();
      });
    return std::make_unique<PageReader>(
        [this, request](const std::string& token, const std::stop_token&) {
          PageRequest page = request;
          page.token = token;
          page.limit = token.empty() ? request.limit : -1;
          return session_->read_page(page, call_);
        },
        options);
  }

  BareServices services;

 private:
  CallContext call_{services};
  std::shared_ptr<Plugin> plugin_;
  std::unique_ptr<Session> session_;
};

std::vector<std::int64_t> numbers(const Page& page, const std::string& field) {
  const auto& schema = *page.batch.schema();
  const auto& array = *page.batch.array();
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    if (schema.children[i]->name != field) continue;
    const ::ArrowArray& column = *array.children[i];
    const auto* values = static_cast<const std::int64_t*>(column.buffers[1]) + column.offset + array.offset;
    return {values, values + page.batch.length()};
  }
  throw std::runtime_error("no column " + field);
}

struct Listing {
  std::vector<std::int64_t> ids;
  std::optional<std::int64_t> total;
  PageStats stats;
};

Listing read_all(PageReader& reader, const std::string& field) {
  Listing listing;
  while (const std::optional<Page> page = reader.next()) {
    for (const std::int64_t id : numbers(*page, field)) listing.ids.push_back(id);
    if (page->total) listing.total = page->total;
  }
  listing.stats = reader.stats();
  return listing;
}

std::vector<std::int64_t> counted(std::int64_t last) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 1; i <= last; ++i) numbers.push_back(i);
  return numbers;
}

TEST(ODataSandbox, ChecksAndDescribesTheService) {
  const SandboxProcess sandbox({"--records", "100"});
  Plant plant(sandbox.odata());
  plant.check();
  const auto entities = plant.entities();
  ASSERT_EQ(entities.size(), 5U);
  EXPECT_EQ(entities[0].name, "WorkOrders");
  EXPECT_EQ(entities[0].key, std::vector<std::string>{"ID"});
  EXPECT_EQ(entities[0].cursor, "ChangedAt");
  const Field* location = entities[0].schema.find("Location");
  ASSERT_NE(location, nullptr);
  EXPECT_EQ(location->type, DataType::structure);
  EXPECT_EQ(entities[0].schema.find("ActualCost")->scale, 4);
  EXPECT_EQ(entities[4].key, (std::vector<std::string>{"OrderNo", "Line"}));
  EXPECT_TRUE(plant.services.lines.empty());
}

TEST(ODataSandbox, ReadsEveryRecordOnceInDeclaredTypes) {
  const SandboxProcess sandbox({"--records", "2500", "--page-size", "1000"});
  Plant plant(sandbox.odata());
  PageRequest request;
  request.count = true;
  request.page_size = 300;
  const Listing listing = read_all(*plant.reader(plant.entity("WorkOrders"), request), "ID");
  EXPECT_EQ(listing.ids, counted(2500));
  EXPECT_EQ(listing.total, 2500);
  EXPECT_EQ(listing.stats.pages, 9U) << "the page size is asked for";
  EXPECT_EQ(listing.stats.rescued, 0U) << "all values are of the types that $metadata says";
  for (const EntityInfo& entity : plant.entities()) {
    const auto reader = plant.reader(entity);
    while (reader->next()) {
    }
    EXPECT_GT(reader->stats().records, 0U) << entity.name;
    EXPECT_EQ(reader->stats().rescued, 0U) << entity.name;
  }
}

TEST(ODataSandbox, FollowsAbsoluteLinksUnderTheServersOtherName) {
  const SandboxProcess sandbox({"--records", "2500", "--absolute-links"});
  std::string url = sandbox.odata();
  Plant plant(url.replace(url.find("127.0.0.1"), 9, "localhost"));
  EXPECT_EQ(read_all(*plant.reader(plant.entity("WorkOrders")), "ID").ids, counted(2500));
}

TEST(ODataSandbox, LetsTheServiceFilter) {
  const SandboxProcess sandbox({"--records", "2500"});
  Plant plant(sandbox.odata());
  const EntityInfo orders = plant.entity("WorkOrders");
  const auto found = [&](const std::string& filter, const std::string& lower = "", const std::string& upper = "") {
    PageRequest request;
    request.filter = filter;
    request.lower = lower;
    request.upper = upper;
    request.columns = {"ID", "Priority"};
    return read_all(*plant.reader(orders, request), "ID").ids;
  };
  std::set<std::int64_t> by_priority;
  for (const char* priority : {"1", "2", "3", "4", "5"}) {
    const auto ids = found(std::string(R"([["Priority","=",)") + priority + "]]");
    EXPECT_GT(ids.size(), 0U);
    by_priority.insert(ids.begin(), ids.end());
  }
  EXPECT_EQ(by_priority.size(), 2500U) << "every record has one of the priorities";
  EXPECT_EQ(found(R"([["ID","in",[7,2499,99999]]])"), (std::vector<std::int64_t>{7, 2499}));
  EXPECT_EQ(found(R"([["ID",">",2490],["ID","<=",2495]])"), (std::vector<std::int64_t>{2491, 2492, 2493, 2494, 2495}));
  EXPECT_TRUE(found(R"([["Title","=","O'Neil' or ID ge 0 or Title eq '"]])").empty()) << "a text stays a text";
  const std::size_t until = found("", "", "2026-02-01").size();
  const std::size_t from = found("", "2026-02-01").size();
  const std::size_t after = found(R"([["ChangedAt",">","2026-02-01"]])").size();
  EXPECT_GT(from, after) << "some changed at that very moment, and the bound is inclusive";
  EXPECT_EQ(until + after, 2500U);
}

TEST(ODataSandbox, GoesOnFromATokenInAnotherReader) {
  const SandboxProcess sandbox({"--records", "2500"});
  std::string token;
  {
    Plant plant(sandbox.odata());
    const auto reader = plant.reader(plant.entity("WorkOrders"));
    ASSERT_TRUE(reader->next());
    token = reader->token();
  }
  Plant plant(sandbox.odata());
  const Listing rest = read_all(*plant.reader(plant.entity("WorkOrders"), {}, token), "ID");
  ASSERT_EQ(rest.ids.size(), 1500U);
  EXPECT_EQ(rest.ids.front(), 1001);
  EXPECT_EQ(rest.ids.back(), 2500);
}

TEST(ODataSandbox, ALimitEndsTheListing) {
  const SandboxProcess sandbox({"--records", "2500"});
  Plant plant(sandbox.odata());
  PageRequest request;
  request.limit = 1200;
  EXPECT_EQ(read_all(*plant.reader(plant.entity("WorkOrders"), request), "ID").ids, counted(1200));
}

struct FaultCase {
  const char* fault;
  const char* code;
  std::size_t records_before;
};

class ODataSandboxFault : public testing::TestWithParam<FaultCase> {};

TEST_P(ODataSandboxFault, IsNamedAfterThePagesBeforeIt) {
  const SandboxProcess sandbox({"--records", "5000", "--fault", GetParam().fault});
  Plant plant(sandbox.odata());
  const auto reader = plant.reader(plant.entity("WorkOrders"));
  std::size_t records = 0;
  try {
    while (const std::optional<Page> page = reader->next()) records += static_cast<std::size_t>(page->batch.length());
    FAIL() << "the listing ended with " << records << " records";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), GetParam().code) << error.describe();
    EXPECT_EQ(records, GetParam().records_before);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ODataSandboxFault,
                         testing::Values(FaultCase{"login_page:entity=WorkOrders,page=3", "auth_expired", 2000},
                                         FaultCase{"rate_limit:entity=WorkOrders,page=2,retry_after=2", "rate_limit", 1000},
                                         FaultCase{"error:entity=WorkOrders,page=2,status=503", "unavailable", 1000},
                                         FaultCase{"cut:entity=WorkOrders,page=2,fraction=0.5", "offline.lost", 1000},
                                         FaultCase{"broken_json:entity=WorkOrders,page=3", "protocol.json", 2000},
                                         FaultCase{"foreign_next:entity=WorkOrders,page=2,host=http://192.0.2.1:8000",
                                                   "protocol.foreign_link", 2000},
                                         FaultCase{"repeat_next:entity=WorkOrders,page=2", "protocol.page_loop", 1000}));

}  // namespace
}  // namespace switchgear

// A connector that is part of the program, and gives columns instead of JSON.
#include <gtest/gtest.h>

#include <string_view>

#include "fake_services.hpp"
#include "switchgear/connector/loader.hpp"
#include "switchgear/sdk.hpp"
#include "switchgear/sdk/abi.h"

namespace switchgear {
namespace {

int live_schemas = 0;
int live_arrays = 0;

ArrowSchema make_schema() {
  ArrowSchema schema{};
  schema.format = "+s";
  schema.name = "";
  ++live_schemas;
  schema.release = [](ArrowSchema* self) {
    --live_schemas;
    self->release = nullptr;
  };
  return schema;
}

ArrowArray make_array(std::int64_t length) {
  ArrowArray array{};
  array.length = length;
  ++live_arrays;
  array.release = [](ArrowArray* self) {
    --live_arrays;
    self->release = nullptr;
  };
  return array;
}

class Columns {
 public:
  static constexpr std::string_view manifest = R"({"name":"columns","version":"1","config":{"catalog":"text"}})";

  Columns(const sdk::Config& config, sdk::Call&) : catalog_(config.str("catalog")) {}

  std::string discover(sdk::Call&) { return catalog_; }
  std::string plan(const sdk::Entity& entity, const sdk::Position& at, sdk::Call&) {
    return "[\"" + entity.name + "\",\"" + at.upper + "\",\"" + at.columns.at(1) + "\"]";
  }
  sdk::Page read(const sdk::Entity&, const sdk::Position& at, sdk::Call&) {
    ArrowSchema schema = make_schema();
    ArrowArray array = make_array(at.page_size_or(9));
    sdk::Page page(&schema, &array);
    if (at.partition == "fails") throw sdk::Error(sdk::Category::data, "no such partition");
    return std::move(page).next_token("5").watermark("changed");
  }

 private:
  std::string catalog_;
};

const sg_connector* enter(const sg_host* host, sg_error* error) {
  return sdk::detail::entry<Columns>(host, {Columns::manifest.data(), Columns::manifest.size()}, error);
}

struct LinkedConnector : testing::Test {
  static constexpr sg_abi abi = {SG_ABI_MAGIC, SG_ABI_MAJOR, SG_ABI_MINOR};
  FakeServices services;
  CallContext call{services};
  std::shared_ptr<Plugin> plugin = linked_connector(abi, &enter);
  std::unique_ptr<Session> session = plugin->open("here", {{"catalog", R"({"entities":[]})"}}, call);
};

TEST_F(LinkedConnector, HasNoPathAndSaysWhatItOffers) {
  EXPECT_EQ(plugin->path(), "");
  EXPECT_EQ(plugin->manifest().name, "columns");
  EXPECT_TRUE(plugin->offers("discover"));
  EXPECT_TRUE(plugin->offers("plan"));
  EXPECT_FALSE(plugin->offers("check"));
  EXPECT_FALSE(plugin->offers("write_batch"));
  EXPECT_FALSE(plugin->offers("anything"));
}

TEST_F(LinkedConnector, GivesItsCatalogAndPartitions) {
  EXPECT_EQ(session->discover(call), R"({"entities":[]})");
  PageRequest request;
  request.entity = "orders";
  request.upper = "2026";
  request.columns = {"a", "b"};
  EXPECT_EQ(session->plan(request, call), R"(["orders","2026","b"])");
}

TEST_F(LinkedConnector, ColumnsChangeHandsAndAreReleasedOnce) {
  {
    PageRequest request;
    request.page_size = 7;
    const RawPage page = session->read_page(request, call);
    ASSERT_TRUE(page.batch.has_value());
    EXPECT_EQ(page.batch->array->length, 7);
    EXPECT_STREQ(page.batch->schema->format, "+s");
    EXPECT_EQ(page.next_token, "5");
    EXPECT_EQ(page.watermark, "changed");
    EXPECT_TRUE(page.body.empty());
    EXPECT_EQ(live_schemas, 1);
    EXPECT_EQ(live_arrays, 1);
  }
  EXPECT_EQ(live_schemas, 0);
  EXPECT_EQ(live_arrays, 0);
}

TEST_F(LinkedConnector, APageThatIsNeverGivenReleasesItsColumns) {
  PageRequest request;
  request.partition = "fails";
  EXPECT_EQ(error_of([&] { session->read_page(request, call); }).category, Category::data);
  EXPECT_EQ(live_schemas, 0);
  EXPECT_EQ(live_arrays, 0);
}

TEST(LinkedConnectorOfAnotherMajor, IsRefused) {
  EXPECT_EQ(error_of([] { linked_connector({SG_ABI_MAGIC, SG_ABI_MAJOR + 1, 0}, &enter); }).code(), "plugin.abi");
}

}  // namespace
}  // namespace switchgear

#include "switchgear/connector/manifest.hpp"

#include <gtest/gtest.h>

#include "fake_services.hpp"

namespace switchgear {
namespace {

constexpr const char* full = R"({
  "name": "plant", "version": "1.2.0", "doc": "A plant.", "secrets": ["api_key"],
  "config": {"url": "url", "size": {"type": "int", "default": 200}, "mode": {"type": "text", "default": ""}, "factor": {"type": "float", "required": false},
             "strict": {"type": "bool", "default": true}, "extra": {"type": "json", "default": {"a": [1, 2]}, "doc": "More."}},
  "entities": [{"name": "orders", "path": "/v2/orders", "records": "/data", "key": ["id"], "cursor": "changed", "ops": ["upsert", "delete"], "batch": 25, "expand": ["lines"],
    "fields": [{"name": "id", "type": "int64", "nullable": false}, {"name": "changed", "type": "timestamp", "utc": false}, {"name": "cost", "type": "decimal", "precision": 15, "scale": 2},
               {"name": "tags", "type": "list", "item": {"type": "utf8"}}, {"name": "place", "type": "struct", "fields": [{"name": "site", "type": "utf8"}]}]}]})";

TEST(Manifest, IsReadWhole) {
  const Manifest manifest = Manifest::parse(full, "plant.so");
  EXPECT_EQ(manifest.name, "plant");
  EXPECT_EQ(manifest.secrets, std::vector<std::string>{"api_key"});
  ASSERT_EQ(manifest.config.size(), 6U);
  EXPECT_TRUE(manifest.config[0].required);
  EXPECT_EQ(manifest.config[1].default_value, "200");
  EXPECT_EQ(manifest.config[5].default_value, R"({"a":[1,2]})");
  ASSERT_EQ(manifest.entities.size(), 1U);
  const EntityInfo& orders = manifest.entities[0];
  EXPECT_TRUE(orders.supports("delete"));
  EXPECT_FALSE(orders.supports("create"));
  EXPECT_EQ(orders.key, std::vector<std::string>{"id"});
  const std::vector<std::pair<std::string, std::string>> properties = {
      {"path", "/v2/orders"}, {"records", "/data"},      {"key", R"(["id"])"}, {"cursor", "changed"}, {"ops", R"(["upsert","delete"])"},
      {"batch", "25"},        {"expand", R"(["lines"])"}};
  EXPECT_EQ(orders.properties, properties);
  const Field* cost = orders.schema.find("cost");
  ASSERT_NE(cost, nullptr);
  EXPECT_EQ(cost->type, DataType::decimal);
  EXPECT_EQ(cost->precision, 15);
  EXPECT_EQ(cost->scale, 2);
  EXPECT_FALSE(orders.schema.find("changed")->utc);
  EXPECT_FALSE(orders.schema.find("id")->nullable);
  EXPECT_EQ(orders.schema.find("tags")->children.at(0).type, DataType::utf8);
  EXPECT_EQ(orders.schema.find("place")->children.at(0).name, "site");
}

TEST(Manifest, ComesBackFromItsOwnJson) {
  const Manifest manifest = Manifest::parse(full, "plant.so");
  const Manifest again = Manifest::parse(manifest.to_json(), "again");
  EXPECT_EQ(again.to_json(), manifest.to_json());
  EXPECT_EQ(again.entities[0].schema, manifest.entities[0].schema);
  EXPECT_EQ(again.config[5].default_value, manifest.config[5].default_value);
}

struct Wrong {
  const char* json;
  const char* place;
  const char* problem;
};

class WrongManifest : public testing::TestWithParam<Wrong> {};

TEST_P(WrongManifest, NamesThePlaceAndTheProblem) {
  const Error error = error_of([&] { Manifest::parse(GetParam().json, "x.so"); });
  EXPECT_EQ(error.code(), "plugin.manifest");
  EXPECT_NE(error.message.find(std::string("manifest of x.so: ") + GetParam().place + ": "), std::string::npos) << error.message;
  EXPECT_NE(error.message.find(GetParam().problem), std::string::npos) << error.message;
}

INSTANTIATE_TEST_SUITE_P(
    Each, WrongManifest,
    testing::Values(
        Wrong{"{\"name\": \"x\",", "/", "no valid JSON at byte"}, Wrong{"", "/", "no valid JSON"},
        Wrong{"[]", "/", "expected an object, got a list"}, Wrong{"{\"name\":\"x\xff\"}", "/", "no valid JSON at byte"},
        Wrong{R"({"version":"1"})", "/name", "missing"}, Wrong{R"({"name":"x"})", "/version", "missing"},
        Wrong{R"({"name":1,"version":"1"})", "/name", "expected a text, got a number"},
        Wrong{R"({"name":"X Y","version":"1"})", "/name", "lower-case"},
        Wrong{R"({"name":"x","name":"y","version":"1"})", "/", "'name' stands twice"},
        Wrong{R"({"name":"x","version":"1","entitys":[]})", "/entitys", "did you mean 'entities'?"},
        Wrong{R"({"name":"x","version":"1","secrets":"key"})", "/secrets", "expected a list of texts"},
        Wrong{R"({"name":"x","version":"1","secrets":["auth"]})", "/secrets/0", "keyword of connect()"},
        Wrong{R"({"name":"x","version":"1","config":{"timeout":"int"}})", "/config/timeout", "keyword of connect()"},
        Wrong{R"({"name":"x","version":"1","config":{"rate_limit":"text"}})", "/config/rate_limit", "keyword of connect()"},
        Wrong{R"({"name":"x","version":"1","config":{"Base URL":"url"}})", "/config/Base URL", "lower-case"},
        Wrong{R"({"name":"x","version":"1","config":{"a":"itn"}})", "/config/a", "did you mean 'int'?"},
        Wrong{R"({"name":"x","version":"1","config":{"a":{"default":1}}})", "/config/a/type", "missing"},
        Wrong{R"({"name":"x","version":"1","config":{"a":{"type":"int","default":"x"}}})", "/config/a/default", "expected int"},
        Wrong{R"({"name":"x","version":"1","config":{"a":{"type":"int","defualt":1}}})", "/config/a/defualt", "did you mean 'default'?"},
        Wrong{R"({"name":"x","version":"1","config":{"a":{"type":"int","default":1,"required":true}}})", "/config/a/required",
              "can't be required"},
        Wrong{R"({"name":"x","version":"1","secrets":["a"],"config":{"a":"int"}})", "/config/a", "secret as well"},
        Wrong{R"({"name":"x","version":"1","entities":[{"key":["a"]}]})", "/entities/0/name", "missing"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a"},{"name":"a"}]})", "/entities/1/name", "named twice"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a","key":"id"}]})", "/entities/0/key", "expected a list"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a","keys":["id"]}]})", "/entities/0/keys", "did you mean 'key'?"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a","key":["id","id"]}]})", "/entities/0/key/1", "named twice"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a","ops":["upset"]}]})", "/entities/0/ops/0", "did you mean 'upsert'?"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a","fields":[{"name":"b","type":"int46"}]}]})", "/entities/0/fields/0/type",
              "did you mean 'int64'?"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a","fields":[{"name":"b","type":"list"}]}]})", "/entities/0/fields/0/item",
              "missing"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a","fields":[{"name":"b","type":"utf8","scale":1}]}]})",
              "/entities/0/fields/0/scale", "only a field of type decimal"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a","fields":[{"name":"b","type":"decimal","precision":39}]}]})",
              "/entities/0/fields/0/precision", "from 1 to 38"},
        Wrong{R"({"name":"x","version":"1","entities":[{"name":"a","cursor":"chnged","fields":[{"name":"changed","type":"utf8"}]}]})",
              "/entities/0/cursor", "did you mean 'changed'?"}));

TEST(Manifest, IsRefusedWhenNestedWithoutEnd) {
  const std::string deep =
      R"({"name":"x","version":"1","entities":[{"name":"a","p":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}]}";
  EXPECT_NE(error_of([&] { Manifest::parse(deep, "x.so"); }).message.find("nested deeper"), std::string::npos);
}

using Settings = std::vector<std::pair<std::string, std::string>>;

TEST(Config, IsCheckedAndFilledIn) {
  const Manifest manifest = Manifest::parse(full, "plant.so");
  EXPECT_EQ(manifest.checked_config(R"({"url":"https://h/a"})"),
            (Settings{{"url", "https://h/a"}, {"size", "200"}, {"mode", ""}, {"strict", "true"}, {"extra", R"({"a":[1,2]})"}}));
  EXPECT_EQ(manifest.checked_config(R"({"url":"https://h/a","size":"7","factor":1.5,"strict":false,"extra":null,"mode":"m"})"),
            (Settings{{"url", "https://h/a"}, {"size", "7"}, {"mode", "m"}, {"factor", "1.5"}, {"strict", "false"}, {"extra", "null"}}));
}

TEST(Config, SaysWhatIsWrong) {
  const Manifest manifest = Manifest::parse(full, "plant.so");
  const auto problem = [&](const char* json) {
    const Error error = error_of([&] { manifest.checked_config(json); });
    EXPECT_EQ(error.category, Category::config) << error.message;
    return error.message;
  };
  EXPECT_EQ(problem("{}"), "connector 'plant': it needs 'url' (url)");
  EXPECT_EQ(problem(R"({"url":null})"), "connector 'plant': it needs 'url' (url)");
  EXPECT_EQ(problem(R"({"url":"https://h","sise":1})"), "connector 'plant': it has no setting 'sise', did you mean 'size'?");
  EXPECT_EQ(problem(R"({"url":"https://h","size":1.5})"), "connector 'plant': 'size' is 1.5, not of type int");
  EXPECT_EQ(problem(R"({"url":"https://h","size":true})"), "connector 'plant': 'size' is true, not of type int");
  EXPECT_EQ(problem(R"({"url":"https://h","size":99999999999999999999})"), "connector 'plant': 'size' is 1e+20, not of type int");
  EXPECT_EQ(problem(R"({"url":"https://h","strict":"yes"})"), "connector 'plant': 'strict' is \"yes\", not of type bool");
  EXPECT_EQ(problem(R"({"url":"https://h","factor":"nan"})"), "connector 'plant': 'factor' is \"nan\", not of type float");
  EXPECT_EQ(problem(R"({"url":7})"), "connector 'plant': 'url' is 7, not of type url");
  EXPECT_EQ(problem(R"({"url":"https://h","api_key":"s3cret"})"), "connector 'plant': 'api_key' is a secret, not a setting");
  EXPECT_NE(problem(R"({"url":"not a url"})").find("not a url"), std::string::npos);
  problem("[]");
  problem("{");
}

TEST(Catalog, IsAManifestsEntities) {
  const auto entities =
      parse_catalog(R"({"entities":[{"name":"A","key":["id"],"fields":[{"name":"id","type":"utf8"}],"set":"ASet"}]})", "odata");
  ASSERT_EQ(entities.size(), 1U);
  EXPECT_EQ(entities[0].schema.fields.size(), 1U);
  EXPECT_EQ(entities[0].properties.back(), (std::pair<std::string, std::string>("set", "ASet")));
  EXPECT_NE(error_of([] { parse_catalog("{}", "odata"); }).message.find("catalog of odata: /entities: it is missing"), std::string::npos);
  EXPECT_NE(error_of([] { parse_catalog(R"({"entities":[{"name":""}]})", "odata"); }).message.find("/entities/0/name"), std::string::npos);
}

}  // namespace
}  // namespace switchgear

#include "switchgear/data/json_page.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

JsonPage page(std::string_view text, PagePointers pointers = {"/value", "/@odata.nextLink", {}, {}, {}, "@"}) {
  return JsonPage(Buffer(text), std::move(pointers));
}

/// "code: message" of what reading the text throws.
std::string failure(std::string_view text, PagePointers pointers = {"/value", "/@odata.nextLink", {}, {}, {}, "@"}) {
  try {
    page(text, std::move(pointers));
  } catch (const Error& error) {
    EXPECT_FALSE(error.hint.empty()) << error.describe();
    return error.code() + ": " + error.message;
  }
  return "no error";
}

TEST(JsonPage, FindsWhatThePointersName) {
  const PagePointers pointers{"/d/results", "/d/__next", "/gone", "/delta", "/d/__count", ""};
  JsonPage found =
      page(R"({"delta":"D1","d":{"__count":"17","results":[{"a":1}],"__next":"http://x/?a=1&b=\"q\""},"gone":[{"id":1}]})", pointers);
  EXPECT_EQ(found.next(), "http://x/?a=1&b=\"q\"");
  EXPECT_EQ(found.delta(), "D1");
  EXPECT_EQ(found.total(), 17);
  EXPECT_EQ(found.removed(), R"([{"id":1}])");
}

// Crashed: a text that ends inside a string is refused before there is a document to ask for the place.
TEST(JsonPage, CutInsideAString) {
  EXPECT_NE(failure(R"({"value":[{"a":1},{"a":"tex)").find("cut off"), std::string::npos);
  EXPECT_NE(failure("{\"value").find("broken JSON"), std::string::npos);
}

TEST(JsonPage, TokensOfEveryKind) {
  EXPECT_EQ(page(R"({"value":[],"@odata.nextLink":12})").next(), "12");
  EXPECT_EQ(page(R"({"value":[],"@odata.nextLink":null})").next(), std::nullopt);
  EXPECT_EQ(page(R"({"value":[],"@odata.nextLink":""})").next(), std::nullopt);
  EXPECT_EQ(page(R"({"value":[],"@odata.nextLink":false})").next(), std::nullopt);
  EXPECT_EQ(page(R"({"value":[]})").next(), std::nullopt);
  EXPECT_NE(failure(R"({"value":[],"@odata.nextLink":{"href":"x"}})").find("protocol.token"), std::string::npos);
}

TEST(JsonPage, PointersHaveEscapesAndTheBodyMayBeTheArray) {
  EXPECT_EQ(page(R"({"a/b":{"~x":"t"},"value":[]})", {"/value", "/a~1b/~0x", {}, {}, {}, ""}).next(), "t");
  EXPECT_EQ(page("[]", {"", {}, {}, {}, {}, ""}).next(), std::nullopt);
  EXPECT_NE(failure("[]", {"value", {}, {}, {}, {}, ""}).find("plugin.pointer"), std::string::npos);
}

TEST(JsonPage, AByteOrderMarkIsNoData) { EXPECT_EQ(page("\xEF\xBB\xBF{\"value\":[],\"@odata.nextLink\":\"n\"}").next(), "n"); }

TEST(JsonPage, EachKindOfBadTextIsNamed) {
  EXPECT_EQ(failure(""), "protocol.json: the reply is empty where JSON was expected");
  EXPECT_NE(failure("<!doctype html><title>Sign in</title>").find("protocol.json: the reply is HTML"), std::string::npos);
  EXPECT_NE(failure("{\"value\":[{\"a\":\"\xff\"}]}").find("not valid UTF-8 at byte 16"), std::string::npos);
  EXPECT_NE(failure(R"({"value":[{"a":1},{"a")").find("cut off"), std::string::npos);
  EXPECT_NE(failure(R"({"value":[{"a":1},{"a":2}])").find("protocol.json"), std::string::npos);
  EXPECT_NE(failure(R"({"value":[]} trailing)").find("protocol.json"), std::string::npos);
  EXPECT_NE(failure(R"({"value":[]}{})").find("protocol.json"), std::string::npos);
  EXPECT_NE(failure(R"({"value":[],)").find("protocol.json"), std::string::npos);
  EXPECT_NE(failure(R"({"value" []})").find("protocol.json"), std::string::npos);
  EXPECT_NE(failure("nonsense").find("protocol."), std::string::npos);
}

TEST(JsonPage, RecordsThatAreMissingOrNoArray) {
  EXPECT_NE(failure(R"({"error":{"code":"x"}})").find("no records at '/value'; it begins with '{\"error\""), std::string::npos);
  EXPECT_NE(failure(R"({"value":{"a":1}})").find("protocol.records: '/value' should be the array of records but is '{'"),
            std::string::npos);
  EXPECT_NE(failure(R"({"value":null})").find("but is 'null'"), std::string::npos);
  EXPECT_NE(failure(R"({"value":[]})", {"", {}, {}, {}, {}, ""}).find("should be an array"), std::string::npos);
}

TEST(JsonPage, ASecondArrayOfRecordsIsNotDroppedInSilence) {
  EXPECT_NE(failure(R"({"value":[{"a":1}],"value":[{"a":2}]})").find("protocol.duplicate_key"), std::string::npos);
}

TEST(JsonPage, TheLastRecordsValuesAreTheNextToken) {
  PagePointers pointers{"/value", {}, {}, {}, {}, ""};
  pointers.next_fields = {"/at", "/place/id"};
  EXPECT_EQ(page(R"({"value":[{"at":1,"place":{"id":2}},{"place":{"x":[{}],"id":"7\"\u00df"},"at":1.50}]})", pointers).next(),
            R"([1.50,"7\"\u00df"])");
  EXPECT_EQ(page(R"({"value":[]})", pointers).next(), std::nullopt);
  EXPECT_EQ(page(R"({"value":[{"at":null,"place":{"id":[1]}}]})", pointers).next(), "[null,[1]]");
  for (const char* without : {R"({"value":[{"at":1}]})", R"({"value":[{}]})", R"({"value":[7]})", R"({"value":[{"at":1,"place":3}]})"}) {
    EXPECT_NE(failure(without, pointers).find("protocol.token: the page's last record has nothing at"), std::string::npos) << without;
  }
  EXPECT_NE(failure(R"({"value":[{"at":1x,"place":{"id":2}}]})", pointers).find("protocol.json"), std::string::npos);
  EXPECT_NE(failure(R"({"value":[{"at":1},{"at" 2}]})", pointers).find("protocol.json"), std::string::npos);
}

TEST(JsonPage, WhatSourcesWriteForMore) {
  PagePointers pointers{"/value", "/next", {}, {}, {}, ""};
  pointers.more = "/more";
  const auto more = [&](const std::string& value) { return page(R"({"value":[],"next":"n","more":)" + value + "}", pointers); };
  for (const char* no : {"false", "0", "0.0", "\"\"", "\"-\"", "\"false\"", "\"N\"", "null"}) {
    EXPECT_EQ(more(no).more(), false) << no;
    EXPECT_EQ(more(no).next(), std::nullopt) << no;
  }
  for (const char* yes : {"true", "1", "17", "-1", "\"+\"", "\"true\"", "\"Y\"", "\"more\""}) {
    EXPECT_EQ(more(yes).more(), true) << yes;
    EXPECT_EQ(more(yes).next(), "n") << yes;
  }
  EXPECT_EQ(more("{}").more(), std::nullopt);
  EXPECT_EQ(page(R"({"value":[],"next":"n"})", pointers).next(), "n") << "a pointer that leads nowhere decides nothing";
}

TEST(JsonPage, TellsPagesAndRecordsApart) {
  const PagePointers pointers{"/value", {}, {}, {}, {}, ""};
  const JsonPage some =
      page(R"({"a":1,"value":[{"id":1,"k":"x"},{"k":"y","id":2},{"id":3},{"id":null,"k":"x"},7,{"id":1,"k":"x","b":0}]})", pointers);
  EXPECT_EQ(some.count_records(), 6U);
  EXPECT_EQ(page(R"({"value":[ ]})", pointers).count_records(), 0U);
  const auto keys = some.key_hashes({"id", "k"});
  ASSERT_EQ(keys.size(), 6U);
  EXPECT_EQ(keys[0], keys[5]);
  EXPECT_NE(keys[0], keys[1]);
  EXPECT_EQ(std::vector<std::uint64_t>(keys.begin() + 2, keys.begin() + 5), std::vector<std::uint64_t>(3, 0));
  const auto hash = [&](const std::string& records) { return page(R"({"n":9,"value":)" + records + "}", pointers).records_hash(); };
  EXPECT_EQ(hash(R"([{"id":1}])"), page(R"({"value":[{"id":1}],"next":"other"})", pointers).records_hash());
  EXPECT_NE(hash(R"([{"id":1}])"), hash(R"([{"id":2}])"));
  std::string longer(100, 'x');
  for (std::size_t i = 0; i < longer.size(); ++i) {
    std::string changed = longer;
    changed[i] = 'y';
    EXPECT_NE(hash("[\"" + longer + "\"]"), hash("[\"" + changed + "\"]")) << i;
  }
}

TEST(JsonPage, NestingAMillionDeepIsAnErrorNotACrash) {
  const std::string deep = R"({"x":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + R"(,"value":[]})";
  EXPECT_EQ(page(deep).next(), std::nullopt);  // skipped, not entered
  EXPECT_NE(failure(std::string(1'000'000, '[')).find("protocol"), std::string::npos);
}

}  // namespace
}  // namespace switchgear

#include "switchgear/data/schema_inference.hpp"

#include <gtest/gtest.h>

#include "switchgear/base/error.hpp"
#include "switchgear/data/json_columns.hpp"

namespace switchgear {
namespace {

JsonPage page(std::string_view records) {
  return JsonPage(Buffer("{\"value\":" + std::string(records) + "}"), {"/value", {}, {}, {}, {}, "@"});
}

std::string types_of(const Schema& schema) {
  std::string text;
  for (const Field& field : schema.fields) text += (text.empty() ? "" : " ") + field.name + ":" + type_text(field);
  return text;
}

/// The columns of pages that were all seen before the first was handed over.
std::string inferred(std::vector<std::string_view> pages, bool structures = false) {
  SchemaInference inference({structures, {}, {}});
  for (const std::string_view records : pages) inference.see(page(records));
  return types_of(inference.schema());
}

/// The columns after each page was handed over before the next one was seen.
std::string widened(std::vector<std::string_view> pages, bool structures = false) {
  SchemaInference inference({structures, {}, {}});
  for (const std::string_view records : pages) {
    inference.see(page(records));
    inference.hand_over();
  }
  return types_of(inference.schema());
}

TEST(SchemaInference, TheNarrowestTypeThatHoldsEverything) {
  EXPECT_EQ(
      inferred({R"([
    {"id":1,"n":1,"f":1,"b":true,"t":"x","d":"2026-01-01","ts":"2026-01-01T00:00:00Z","local":"2026-01-01T00:00:00","o":{"a":1},"mixed":1,"nil":null,"big":18446744073709551615,"@odata.etag":"W/1"},
    {"id":2,"n":null,"f":2.5,"b":false,"t":null,"d":"2026-01-02","ts":"2026-01-01T00:00:00+01:00","local":"2026-01-02T00:00:00","o":null,"mixed":"a","nil":null,"late":"2026-13-01"}])"}),
      "id:int64 n:int64 f:float64 b:bool t:utf8 d:date ts:timestamp local:timestamp_local o:json mixed:json nil:json big:uint64 late:utf8");
}

TEST(SchemaInference, NumbersKeepEveryDigit) {
  EXPECT_EQ(inferred({R"([{"a":9007199254740993},{"a":-1}])"}), "a:int64") << "beyond 2^53";
  EXPECT_EQ(inferred({R"([{"a":18446744073709551615},{"a":-1}])"}), "a:decimal(38,0)") << "no one type of 64 bits";
  EXPECT_EQ(inferred({R"([{"a":123456789012345678901234567890}])"}), "a:decimal(38,0)");
  EXPECT_EQ(inferred({R"([{"a":12345678901234567.1234}])"}), "a:decimal(38,4)") << "CAP stored ...570.0000";
  EXPECT_EQ(inferred({R"([{"a":0.1},{"a":0.30000000000000004}])"}), "a:float64") << "17 digits, as doubles are written";
  EXPECT_EQ(inferred({R"([{"a":0.10000000000000001}])"}), "a:decimal(38,17)") << "another number than the nearest double's";
  EXPECT_EQ(inferred({R"([{"a":9007199254740993},{"a":0.5}])"}), "a:decimal(38,1)") << "a double would change the first";
  EXPECT_EQ(inferred({R"([{"a":9007199254740992},{"a":0.5}])"}), "a:float64");
  EXPECT_EQ(inferred({R"([{"a":1e300},{"a":5e-324}])"}), "a:float64");
  EXPECT_EQ(inferred({R"([{"a":1e300},{"a":9007199254740993}])"}), "a:json") << "nothing else holds both";
  EXPECT_EQ(inferred({R"([{"a":1e400}])"}), "a:json");
  EXPECT_EQ(inferred({"[{\"a\":" + std::string(39, '9') + "}]"}), "a:json") << "39 digits";
  EXPECT_EQ(inferred({R"([{"a":1.0},{"a":2e3}])"}), "a:float64") << "written as a fraction";
}

TEST(SchemaInference, NothingIsGuessedFromWhatOnlyLooksLikeIt) {
  EXPECT_EQ(inferred({R"([{"a":1511518000000}])"}), "a:int64") << "epoch milliseconds only where they are declared";
  EXPECT_EQ(inferred({R"([{"a":"12.50"},{"a":"1"}])"}), "a:utf8") << "a decimal as text only where it is declared";
  EXPECT_EQ(inferred({R"([{"a":"NaN"}])"}), "a:utf8");
  EXPECT_EQ(inferred({R"([{"a":NaN},{"a":1.5},{"a":-Infinity}])"}), "a:float64") << "no number tells nothing";
  EXPECT_EQ(inferred({R"([{"a":"/Date(1511518000000+0060)/"}])"}), "a:timestamp");
  EXPECT_EQ(inferred({R"([{"a":"\/Date(1511518000000)\/"}])"}), "a:timestamp_local") << "as V2 services escape it";
}

TEST(SchemaInference, EveryPageCounts) {
  EXPECT_EQ(inferred({"[{\"a\":1}]", "[]", "[{\"a\":1.5,\"b\":true}]"}), "a:float64 b:bool");
  EXPECT_EQ(inferred({R"([{"a":"2026-01-01T00:00:00Z"}])", R"([{"a":"n/a"}])"}), "a:utf8");
  EXPECT_EQ(inferred({R"([{"a":"2026-01-01T00:00:00Z"}])", R"([{"a":"2026-01-01T00:00:00"}])"}), "a:utf8") << "with and without zone";
}

TEST(SchemaInference, WhatWasHandedOverOnlyWidens) {
  EXPECT_EQ(widened({"[{\"a\":1}]", "[{\"a\":18446744073709551615}]"}), "a:uint64");
  EXPECT_EQ(widened({"[{\"a\":-1}]", "[{\"a\":18446744073709551615}]"}), "a:decimal(38,0)");
  EXPECT_EQ(widened({"[{\"a\":1}]", "[{\"a\":0.5}]"}), "a:float64");
  EXPECT_EQ(widened({"[{\"a\":9007199254740993}]", "[{\"a\":0.5}]"}), "a:decimal(38,1)");
  EXPECT_EQ(widened({"[{\"a\":12345678901234567.12}]", "[{\"a\":0.123}]"}), "a:decimal(38,3)");
  EXPECT_EQ(widened({"[{\"a\":0.5}]", "[{\"a\":12345678901234567.12}]"}), "a:json") << "doubles were handed over";
  EXPECT_EQ(widened({"[{\"a\":1}]", "[{\"a\":\"x\"}]"}), "a:json");
  EXPECT_EQ(widened({"[{\"a\":\"2026-01-01\"}]", "[{\"a\":\"soon\"}]"}), "a:utf8");
  EXPECT_EQ(widened({"[{\"a\":\"2026-01-01T02:00:00+02:00\"}]", "[{\"a\":\"soon\"}]"}), "a:timestamp") << "its spelling is gone";
  EXPECT_EQ(widened({"[{\"a\":null}]", "[{\"a\":7}]", "[{\"b\":true}]"}), "a:int64 b:bool") << "what was always null can become anything";
}

TEST(SchemaInference, NumbersOfPagesReadMeanwhileCount) {
  SchemaInference inference;
  inference.see(page("[{\"a\":1}]"));
  inference.hand_over();
  const JsonPage fits = page("[{\"a\":-9007199254740993},{\"a\":null}]");
  JsonColumns columns(inference.schema());
  inference.see(columns.read(fits));
  EXPECT_FALSE(columns.outgrown());
  inference.see(page("[{\"a\":0.5}]"));
  EXPECT_EQ(types_of(inference.schema()), "a:decimal(38,1)") << "a double would change the second page's";
}

TEST(SchemaInference, StructuresAndLists) {
  EXPECT_EQ(inferred({R"([{"o":{"a":1,"b":{"c":"x"}},"l":[1,2.5],"e":[],"n":{}}])"}, true),
            "o:struct<a: int64, b: struct<c: utf8>> l:list<float64> e:list<json> n:json");
  EXPECT_EQ(inferred({R"([{"o":{"a":1}},{"o":[1]},{"l":[{"p":1},{"q":true}]}])"}, true), "o:json l:list<struct<p: int64, q: bool>>");
  EXPECT_EQ(widened({R"([{"o":{"a":1},"e":[]}])", R"([{"o":{"a":0.5,"b":true},"e":[1]}])"}, true),
            "o:struct<a: float64, b: bool> e:list<int64>");
  EXPECT_EQ(widened({R"([{"o":{"a":1}}])", R"([{"o":5}])"}, true), "o:struct<a: int64>") << "can't become text again: rescued";
}

TEST(SchemaInference, AMapWithoutEndIsNoStructure) {
  std::string records = "[{\"o\":{";
  for (int i = 0; i < 5000; ++i) records += (i != 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
  EXPECT_EQ(inferred({records + "}}]"}, true), "o:json");
}

TEST(SchemaInference, DeclaredAndChosenColumns) {
  Field amount = parse_type("amount", "decimal(12,2)");
  SchemaInference declared({false, {amount, parse_type("later", "int64")}, {}});
  declared.see(page(R"([{"id":1,"amount":"x"}])"));
  EXPECT_EQ(types_of(declared.schema()), "id:int64 amount:decimal(12,2) later:int64");
  EXPECT_TRUE(declared.has_seen("amount"));
  EXPECT_FALSE(declared.has_seen("later"));
  SchemaInference chosen({false, {}, {"b", "a"}});
  chosen.see(page(R"([{"a":1,"b":true,"c":"x"}])"));
  EXPECT_EQ(types_of(chosen.schema()), "b:bool a:int64");
}

TEST(TypeText, GoesOutAndComesBack) {
  for (const std::string text : {"bool", "uint64", "decimal(12,3)", "timestamp", "timestamp_local", "epoch_s", "epoch_ms", "json",
                                 "list<decimal(5,1)>", "struct<Site: utf8, Floors: list<struct<No: int64>>>"}) {
    EXPECT_EQ(type_text(parse_type("c", text)), text);
    EXPECT_FALSE(parse_type("c", text).nullable);
    EXPECT_TRUE(parse_type("c", text + " ?").nullable);
  }
}

TEST(TypeText, WhatIsWrongIsNamed) {
  const auto failure = [](const std::string& text) -> std::string {
    try {
      parse_type("Cost", text);
    } catch (const Error& error) {
      EXPECT_FALSE(error.hint.empty());
      return error.code() + ": " + error.message;
    }
    return "no error";
  };
  EXPECT_EQ(failure("flaot64"), "config.schema: the type 'flaot64' of column 'Cost': unknown type 'flaot64', did you mean 'float64'?");
  for (const char* text : {"", "decimal", "decimal(12", "decimal(39,0)", "decimal(3,4)", "decimal(-1,0)", "list", "list<>", "struct<a>",
                           "struct<a: int64", "int64 x",
                           "list<list<list<list<list<list<list<list<list<list<list<list<list<list<list<list<"
                           "list<list<int64>>>>>>>>>>>>>>>>>>"})
    EXPECT_NE(failure(text).find("config.schema: the type '"), std::string::npos) << text;
}

}  // namespace
}  // namespace switchgear

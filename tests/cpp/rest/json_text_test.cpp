#include "json_text.hpp"

#include <gtest/gtest.h>

namespace switchgear::rest {
namespace {

using std::string_view_literals::operator""sv;

TEST(JsonText, FindsValuesAsTheyStand) {
  constexpr auto json = "\xEF\xBB\xBF {\"a\": [1, {\"b\" : 12345678901234567890.10}], \"c/d\": {\"~\": \"x\\u00e4\"}}"sv;
  EXPECT_EQ(find(json, "/a/1/b"), "12345678901234567890.10");
  EXPECT_EQ(find(json, "/c~1d/~0"), "\"x\\u00e4\"");
  EXPECT_EQ(find(json, "/a/2"), std::nullopt);
  EXPECT_EQ(find(json, "/a/01"), std::nullopt);
  EXPECT_EQ(find(json, "/a/b"), std::nullopt);
  EXPECT_EQ(find(json, "/nothing/at/all"), std::nullopt);
  EXPECT_EQ(find(" [1] ", ""), "[1]");
}

TEST(JsonText, FindsMembersWhoseNamesAreEscaped) { EXPECT_EQ(find("{\"\\u006eext\":7}", "/next"), "7"); }

TEST(JsonText, CutsListsAndObjects) {
  EXPECT_EQ(items("[1, \"a,]\" ,{\"x\":[]},[2,3]]"), (std::vector<std::string_view>{"1", "\"a,]\"", "{\"x\":[]}", "[2,3]"}));
  EXPECT_TRUE(items(" [ ] ").empty());
  const auto found = members("{\"a\\n\": 1, \"b\": null}");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].first, "a\n");
  EXPECT_EQ(found[1].second, "null");
}

TEST(JsonText, DecodesAndWritesTexts) {
  EXPECT_EQ(text_of(R"("a\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00")"), "a\"\\/\b\f\n\r\tä😀");
  EXPECT_EQ(text_of("\"\\ud83d!\""), "\xEF\xBF\xBD!") << "half a pair";
  EXPECT_EQ(text_of("12.50"), "12.50");
  EXPECT_EQ(text_of("null"), "");
  EXPECT_EQ(text_of(quoted("a\"\\\n\x01 ä")), "a\"\\\n\x01 ä");
}

TEST(JsonText, NamesTheByteOfWhatIsNone) {
  for (const auto* const broken : {"{\"a\":[1,2}", "{\"a\":\"x", "[1 2]", "{a:1}", "[tru]", "[01]", "", "[1,]", "{\"a\"}"}) {
    EXPECT_THROW(items(broken[0] == '{' ? find(broken, "/zzz").value_or("[]") : std::string_view(broken)), JsonError) << broken;
  }
  EXPECT_THROW(whole_value("{} {}"), JsonError);
  EXPECT_THROW(find(std::string(2000, '['), ""), JsonError) << "no deep recursion";
}

TEST(JsonText, KnowsWhatIsNothing) {
  for (const auto* const nothing : {"null", "false", "0", "0.0", "-0", "0e5", "\"\"", "\"-\"", "\"false\"", "\"N\"", "[]", "[ ]", "{}"})
    EXPECT_FALSE(is_something(nothing)) << nothing;
  for (const auto* const something : {"true", "1", "0.1", "\"+\"", "\"0\"", "[0]", "{\"a\":null}"})
    EXPECT_TRUE(is_something(something)) << something;
  EXPECT_FALSE(is_something(std::nullopt));
}

TEST(JsonText, KnowsNumbersAndPointers) {
  for (const auto* const number : {"0", "-1", "10.25", "1e5", "1E-7", "123456789012345678901234567890"})
    EXPECT_TRUE(is_number(number)) << number;
  for (const auto* const other : {"", "-", "01", "1.", ".5", "+1", "1e", "NaN", "1 "}) EXPECT_FALSE(is_number(other)) << other;
  EXPECT_EQ(pointer_tokens("/a~1b/~0"), (std::vector<std::string>{"a/b", "~"}));
  EXPECT_EQ(pointer_tokens("a"), std::nullopt);
  EXPECT_EQ(pointer_tokens("/~2"), std::nullopt);
  EXPECT_EQ(pointer_token("a/~b"), "a~1~0b");
}

}  // namespace
}  // namespace switchgear::rest

#include "json_values.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace switchgear {
namespace {

constexpr std::int64_t second = 1'000'000;

TEST(JsonValues, IntegersKeepEveryDigitOrAreRefused) {
  EXPECT_EQ(parse_int64("9007199254740993"), 9007199254740993);
  EXPECT_EQ(parse_int64("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_int64("9223372036854775808"), std::nullopt);
  EXPECT_EQ(parse_int64("1.0"), std::nullopt);
  EXPECT_EQ(parse_int64("1e3"), std::nullopt);
  EXPECT_EQ(parse_int64(""), std::nullopt);
  EXPECT_EQ(parse_uint64("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_uint64("-1"), std::nullopt);
}

TEST(JsonValues, FloatsTakeTheWordsOfODataAndJavaScript) {
  EXPECT_EQ(parse_float64("-1.5e3"), -1500.0);
  EXPECT_TRUE(std::isnan(*parse_float64("NaN")));
  EXPECT_EQ(parse_float64("-INF"), -INFINITY);
  EXPECT_EQ(parse_float64("Infinity"), INFINITY);
  EXPECT_EQ(parse_float64("inf"), std::nullopt);
  EXPECT_EQ(parse_float64("0x10"), std::nullopt);
  EXPECT_EQ(parse_float64("1e999"), std::nullopt);
  EXPECT_EQ(parse_float64("9007199254740993"), std::nullopt) << "a double would make it ...992";
  EXPECT_EQ(parse_float64("100000000000000000000"), 1e20);
}

TEST(JsonValues, DecimalsAreExactOrRefused) {
  const auto text = [](std::optional<int128> value) {
    if (!value) return std::string("none");
    const bool negative = *value < 0;
    std::string digits;
    for (int128 rest = negative ? -*value : *value; rest != 0; rest /= 10)
      digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    return (negative ? "-" : "") + (digits.empty() ? "0" : digits);
  };
  EXPECT_EQ(text(parse_decimal("12345678901234567.1234", 23, 4)), "123456789012345671234");
  EXPECT_EQ(text(parse_decimal("-0.5", 5, 2)), "-50");
  EXPECT_EQ(text(parse_decimal("1.500", 5, 1)), "15");  // zeros may go
  EXPECT_EQ(text(parse_decimal("1.55", 5, 1)), "none");
  EXPECT_EQ(text(parse_decimal("1.5e3", 6, 1)), "15000");
  EXPECT_EQ(text(parse_decimal("15e-1", 6, 1)), "15");
  EXPECT_EQ(text(parse_decimal("15e-2", 6, 1)), "none");
  EXPECT_EQ(text(parse_decimal("0e-30", 6, 1)), "0");
  EXPECT_EQ(text(parse_decimal("99999", 5, 0)), "99999");
  EXPECT_EQ(text(parse_decimal("100000", 5, 0)), "none");
  EXPECT_EQ(text(parse_decimal("99999999999999999999999999999999999999", 38, 0)), "99999999999999999999999999999999999999");
  EXPECT_EQ(text(parse_decimal("100000000000000000000000000000000000000", 38, 0)), "none");
  EXPECT_EQ(text(parse_decimal("56019999999999999999999999999999999999999", 38, 0)), "none") << "once overflowed 128 bits";
  EXPECT_EQ(text(parse_decimal("9e38", 38, 0)), "none");
  EXPECT_EQ(text(parse_decimal("0", 1, 0)), "0");
  for (const char* bad : {"", "-", ".", "1e", "1e999999", "abc", "1.2.3", "1,5", " 1"})
    EXPECT_EQ(text(parse_decimal(bad, 38, 4)), "none") << bad;
}

TEST(JsonValues, DatesFollowTheCalendar) {
  EXPECT_EQ(parse_date("1970-01-01"), 0);
  EXPECT_EQ(parse_date("2026-11-24"), 20781);
  EXPECT_EQ(parse_date("2000-02-29"), 11016);
  EXPECT_EQ(parse_date("1900-02-29"), std::nullopt);
  EXPECT_EQ(parse_date("0001-01-01"), -719162);
  EXPECT_EQ(parse_date("9999-12-31"), 2932896);
  for (const char* bad : {"2026-13-01", "2026-00-10", "2026-1-1", "2026-11-24T", "24.11.2026", "0000-01-01"})
    EXPECT_EQ(parse_date(bad), std::nullopt) << bad;
}

TEST(JsonValues, TimestampsInAllTheirForms) {
  const std::int64_t noon = 20781LL * 86400 * second + 12 * 3600 * second;
  const auto us = [](std::string_view text) { return parse_timestamp(text).has_value() ? parse_timestamp(text)->us : INT64_MIN; };
  EXPECT_EQ(us("2026-11-24T12:00:00Z"), noon);
  EXPECT_EQ(us("2026-11-24T12:00Z"), noon);
  EXPECT_EQ(us("2026-11-24T13:30:00+01:30"), noon);
  EXPECT_EQ(us("2026-11-24T04:00:00-0800"), noon);
  EXPECT_EQ(us("2026-11-24T12:00:00.5Z"), noon + 500'000);
  EXPECT_EQ(us("2026-11-24T12:00:00.1234560Z"), noon + 123'456);
  EXPECT_EQ(us("2026-11-24T12:00:00.1234567Z"), INT64_MIN);  // a digit would be lost
  EXPECT_EQ(us("9999-12-31T23:59:59Z"), 253402300799LL * second);
  EXPECT_EQ(us("0001-01-01T00:00:00Z"), -62135596800LL * second);
  EXPECT_TRUE(parse_timestamp("2026-11-24T12:00:00Z")->has_zone);
  EXPECT_FALSE(parse_timestamp("2026-11-24 12:00:00")->has_zone);
  EXPECT_EQ(us("/Date(1511518000000)/"), 1511518000000 * 1000);
  EXPECT_EQ(us("/Date(1511518000000+0060)/"), 1511518000000 * 1000);
  EXPECT_EQ(us("/Date(-1)/"), -1000);
  for (const char* bad : {"2026-11-24", "2026-11-24T25:00:00Z", "2026-11-24T12:00:60Z", "2026-11-24T12:00:00.Z", "/Date()/", "/Date(1+)/",
                          "/Date(9999999999999999999)/", "now"}) {
    EXPECT_EQ(us(bad), INT64_MIN) << bad;
  }
}

TEST(JsonValues, TimesOfDay) {
  EXPECT_EQ(parse_time("13:45:59.25"), ((13 * 60 + 45) * 60 + 59) * second + 250'000);
  EXPECT_EQ(parse_time("00:00"), 0);
  EXPECT_EQ(parse_time("24:00:00"), std::nullopt);
  EXPECT_EQ(parse_time("1:00:00"), std::nullopt);
}

TEST(JsonValues, TheValidatorAgreesWithAnIndependentParser) {
  for (const char* good : {"null", "-0", "1.5e-7", "\"\\u00e9\\n\"", "[]", "{}", "[1,[2,{\"a\":[]}]]", " { \"a\" : [ true , false ] } "}) {
    EXPECT_TRUE(is_json(good)) << good;
  }
  for (const char* bad :
       {"",     " ",     "nul",     "01",       "1.",    "+1",         "'a'", "\"",  "\"\\x\"", "\"\\u12\"", "\"\n\"", "[",
        "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "[]]", "1 2", "NaN",     "{]",        "[}"}) {
    EXPECT_FALSE(is_json(bad)) << bad;
  }
  // Random texts over JSON's own alphabet: nlohmann is the reference.
  std::mt19937 random(7);
  constexpr std::string_view alphabet = "{}[]\":,0123-.e truefalsn\\u ";
  int valid = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text;
    for (auto length = random() % 9; length > 0; --length) text.push_back(alphabet[random() % alphabet.size()]);
    const auto e = text.find('e');
    if (e != std::string::npos && text.size() > e + 3) continue;  // nlohmann refuses numbers that overflow a double; the grammar does not
    const bool expected = nlohmann::json::accept(text);
    valid += expected ? 1 : 0;
    ASSERT_EQ(is_json(text), expected) << "'" << text << "'";
  }
  EXPECT_GT(valid, 1000);
}

TEST(JsonValues, NestingIsBounded) {
  EXPECT_TRUE(is_json(std::string(512, '[') + std::string(512, ']')));
  EXPECT_FALSE(is_json(std::string(513, '[') + std::string(513, ']')));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[')));
}

}  // namespace
}  // namespace switchgear

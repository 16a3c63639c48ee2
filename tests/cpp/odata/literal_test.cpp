#include "literal.hpp"

#include <gtest/gtest.h>

#include "switchgear/sdk/error.hpp"

namespace switchgear::odata {
namespace {

struct Case {
  const char* json;
  const char* edm;
  const char* literal;
};

class Written : public testing::TestWithParam<Case> {};

TEST_P(Written, AsTheAbnfSays) { EXPECT_EQ(literal(parse_json(GetParam().json), GetParam().edm, "f"), GetParam().literal); }

INSTANTIATE_TEST_SUITE_P(
    Literals, Written,
    testing::Values(
        Case{R"("OPEN")", "Edm.String", "'OPEN'"}, Case{R"("O'Neil's")", "Edm.String", "'O''Neil''s'"}, Case{R"("")", "Edm.String", "''"},
        Case{R"("' or 1 eq 1 or '")", "Edm.String", "''' or 1 eq 1 or '''"}, Case{"1000", "Edm.String", "'1000'"},
        Case{R"("漢字 %&+#")", "Edm.String", "'漢字 %&+#'"}, Case{"null", "Edm.String", "null"}, Case{"null", "", "null"},
        Case{"true", "Edm.Boolean", "true"}, Case{R"("false")", "Edm.Boolean", "false"}, Case{"42", "Edm.Int32", "42"},
        Case{"-1", "Edm.SByte", "-1"}, Case{R"("9007199254740993")", "Edm.Int64", "9007199254740993"},
        Case{"9007199254740993", "Edm.Int64", "9007199254740993"}, Case{"18446744073709551616", "Edm.Decimal", "18446744073709551616"},
        Case{"12345678901234567.1234", "Edm.Decimal", "12345678901234567.1234"}, Case{R"("0.10")", "Edm.Decimal", "0.10"},
        Case{"1e-3", "Edm.Double", "1e-3"}, Case{R"("INF")", "Edm.Double", "INF"}, Case{R"("-INF")", "Edm.Single", "-INF"},
        Case{R"("NaN")", "Edm.Double", "NaN"},
        Case{R"("0A0B0C0D-0102-0304-0506-0708090a0b0c")", "Edm.Guid", "0A0B0C0D-0102-0304-0506-0708090a0b0c"},
        Case{R"("2026-01-31")", "Edm.Date", "2026-01-31"}, Case{R"("2026-01-31T00:00:00Z")", "Edm.Date", "2026-01-31"},
        Case{R"("13:20")", "Edm.TimeOfDay", "13:20:00"}, Case{R"("13:20:01.5")", "Edm.TimeOfDay", "13:20:01.5"},
        Case{R"("2026-01-31")", "Edm.DateTimeOffset", "2026-01-31T00:00:00Z"},
        Case{R"("2026-01-31 13:20")", "Edm.DateTimeOffset", "2026-01-31T13:20:00Z"},
        Case{R"("2026-01-31T13:20:00.1234567+02:00")", "Edm.DateTimeOffset", "2026-01-31T13:20:00.1234567+02:00"},
        Case{R"("2026-01-31T13:20:00-05:30")", "Edm.DateTimeOffset", "2026-01-31T13:20:00-05:30"},
        Case{R"("PT1H30M")", "Edm.Duration", "duration'PT1H30M'"}, Case{R"("AQ-_")", "Edm.Binary", "binary'AQ-_'"},
        Case{R"("Open")", "N.State", "N.State'Open'"}, Case{"1", "N.State", "N.State'1'"}, Case{R"("it's")", "N.State", "N.State'it''s'"},
        Case{R"("x")", "", "'x'"}, Case{"1.5", "", "1.5"}, Case{"false", "", "false"}));

class Refused : public testing::TestWithParam<Case> {};

TEST_P(Refused, NamingFieldTypeAndValue) {
  try {
    const std::string result = literal(parse_json(GetParam().json), GetParam().edm, "Field");
    FAIL() << result;
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.category, sdk::Category::bad_request);
    EXPECT_EQ(error.detail, "filter");
    EXPECT_NE(std::string(error.what()).find("'Field'"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find(GetParam().edm), std::string::npos);
    EXPECT_NE(error.hint, "");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Literals, Refused,
    testing::Values(Case{R"("1 or 1 eq 1")", "Edm.Int32", ""}, Case{"1.5", "Edm.Int32", ""}, Case{R"("")", "Edm.Int32", ""},
                    Case{R"("-")", "Edm.Int64", ""}, Case{"true", "Edm.Int32", ""}, Case{"true", "Edm.String", ""},
                    Case{R"("1e")", "Edm.Double", ""}, Case{R"("1.")", "Edm.Decimal", ""}, Case{R"("0x10")", "Edm.Decimal", ""},
                    Case{R"("INF")", "Edm.Decimal", ""}, Case{"1", "Edm.Boolean", ""}, Case{R"("yes")", "Edm.Boolean", ""},
                    Case{R"("0A0B0C0D-0102-0304-0506-0708090a0b0")", "Edm.Guid", ""},
                    Case{R"("0A0B0C0D-0102-0304-0506-0708090a0b0c or true")", "Edm.Guid", ""},
                    Case{R"("2026-01-31T10:00:00Z")", "Edm.Date", ""}, Case{R"("31.01.2026")", "Edm.Date", ""},
                    Case{R"("yesterday")", "Edm.DateTimeOffset", ""}, Case{R"("2026-01-31T13:20:00Z or true")", "Edm.DateTimeOffset", ""},
                    Case{R"("2026-01-31T")", "Edm.DateTimeOffset", ""}, Case{R"("2026-01-31T13:20:00+2")", "Edm.DateTimeOffset", ""},
                    Case{"20260131", "Edm.DateTimeOffset", ""}, Case{R"("PT1H' or true")", "Edm.Duration", ""},
                    Case{R"("A'B")", "Edm.Binary", ""}, Case{R"("POINT 1 1")", "Edm.GeographyPoint", ""}, Case{"[1]", "Edm.Int32", ""},
                    Case{"{}", "", ""}));

TEST(Bounds, ATextIsWrittenByItsTypeOrByItsLook) {
  EXPECT_EQ(bound_literal("2026-01-31T10:00:00Z", "Edm.DateTimeOffset", "f"), "2026-01-31T10:00:00Z");
  EXPECT_EQ(bound_literal("2026-01-31T10:00:00Z", "Edm.Date", "f"), "2026-01-31");
  EXPECT_EQ(bound_literal("41", "Edm.Int64", "f"), "41");
  EXPECT_EQ(bound_literal("41", "Edm.String", "f"), "'41'");
  EXPECT_EQ(bound_literal("2026-01-31", "", "f"), "2026-01-31T00:00:00Z");
  EXPECT_EQ(bound_literal("41", "", "f"), "41");
  EXPECT_EQ(bound_literal("a41", "", "f"), "'a41'");
  EXPECT_THROW(bound_literal("soon", "Edm.Date", "f"), sdk::Error);
}

TEST(Json, KeepsDigitsAndIsBounded) {
  EXPECT_EQ(parse_json("0.1000").text, "0.1000");
  EXPECT_EQ(parse_json("-123456789012345678901234567890").text, "-123456789012345678901234567890");
  const Value object = parse_json(R"({"a": [1, {"b": null}], "c": "x"})");
  EXPECT_EQ(object.find("a")->items[1].find("b")->kind, Value::Kind::null);
  EXPECT_EQ(object.find("c")->text, "x");
  EXPECT_EQ(object.find("d"), nullptr);
  EXPECT_THROW(parse_json(""), std::invalid_argument);
  EXPECT_THROW(parse_json("[1,"), std::invalid_argument);
  EXPECT_THROW(parse_json("[1] 2"), std::invalid_argument);
  EXPECT_THROW(parse_json(std::string(100'000, '[')), std::invalid_argument);
}

}  // namespace
}  // namespace switchgear::odata

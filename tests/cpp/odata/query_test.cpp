#include "query.hpp"

#include <gtest/gtest.h>

#include <map>

#include "switchgear/sdk/error.hpp"

namespace switchgear::odata {
namespace {

constexpr const char* types =
    R"({"ID": "Edm.Int32", "Plant": "Edm.String", "Status": "Edm.String", "ChangedAt": "Edm.DateTimeOffset", "Due": "Edm.Date",
  "Kind": "N.Kind", "Cost": "Edm.Decimal", "Address/City": "Edm.String"})";

sdk::Entity work_orders(const std::vector<std::pair<std::string, std::string>>& properties = {
                            {"cursor", "ChangedAt"}, {"key", R"(["ID"])"}, {"types", types}}) {
  std::vector<sg_pair> pairs;
  for (const auto& [name, value] : properties) pairs.push_back({sdk::detail::text_of(name), sdk::detail::text_of(value)});
  return {sdk::detail::text_of("WorkOrders"), pairs.data(), pairs.size()};
}

std::string option(const char* name, const sdk::Position& at, const sdk::Entity& entity = work_orders()) {
  std::string value = "(missing)";
  for (const auto& [option_name, option_value] : query_options(entity, at))
    if (option_name == name) value = option_value;
  return value;
}

std::string filter(const std::string& json) {
  sdk::Position at;
  at.filter = json;
  return option("$filter", at);
}

TEST(Query, AsksForNothingThatWasNotAskedFor) {
  for (const auto& [name, value] : query_options(work_orders(), {})) EXPECT_EQ(value, "") << name;
}

TEST(Query, NamesColumnsOrderLimitAndCount) {
  sdk::Position at;
  at.columns = {"ID", "Address/City", "Größe"};
  at.order = R"([["ChangedAt","asc"],["ID","DESC"]])";
  at.limit = 0;
  at.count = true;
  EXPECT_EQ(option("$select", at), "ID,Address/City,Größe");
  EXPECT_EQ(option("$orderby", at), "ChangedAt asc,ID desc");
  EXPECT_EQ(option("$top", at), "0");
  EXPECT_EQ(option("$count", at), "true");
}

TEST(Query, JoinsConditions) {
  EXPECT_EQ(filter(R"([["Status","=","OPEN"],["Cost",">=",12345678901234567.1234],["Due","<","2026-02-01"]])"),
            "Status eq 'OPEN' and Cost ge 12345678901234567.1234 and Due lt 2026-02-01");
  EXPECT_EQ(filter(R"([["Kind","!=","Repair"],["Address/City","=","Köln"],["Plant","=",null],["Plant","is not",null]])"),
            "Kind ne N.Kind'Repair' and Address/City eq 'Köln' and Plant eq null and Plant ne null");
  EXPECT_EQ(filter("[]"), "");
}

TEST(Query, ListsBecomeChainsThatAllServicesKnow) {
  EXPECT_EQ(filter(R"([["ID","in",[1,2]],["Status","not in",["DONE","O'K"]]])"),
            "(ID eq 1 or ID eq 2) and (Status ne 'DONE' and Status ne 'O''K')");
  EXPECT_EQ(filter(R"([["ID","in",[]],["ID","NOT IN",[]]])"), "1 eq 2 and 1 eq 1");
}

TEST(Query, OffersTextFunctions) {
  EXPECT_EQ(filter(R"([["Plant","contains","a'b"],["Plant","startswith","1"],["Plant","endswith","9"]])"),
            "contains(Plant,'a''b') and startswith(Plant,'1') and endswith(Plant,'9')");
}

TEST(Query, BoundsAreInclusive) {
  sdk::Position at;
  at.watermark = "2026-01-01";
  at.upper = "2026-02-01T10:00:00+02:00";
  at.filter = R"([["Status","=","OPEN"]])";
  at.raw_filter = "Priority eq 1 or Priority eq 2";
  EXPECT_EQ(option("$filter", at),
            "Status eq 'OPEN' and ChangedAt ge 2026-01-01T00:00:00Z and ChangedAt le 2026-02-01T10:00:00+02:00 and (Priority eq 1 or "
            "Priority eq 2)");
}

TEST(Query, ARawFilterAloneIsSentAsItIs) {
  sdk::Position at;
  at.raw_filter = "not contains(Title,'x')";
  EXPECT_EQ(option("$filter", at), "not contains(Title,'x')");
}

TEST(Query, GoesOnBehindAKeyAmongEqualCursors) {
  sdk::Position at;
  at.watermark = "2026-01-01T00:00:00Z";
  for (const char* key : {"7", "[7]", R"({"ID": 7})", R"("7")"}) {
    at.after_key = key;
    EXPECT_EQ(option("$filter", at), "(ChangedAt gt 2026-01-01T00:00:00Z or (ChangedAt eq 2026-01-01T00:00:00Z and (ID gt 7)))") << key;
  }
  at.after_key = R"(["1000", 7])";
  EXPECT_EQ(option("$filter", at, work_orders({{"cursor", "ChangedAt"}, {"key", R"(["Plant","ID"])"}, {"types", types}})),
            "(ChangedAt gt 2026-01-01T00:00:00Z or (ChangedAt eq 2026-01-01T00:00:00Z and "
            "(Plant gt '1000' or (Plant eq '1000' and (ID gt 7)))))");
}

struct Bad {
  const char* what;
  sdk::Position at;
  sdk::Category category;
};

sdk::Position with(std::string sdk::Position::* part, const char* text) {
  sdk::Position at;
  at.*part = text;
  return at;
}

TEST(Query, RefusesWhatItCannotAsk) {
  using sdk::Category;
  using sdk::Position;
  sdk::Position columns, key;
  columns.columns = {"ID&$top=1"};
  key.watermark = "2026-01-01";
  key.after_key = "[1,2]";
  const std::vector<Bad> cases = {
      {"no JSON", with(&Position::filter, "[["), Category::bad_request},
      {"no list", with(&Position::filter, "{}"), Category::bad_request},
      {"two parts", with(&Position::filter, R"([["a","="]])"), Category::bad_request},
      {"flat", with(&Position::filter, R"(["a","=",1])"), Category::bad_request},
      {"operator", with(&Position::filter, R"([["Plant","~","x"]])"), Category::unsupported},
      {"name", with(&Position::filter, R"([["1 eq 1 or Plant","=","x"]])"), Category::bad_request},
      {"empty name", with(&Position::filter, R"([["","=","x"]])"), Category::bad_request},
      {"null", with(&Position::filter, R"([["ID","<",null]])"), Category::bad_request},
      {"in without list", with(&Position::filter, R"([["ID","in",1]])"), Category::bad_request},
      {"function of a number", with(&Position::filter, R"([["ID","contains",1]])"), Category::unsupported},
      {"order", with(&Position::order, R"([["ID","up"]])"), Category::bad_request},
      {"order name", with(&Position::order, R"([["ID,Plant","asc"]])"), Category::bad_request},
      {"order flat", with(&Position::order, R"(["ID"])"), Category::bad_request},
      {"lower", with(&Position::watermark, "soon"), Category::bad_request},
      {"columns", columns, Category::bad_request},
      {"after_key", key, Category::bad_request},
  };
  for (const Bad& each : cases) {
    try {
      query_options(work_orders(), each.at);
      ADD_FAILURE() << each.what << " was taken";
    } catch (const sdk::Error& error) {
      EXPECT_EQ(error.category, each.category) << each.what << ": " << error.what();
    }
  }
}

TEST(Query, BoundsWithoutACursorSayHowToNameOne) {
  try {
    query_options(work_orders({}), with(&sdk::Position::watermark, "2026-01-01"));
    FAIL();
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.category, sdk::Category::config);
    EXPECT_NE(error.hint.find("cursor={\"WorkOrders\""), std::string::npos);
  }
}

TEST(Query, PathsAreEncoded) {
  EXPECT_EQ(encoded_path("WorkOrders"), "WorkOrders");
  EXPECT_EQ(encoded_path("Größe/$count"), "Gr%C3%B6%C3%9Fe/$count");
  EXPECT_EQ(encoded_path("a?b#c d%'"), "a%3Fb%23c%20d%25%27");
}

}  // namespace
}  // namespace switchgear::odata

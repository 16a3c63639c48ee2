#include "query.hpp"

#include <gtest/gtest.h>

#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

Entity entity_of(const std::string& lines) {
  return load_description("name = \"p\"\n[[entities]]\nname = \"a\"\npath = \"/a\"\ncursor = \"changed\"\n" + lines, "p.toml").entities[0];
}

const char* const simple = R"(
filters = [
  { operators = ["="], param = "{field}" },
  { operators = [">=", "<="], fields = ["cost"], param = "cost_range", value = "{field}:{value}", join = ";" },
  { operators = ["in"], param = "{field}", join = "," },
]
order = { param = "_sort", descending = "-{field}" }
columns = { param = "fields" }
raw_filter = "q"
changes = { since = { since = "{value}" }, until = { until = "{value}" }, time = "epoch_s" }
)";

const char* const expressions = R"(
filters = [
  { operators = ["="], param = "q", value = "{field} IS {value}", quote = '"', refuse = '"\', join = " AND " },
  { operators = [">"], param = "q", value = "{field} GREATER {value}", join = " AND " },
]
)";

std::string asked(const Entity& entity, const sdk::Position& at) {
  std::string text;
  for (const Parameter& each : query_parameters(entity, at)) text += (text.empty() ? "" : "&") + each.name + "=" + each.text;
  return text;
}

sdk::Position filtered(std::string filter) {
  sdk::Position at;
  at.filter = std::move(filter);
  return at;
}

std::string refusal(const Entity& entity, const sdk::Position& at) {
  try {
    query_parameters(entity, at);
    return "none";
  } catch (const sdk::Error& error) {
    return error.what();
  }
}

TEST(RestQuery, ParametersByOperator) {
  const Entity entity = entity_of(simple);
  EXPECT_EQ(asked(entity, filtered(R"([["Status","=","A&B"],["cost",">=",10.50],["cost","<=",20]])")),
            "Status=A&B&cost_range=cost:10.50;cost:20");
  EXPECT_EQ(asked(entity, filtered(R"([["id","in",[1,2,3]]])")), "id=1,2,3");
  EXPECT_EQ(asked(entity, filtered(R"([["x","==",null]])")), "x=null");
  EXPECT_EQ(query_parameters(entity, filtered(R"([["n","=",9007199254740993]])"))[0].json, "9007199254740993");
}

TEST(RestQuery, ConditionsJoinedInOneExpression) {
  EXPECT_EQ(asked(entity_of(expressions), filtered(R"([["name","=","pump"],["cost",">",5]])")), "q=name IS \"pump\" AND cost GREATER 5");
}

// A condition that were left out would give more records than were asked for.
TEST(RestQuery, WhatTheDescriptionHasNoWordsForIsRefused) {
  const Entity entity = entity_of(simple);
  EXPECT_NE(refusal(entity, filtered(R"([["Status","!=","A"]])")).find("does not say how to ask for 'Status' !="), std::string::npos);
  EXPECT_NE(refusal(entity, filtered(R"([["a","=",1],["a","=",2]])")).find("'a' twice"), std::string::npos);
  EXPECT_NE(refusal(entity, filtered(R"([["a","in",["x,y","z"]]])")).find("holds ','"), std::string::npos);
  EXPECT_NE(refusal(entity, filtered(R"([["a","in",[]]])")).find("empty list"), std::string::npos);
  EXPECT_NE(refusal(entity, filtered(R"([["a","=",[1]]])")).find("a list or an object"), std::string::npos);
  EXPECT_NE(refusal(entity, filtered("nonsense")).find("can't be read"), std::string::npos);
  EXPECT_NE(refusal(entity_of(""), filtered(R"([["a","=",1]])")).find("does not say how"), std::string::npos);
  sdk::Position at;
  at.watermark = "2026-01-01T00:00:00Z";
  EXPECT_NE(refusal(entity_of(""), at).find("does not say how to ask for changes"), std::string::npos);
  at = {};
  at.order = R"([["a","asc"]])";
  EXPECT_NE(refusal(entity_of(""), at).find("how to ask for an order"), std::string::npos);
  at = {};
  at.raw_filter = "x";
  EXPECT_NE(refusal(entity_of(""), at).find("no parameter for a raw filter"), std::string::npos);
}

// A text that ends its own quotes would become a part of the source's language.
TEST(RestQuery, TextsCantEscapeTheirQuotes) {
  EXPECT_NE(refusal(entity_of(expressions), filtered(R"([["name","=","x\" OR \"1\" IS \"1"]])")).find("has no way to write"),
            std::string::npos);
}

TEST(RestQuery, OrderColumnsAndChanges) {
  sdk::Position at;
  at.order = R"([["a","asc"],["b","desc"]])";
  at.columns = {"id", "name"};
  at.watermark = "1970-01-01T00:01:00Z";
  at.upper = "1970-01-01T00:02:00Z";
  at.raw_filter = "x = 1";
  const Entity entity = entity_of(simple);
  EXPECT_EQ(asked(entity, at), "q=x = 1&_sort=a,-b&fields=id,name&since=60&until=120");
  EXPECT_EQ(query_parameters(entity, at)[2].json, R"(["id","name"])") << "a list in a body";
}

TEST(RestQuery, ColumnsByWhichAListingGoesOnAreAskedForAsWell) {
  sdk::Position at;
  at.columns = {"name"};
  EXPECT_EQ(
      asked(entity_of("columns = { param = \"fields\", join = \"|\" }\npaging = { style = \"keyset\", fields = [\"/id\"], params = { a = "
                      "\"{0}\" } }\n"),
            at),
      "fields=name|id");
}

}  // namespace
}  // namespace switchgear::rest

#include "switchgear/paging/continuation.hpp"

#include <gtest/gtest.h>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

TEST(Continuation, SurvivesStoringAndTellsTheEndFromTheBeginning) {
  const Continuation place{"WorkOrders", {Place{"", "WorkOrders?$skiptoken=\"a\\b\"\n\xC3\x9F", {1, ~0ULL}}}};
  const Continuation back = Continuation::from_text(place.to_text(), "WorkOrders");
  EXPECT_EQ(back.places, place.places);
  EXPECT_FALSE(back.ended());
  EXPECT_TRUE(Continuation::from_text(Continuation{"WorkOrders", {}}.to_text(), "WorkOrders").ended());
  EXPECT_FALSE(Continuation::from_text(Continuation{"WorkOrders"}.to_text(), "WorkOrders").ended());
}

TEST(Continuation, KeepsThePlaceInEachPart) {
  const Continuation parts{"WorkOrders", {{"0-99", "next&=&\"", {}}, {"100-199", "", {7}}, {"200-", "", {}}}};
  EXPECT_EQ(Continuation::from_text(parts.to_text(), "WorkOrders").places, parts.places);
  const Continuation one{"WorkOrders", {{"200-", "t", {}}}};
  EXPECT_EQ(Continuation::from_text(one.to_text(), "WorkOrders").places, one.places);
}

TEST(Continuation, IsWhatEarlierVersionsWrote) {
  const auto place = Continuation::from_text(R"({"v":1,"entity":"WorkOrders","token":"t"})", "WorkOrders");
  EXPECT_EQ(place.places, std::vector<Place>({{"", "t", {}}}));
  EXPECT_EQ(place.to_text(), R"({"v":1,"entity":"WorkOrders","token":"t"})");
}

TEST(Continuation, RefusesWhatIsNoneOrOfAnotherListing) {
  for (const char* bad :
       {"", "x", "{}", "[]", "null", R"({"v":1})", R"({"v":2,"entity":"WorkOrders","token":"t"})", R"({"v":1,"entity":"WorkOrders"})",
        R"({"v":1,"entity":"WorkOrders","parts":[]})", R"({"v":1,"entity":"WorkOrders","parts":[{"token":"t"}]})",
        R"({"v":1,"entity":"WorkOrders","parts":[{"part":"a"}]})", R"({"v":1,"entity":"WorkOrders","token":"t","seen":"AAAA"})",
        R"({"v":1,"entity":"WorkOrders","token":7})", R"({"v":1,"entity":7,"token":"t"})", R"({"v":1,"entity":"Assets","token":"t"})"}) {
    try {
      Continuation::from_text(bad, "WorkOrders");
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "config.token") << bad;
      EXPECT_FALSE(error.hint.empty());
    }
  }
}

}  // namespace
}  // namespace switchgear

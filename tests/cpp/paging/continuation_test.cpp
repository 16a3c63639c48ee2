#include "switchgear/paging/continuation.hpp"

#include <gtest/gtest.h>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

TEST(Continuation, SurvivesStoringAndTellsTheEndFromTheBeginning) {
  const Continuation place{"WorkOrders", "WorkOrders?$skiptoken=\"a\\b\"\n\xC3\x9F", false};
  const Continuation back = Continuation::from_text(place.to_text(), "WorkOrders");
  EXPECT_EQ(back.token, place.token);
  EXPECT_FALSE(back.ended);
  const Continuation end = Continuation::from_text(Continuation{"WorkOrders", "", true}.to_text(), "WorkOrders");
  EXPECT_TRUE(end.ended);
  EXPECT_FALSE(Continuation::from_text(Continuation{"WorkOrders", "", false}.to_text(), "WorkOrders").ended);
}

TEST(Continuation, RefusesWhatIsNoneOrOfAnotherListing) {
  for (const char* bad :
       {"", "x", "{}", "[]", "null", R"({"v":1})", R"({"v":2,"entity":"WorkOrders","token":"t"})", R"({"v":1,"entity":"WorkOrders"})",
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

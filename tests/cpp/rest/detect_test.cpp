#include "detect.hpp"

#include <gtest/gtest.h>

#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

Entity automatic(const std::string& lines = {}) {
  return load_description("name = \"p\"\n[[entities]]\nname = \"a\"\npath = \"/a\"\n" + lines, "p.toml").entities[0];
}

Detected detected(std::string_view body, const std::string& header = {}, const std::string& value = {}, const std::string& lines = {}) {
  return detect(automatic(lines), {body, [&](std::string_view name) { return name == header ? value : std::string(); }});
}

std::string problem(std::string_view body, const std::string& header = {}, const std::string& value = {}) {
  try {
    detected(body, header, value);
    return "none";
  } catch (const sdk::Error& error) {
    return error.what();
  }
}

TEST(Detect, EachStyleByItsSigns) {
  EXPECT_EQ(detected("[{}]", "Link", "<http://h/?page=2>; rel=\"next\"").paging.style, Style::link);
  EXPECT_EQ(detected(R"({"data":[{}],"next_cursor":"x"})").paging.style, Style::cursor);
  EXPECT_EQ(detected(R"({"data":[{}],"meta":{"next_cursor":"x"}})").paging.next, "/meta/next_cursor");
  EXPECT_EQ(detected(R"({"data":[{}],"nextPageToken":"x"})").paging.param, "pageToken");
  EXPECT_EQ(detected(R"({"data":[{}]})", "X-Next-Cursor", "x").paging.next_header, "X-Next-Cursor");
  EXPECT_EQ(detected(R"({"results":[{}],"next":"http://h/?c=1"})").paging.style, Style::next_url);
  EXPECT_EQ(detected(R"({"results":[{}],"next":"opaque"})").paging.style, Style::cursor);
  EXPECT_EQ(detected(R"({"items":[{}],"page":0,"next_page":1})").paging.first, 0);
  EXPECT_EQ(detected(R"({"items":[{}],"page":1,"total_pages":3})").paging.style, Style::page);
  EXPECT_EQ(detected(R"({"items":[{}],"offset":0,"limit":1,"has_more":true})").paging.style, Style::offset);
  EXPECT_EQ(detected("[{},{}]").paging.style, Style::none);
}

TEST(Detect, TellsItsReasonAndWhatTheDescriptionCouldSay) {
  const Detected found = detected(R"({"data":[{}],"next_cursor":"x","has_more":true})");
  EXPECT_EQ(found.reason, "the reply holds /next_cursor");
  EXPECT_EQ(found.toml, "style = \"cursor\"\nparam = \"cursor\"\nnext = \"/next_cursor\"\nmore = \"/has_more\"");
}

TEST(Detect, TheRecordsAreTheOneList) {
  EXPECT_EQ(detected(R"({"workOrders":[{}],"nextCursor":null})").records, "/workOrders");
  EXPECT_EQ(detected(R"({"tags":[],"data":[{}]})").records, "/data");
  EXPECT_EQ(detected(R"({"a":[],"b":[]})", "", "", "records = \"/b\"\n").records, "/b");
  EXPECT_NE(problem(R"({"a":[],"b":[]})").find("several lists: /a, /b"), std::string::npos);
  EXPECT_NE(problem(R"({"error":"x"})").find("no list of records"), std::string::npos);
}

// To take a page for the whole because nothing shows how to go on would lose the rest in silence.
TEST(Detect, RefusesAPageThatIsNotTheWhole) {
  EXPECT_NE(problem(R"({"items":[{}],"has_more":true})").find("it says so at /has_more"), std::string::npos);
  EXPECT_NE(problem(R"({"items":[{}],"total":7})").find("/total is 7, and it holds 1"), std::string::npos);
  EXPECT_NE(problem("[{}]", "X-Total-Count", "2").find("X-Total-Count is 2"), std::string::npos);
  EXPECT_EQ(problem(R"({"items":[{}],"total":1})"), "none");
}

TEST(Detect, TheTokenHoldsAllOfIt) {
  const Detected found = detected(R"({"data":[{}],"next_cursor":"a\"b","has_more":true})");
  std::string inner;
  const Detected again = from_token(automatic(), found.to_token("a\"b"), inner);
  EXPECT_EQ(inner, "a\"b");
  EXPECT_EQ(again.paging.style, Style::cursor);
  EXPECT_EQ(again.paging.next, found.paging.next);
  EXPECT_EQ(again.paging.more, found.paging.more);
  EXPECT_EQ(again.records, "/data");
  EXPECT_EQ(found.to_token(""), "");
  for (const auto* const odd :
       {"x", "[]", "[\"cursor\"]", R"(["window","","","","","","","0","x"])", R"(["cursor","a","","","","","","0","x"])"})
    EXPECT_THROW(from_token(automatic(), odd, inner), sdk::Error) << odd;
}

}  // namespace
}  // namespace switchgear::rest

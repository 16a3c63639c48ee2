#include "paging.hpp"

#include <gtest/gtest.h>

#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

Paging paging_of(const std::string& lines) {
  return load_description("name = \"p\"\n[[entities]]\nname = \"a\"\npath = \"/a\"\nkey = [\"id\"]\n[entities.paging]\n" + lines, "p.toml")
      .entities[0]
      .paging;
}

std::string asked(const Paging& paging, const Place& place) {
  const Ask made = ask(paging, place);
  if (made.nothing) return "nothing";
  std::string text = made.url;
  for (const Parameter& each : made.parameters) text += (text.empty() ? "" : "&") + each.name + "=" + each.text;
  return text;
}

Place at(std::string token, std::int64_t size = 10) {
  Place place;
  place.token = std::move(token);
  place.size = size;
  return place;
}

Tell told(const Paging& paging, const Place& place, std::string_view body = "{}", const std::string& header = {}) {
  return tell(paging, place, {body, [header](std::string_view) { return header; }});
}

std::string token_after(const Paging& paging, const Place& place, std::string_view body, const std::string& header = {}) {
  return resolve(told(paging, place, body, header), body, "/items");
}

TEST(Paging, CursorInTheBody) {
  const Paging paging = paging_of("style = \"cursor\"\nparam = \"cursor\"\nnext = \"/next\"\nsize_param = \"limit\"\nmore = \"/more\"\n");
  EXPECT_EQ(asked(paging, at("")), "limit=10");
  EXPECT_EQ(asked(paging, at("&=&/+")), "cursor=&=&/+&limit=10") << "the host encodes it";
  EXPECT_EQ(token_after(paging, at(""), R"({"items":[],"next":"a b"})"), "a b");
  EXPECT_EQ(token_after(paging, at(""), R"({"items":[],"next":null})"), "");
  EXPECT_EQ(token_after(paging, at(""), R"({"items":[],"next":"x","more":false})"), "");
  EXPECT_EQ(token_after(paging, at(""), R"({"items":[],"next":17,"more":"+"})"), "17");
}

// Infor EAM names the position of the last record, and wants that of the next.
TEST(Paging, ACursorThatNamesTheLastRecord) {
  const Paging paging =
      paging_of("style = \"cursor\"\nparam = \"position\"\nnext = \"/CURRENTCURSORPOSITION\"\nadd = 1\nmore = \"/MORERECORDPRESENT\"\n");
  EXPECT_EQ(asked(paging, at("50")), "position=51");
  EXPECT_EQ(token_after(paging, at("50"), R"({"CURRENTCURSORPOSITION":100,"MORERECORDPRESENT":"+"})"), "100");
  EXPECT_EQ(token_after(paging, at("50"), R"({"CURRENTCURSORPOSITION":120,"MORERECORDPRESENT":"-"})"), "");
  EXPECT_THROW(asked(paging, at("x")), sdk::Error);
}

TEST(Paging, CursorInAHeader) {
  const Paging paging = paging_of("style = \"cursor\"\nparam = \"cursor\"\nnext_header = \"X-Next\"\n");
  EXPECT_EQ(token_after(paging, at(""), "{}", "t/1="), "t/1=");
  EXPECT_EQ(token_after(paging, at(""), "{}", ""), "");
}

TEST(Paging, LinksAreFollowedAsTheyAre) {
  const Paging url = paging_of("style = \"next_url\"\nnext = \"/links/next\"\nsize_param = \"limit\"\n");
  EXPECT_EQ(asked(url, at("")), "limit=10");
  EXPECT_EQ(asked(url, at("https://h/a?cursor=%2F&limit=3")), "https://h/a?cursor=%2F&limit=3") << "and nothing is added to them";
  const Paging link = paging_of("style = \"link\"\n");
  EXPECT_EQ(token_after(link, at(""), "[]", "<https://h/a?_sort=b,c>; rel=\"next\""), "https://h/a?_sort=b,c");
  EXPECT_EQ(token_after(link, at(""), "[]", "<https://h/a>; rel=\"first\""), "");
}

TEST(Paging, PageNumbersFromOneAndFromZero) {
  const Paging one = paging_of("style = \"page\"\nparam = \"page\"\nsize_param = \"limit\"\n");
  EXPECT_EQ(asked(one, at("")), "page=1&limit=10");
  EXPECT_EQ(token_after(one, at(""), R"({"items":[{}]})"), "2x10");
  EXPECT_EQ(token_after(one, at("7x10"), R"({"items":[]})"), "");
  EXPECT_TRUE(told(one, at("7x10")).empty_is_last);
  const Paging zero = paging_of("style = \"page\"\nparam = \"page\"\nfirst = 0\n");
  EXPECT_EQ(asked(zero, at("")), "page=0");
  EXPECT_EQ(token_after(zero, at(""), R"({"items":[{}]})"), "1");
}

// Page sizes are clamped in silence: where a listing goes on depends on what came, not on what was asked for.
TEST(Paging, OffsetsCountWhatCame) {
  const Paging paging = paging_of("style = \"offset\"\nparam = \"offset\"\nsize_param = \"limit\"\n");
  EXPECT_EQ(asked(paging, at("")), "offset=0&limit=10");
  EXPECT_EQ(token_after(paging, at("20"), R"({"items":[{},{},{}]})"), "23");
  EXPECT_EQ(told(paging, at("20")).offset, 20);
  EXPECT_EQ(told(paging, at("20")).overlap, std::nullopt);
}

TEST(Paging, OffsetsReadAgainWhatMayHaveShifted) {
  const Paging paging = paging_of("style = \"offset\"\nparam = \"offset\"\nsize_param = \"limit\"\noverlap = 3\n");
  EXPECT_EQ(told(paging, at("")).overlap, 0U) << "said on every page";
  EXPECT_EQ(asked(paging, at("20")), "offset=17&limit=10");
  const Tell later = told(paging, at("20"));
  EXPECT_EQ(later.offset, 17);
  EXPECT_EQ(later.overlap, 3U);
  EXPECT_EQ(later.back, "17") << "which begins at 14";
  EXPECT_EQ(asked(paging, at("2")), "offset=0&limit=10");
  EXPECT_EQ(told(paging, at("2")).overlap, 2U);
}

// NetSuite refuses an offset that is no multiple of the limit.
TEST(Paging, AlignedOffsetsTakeALimitThatDividesThem) {
  const Paging paging = paging_of("style = \"offset\"\nparam = \"offset\"\nsize_param = \"limit\"\naligned = true\n");
  EXPECT_EQ(asked(paging, at("0", 1000)), "offset=0&limit=1000");
  EXPECT_EQ(asked(paging, at("2000", 1000)), "offset=2000&limit=1000");
  EXPECT_EQ(asked(paging, at("1500", 1000)), "offset=1500&limit=750") << "resumed with another page size";
  EXPECT_EQ(asked(paging, at("1437", 1000)), "offset=1437&limit=479");
  EXPECT_EQ(asked(paging, at("7", 5)), "offset=7&limit=1");
}

TEST(Paging, APagesNumberKeepsTheSizeThatItWasCountedIn) {
  const Paging paging = paging_of("style = \"page\"\nparam = \"page\"\nsize_param = \"limit\"\n");
  EXPECT_EQ(asked(paging, at("3x10", 25)), "page=3&limit=10");
  EXPECT_EQ(token_after(paging, at("3x10", 25), R"({"items":[{}]})"), "4x10");
  Place part = at("", 25);
  part.low = 5;
  part.high = 6;
  part.part_size = 10;
  EXPECT_EQ(asked(paging, part), "page=5&limit=10");
  EXPECT_EQ(token_after(paging, part, R"({"items":[{}]})"), "6x10");
  part.token = "6x10";
  EXPECT_EQ(token_after(paging, part, R"({"items":[{}]})"), "");
  EXPECT_THROW(asked(paging, at("3x")), sdk::Error);
  EXPECT_THROW(asked(paging, at("x10")), sdk::Error);
}

TEST(Paging, PartsKeepTheirBounds) {
  const Paging paging = paging_of("style = \"offset\"\nparam = \"offset\"\nsize_param = \"limit\"\n");
  Place place = at("");
  place.low = 100;
  place.high = 125;
  EXPECT_EQ(asked(paging, place), "offset=100&limit=10");
  place.token = "120";
  EXPECT_EQ(asked(paging, place), "offset=120&limit=5");
  place.token = "125";
  EXPECT_EQ(asked(paging, place), "nothing");
  const Paging pages = paging_of("style = \"page\"\nparam = \"page\"\n");
  place.token = "125";
  EXPECT_EQ(told(pages, place).next_token, "");
}

TEST(Paging, KeysetGoesOnBehindTheLastRecord) {
  const Paging paging = paging_of(
      "style = \"keyset\"\nfields = [\"/at\", \"/id\"]\nparams = { after = \"{0},{1}\", id = \"{1}\" }\nsize_param = \"limit\"\n");
  EXPECT_EQ(asked(paging, at("")), "limit=10");
  EXPECT_EQ(asked(paging, at(R"(["2024-01-01T00:00:00Z",9007199254740993])")),
            "after=2024-01-01T00:00:00Z,9007199254740993&id=9007199254740993&limit=10");
  EXPECT_EQ(ask(paging, at(R"(["x",9007199254740993])")).parameters[1].json, "9007199254740993") << "a number stays one in a body";
  EXPECT_EQ(token_after(paging, at(""), R"({"items":[{"at":1,"id":2},{"at":"b","id":1.50}]})"), R"(["b",1.50])");
  EXPECT_EQ(token_after(paging, at(""), R"({"items":[]})"), "");
  EXPECT_THROW(asked(paging, at("[1]")), sdk::Error);
  EXPECT_THROW(asked(paging, at("17")), sdk::Error);
  EXPECT_THROW(token_after(paging, at(""), R"({"items":[{"at":1}]})"), sdk::Error);
}

TEST(Paging, SizesStayWithinTheirMaximum) {
  const Paging paging = paging_of("style = \"page\"\nparam = \"page\"\nsize_param = \"limit\"\nsize = 50\nmax_size = 100\n");
  EXPECT_EQ(page_size(paging, 0), 50);
  EXPECT_EQ(page_size(paging, 70), 70);
  EXPECT_EQ(page_size(paging, 5000), 100);
}

TEST(Paging, ARepliesWithoutRecordsSaysWhereTheyShouldBe) {
  try {
    records_of(R"({"error":"x"})", "/items");
    FAIL();
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.category, sdk::Category::protocol);
    EXPECT_NE(std::string(error.what()).find("no list of records at '/items'"), std::string::npos);
  }
}

}  // namespace
}  // namespace switchgear::rest

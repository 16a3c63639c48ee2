#include "link_header.hpp"

#include <gtest/gtest.h>

namespace switchgear::rest {
namespace {

TEST(LinkHeader, FindsTheNextLink) {
  EXPECT_EQ(link_target("<https://a/b?page=2>; rel=\"next\", <https://a/b?page=9>; rel=\"last\"", "next"), "https://a/b?page=2");
  EXPECT_EQ(link_target("<https://a/b?page=2>; rel=\"next\", <https://a/b?page=9>; rel=\"last\"", "last"), "https://a/b?page=9");
  EXPECT_EQ(link_target("<x>;rel=first", "next"), std::nullopt);
  EXPECT_EQ(link_target("", "next"), std::nullopt);
}

// json-server sorts by several fields, and writes their commas as they are.
TEST(LinkHeader, RawCommasInUrlsPartNothing) {
  EXPECT_EQ(
      link_target("<http://h/w?_sort=updatedAt,id&_page=1>; rel=\"first\", <http://h/w?_sort=updatedAt,id&_page=2>; rel=\"next\"", "next"),
      "http://h/w?_sort=updatedAt,id&_page=2");
  EXPECT_EQ(link_target("<http://h/w?a=1;rel=\"next\",b>; rel=\"prev\", <http://h/2>; rel=\"next\"", "next"), "http://h/2");
}

TEST(LinkHeader, QuotedParametersPartNothing) {
  EXPECT_EQ(link_target("<1>; title=\"a, \\\"rel=next\\\"; <2>\"; rel=\"prev\", <3>; title=x; rel=\"next\"", "next"), "3");
}

TEST(LinkHeader, RelationsAreAListWithoutCase) {
  EXPECT_EQ(link_target("<1>; rel=\"prev  NEXT\"", "next"), "1");
  EXPECT_EQ(link_target("<1>; REL=Next", "next"), "1");
  EXPECT_EQ(link_target("<1>; rel=\"nextish\"", "next"), std::nullopt);
  EXPECT_EQ(link_target("<1>; rel=prev; rel=next", "next"), std::nullopt) << "the first rel counts (RFC 8288, 3.3)";
}

TEST(LinkHeader, TakesWhatIsNone) {
  for (const auto* const odd :
       {"<", "<a", "a; rel=next", "<a> rel=next", "<a>;", "<a>; rel", "<a>; rel=\"next", ",,,", "; rel=next", "<a>; rel=\"next\\"})
    EXPECT_NO_THROW(link_target(odd, "next")) << odd;
  EXPECT_EQ(link_target(",, <a>; rel=next,,", "next"), "a");
}

}  // namespace
}  // namespace switchgear::rest

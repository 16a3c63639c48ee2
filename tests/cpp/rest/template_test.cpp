#include "template.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace switchgear::rest {
namespace {

std::optional<std::string> values(std::string_view name) {
  if (name == "id") return "PN-1/O'Ä ?#";
  if (name == "dots") return "..";
  return std::nullopt;
}

TEST(Template, EncodesWhatIsFilledIntoAPathAsOneSegment) {
  const Template path = Template::parse("/parts/{id}/meters");
  EXPECT_EQ(path.render(values, Encoding::path), "/parts/PN-1%2FO%27%C3%84%20%3F%23/meters");
  EXPECT_EQ(path.render(values), "/parts/PN-1/O'Ä ?#/meters");
  EXPECT_EQ(path.names(), std::vector<std::string>{"id"});
}

TEST(Template, DotsAreNoStepUpwards) { EXPECT_EQ(Template::parse("/a/{dots}/b").render(values, Encoding::path), "/a/%2E%2E/b"); }

TEST(Template, DoubledBracesAreBraces) { EXPECT_EQ(Template::parse("{{\"a\": {id}}}").names(), std::vector<std::string>{"id"}); }

TEST(Template, RefusesBracesWithoutTheirPartner) {
  for (const auto* const broken : {"/a/{id", "/a/id}", "/a/{}", "/{a{b}"})
    EXPECT_THROW(Template::parse(broken), std::invalid_argument) << broken;
}

TEST(Template, NamesAPlaceWithoutAValue) {
  try {
    Template::parse("/{other}").render(values);
    FAIL();
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "other");
  }
}

TEST(Template, KnowsThatItIsNothingButAValue) {
  EXPECT_EQ(Template::parse("{value}").sole_name(), "value");
  EXPECT_EQ(Template::parse("a{value}").sole_name(), std::nullopt);
}

}  // namespace
}  // namespace switchgear::rest

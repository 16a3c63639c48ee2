#include "window.hpp"

#include <gtest/gtest.h>

#include "instant.hpp"
#include "paging.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

Paging windows() {
  return load_description(R"(name = "p"
[[entities]]
name = "a"
path = "/a"
[entities.paging]
style = "window"
from_param = "from"
until_param = "until"
more = "/more"
start = "2026-01-01T00:00:00Z"
step_s = 86400
)",
                          "p.toml")
      .entities[0]
      .paging;
}

Place at(std::string token, const char* now = "2026-01-10T00:00:00Z") {
  Place place;
  place.token = std::move(token);
  place.size = 100;
  place.now = *parse_instant(now);
  return place;
}

std::string asked(const Place& place) {
  std::string text;
  for (const Parameter& each : ask(windows(), place).parameters) text += each.name + "=" + each.text + " ";
  return text;
}

TEST(Window, TheFirstHasNoBeginningAndTheLastNoEnd) {
  Place place = at("");
  EXPECT_EQ(asked(place), "until=2026-01-01T00:00:00Z ");
  place.token = following(windows(), place, 50);
  EXPECT_EQ(asked(place), "from=2026-01-01T00:00:00Z until=2026-01-02T00:00:00Z ");
  std::string last;
  for (int i = 0; i < 9; ++i) {
    last = asked(place);
    place.token = following(windows(), place, 50);
  }
  EXPECT_EQ(last, "from=2026-01-09T00:00:00Z ");
  EXPECT_EQ(place.token, "");
}

TEST(Window, NoGapLiesBetweenWindows) {
  Place place = at("", "2026-03-01T00:00:00Z");
  std::optional<std::int64_t> end;
  for (std::size_t records = 0; records < 200; records += 7) {
    const Window window = window_at(windows(), place);
    if (end) {
      EXPECT_EQ(window.from, end);
    }
    end = window.until;
    place.token = following(windows(), place, records % 90);
    if (place.token.empty()) break;
  }
}

TEST(Window, OneThatHoldsTooMuchIsHalved) {
  Place place = at(following(windows(), at(""), 50));
  place.token = narrower(windows(), place);
  EXPECT_EQ(asked(place), "from=2026-01-01T00:00:00Z until=2026-01-01T12:00:00Z ");
  for (int i = 0; i < 15; ++i) place.token = narrower(windows(), place);
  EXPECT_EQ(window_at(windows(), place).step, 86'400'000'000 / 65536);
  EXPECT_THROW(narrower(windows(), place), sdk::Error) << "more records within a second than a page holds";
}

TEST(Window, TheOneWithoutBeginningIsCutAt1970) {
  Place place = at("");
  place.token = narrower(windows(), place);
  EXPECT_EQ(asked(place), "until=1970-01-01T00:00:00Z ");
  EXPECT_THROW(narrower(windows(), place), sdk::Error);
}

TEST(Window, EmptyOnesGetWider) {
  Place place = at(following(windows(), at("", "2026-06-01T00:00:00Z"), 0), "2026-06-01T00:00:00Z");
  EXPECT_EQ(asked(place), "from=2026-01-01T00:00:00Z until=2026-01-03T00:00:00Z ");
  place.token = following(windows(), place, 0);
  EXPECT_EQ(asked(place), "from=2026-01-03T00:00:00Z until=2026-01-07T00:00:00Z ");
  place.token = following(windows(), place, 60);
  EXPECT_EQ(asked(place), "from=2026-01-07T00:00:00Z until=2026-01-08T00:00:00Z ");
}

TEST(Window, PartsEndWhereTheNextBegins) {
  Place place = at("");
  place.low = *parse_instant("2026-01-05T00:00:00Z");
  place.high = *parse_instant("2026-01-06T06:00:00Z");
  EXPECT_EQ(asked(place), "from=2026-01-05T00:00:00Z until=2026-01-06T00:00:00Z ");
  place.token = following(windows(), place, 50);
  EXPECT_EQ(asked(place), "from=2026-01-06T00:00:00Z until=2026-01-06T06:00:00Z ");
  EXPECT_EQ(following(windows(), place, 50), "");
}

TEST(Window, RefusesTokensThatAreNone) {
  for (const auto* const odd : {"x", "[1]", "[1,2,\"x\"]", "{}"}) EXPECT_THROW(window_at(windows(), at(odd)), sdk::Error) << odd;
}

}  // namespace
}  // namespace switchgear::rest

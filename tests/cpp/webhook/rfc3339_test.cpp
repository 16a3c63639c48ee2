#include "rfc3339.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace switchgear::webhook_detail {
namespace {

std::int64_t seconds_of(std::string_view text) {
  const auto instant = parse_rfc3339(text);
  return instant ? instant->seconds : -1;
}

TEST(Rfc3339, ReadsItsOwnExamples) {
  EXPECT_EQ(seconds_of("1985-04-12T23:20:50.52Z"), 482196050);
  EXPECT_EQ(parse_rfc3339("1985-04-12T23:20:50.52Z")->nanoseconds, 520'000'000);
  EXPECT_EQ(seconds_of("1996-12-19T16:39:57-08:00"), 851042397);
  EXPECT_EQ(seconds_of("1990-12-31T23:59:60Z"), 662688000);
  EXPECT_EQ(seconds_of("1990-12-31T15:59:60-08:00"), 662688000);
  EXPECT_EQ(seconds_of("1937-01-01T12:00:27.87+00:20"), -1041337173);
  EXPECT_EQ(parse_rfc3339("2018-04-05t17:31:00.1234567899z")->nanoseconds, 123'456'789);
}

TEST(Rfc3339, RefusesWhatIsNoInstant) {
  for (const std::string_view text :
       {"", "2026-11-27", "2026-11-27T04:00:00", "2026-11-27T04:00Z", "2026-13-27T04:00:00Z", "2026-02-29T04:00:00Z",
        "2026-11-27T24:00:00Z", "2026-11-27T04:60:00Z", "2026-11-27T04:00:61Z", "2026-11-27T04:00:00.Z", "2026-11-27T04:00:00+24:00",
        "2026-11-27T04:00:00+0100", "2026-11-27T04:00:00Z ", "+026-11-27T04:00:00Z", "1614265330"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Rfc3339, KnowsWhatTheClockCannotCount) {
  EXPECT_FALSE(to_wall_time(*parse_rfc3339("0001-01-01T00:00:00Z")));
  EXPECT_FALSE(to_wall_time(*parse_rfc3339("9999-12-31T23:59:59Z")));
  EXPECT_TRUE(to_wall_time(*parse_rfc3339("1700-01-01T00:00:00Z")));
  EXPECT_TRUE(to_wall_time(*parse_rfc3339("2261-01-01T00:00:00Z")));
}

TEST(Rfc3339, WritesWhatItReads) {
  for (const std::string_view text : {"1970-01-01T00:00:00Z", "2026-11-27T04:00:00.123Z", "1969-12-31T23:59:59.999999Z",
                                      "2026-11-27T04:00:00.000000001Z", "2024-02-29T23:59:59Z"}) {
    EXPECT_EQ(format_rfc3339(*to_wall_time(*parse_rfc3339(text))), text);
  }
}

}  // namespace
}  // namespace switchgear::webhook_detail

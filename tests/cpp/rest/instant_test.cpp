#include "instant.hpp"

#include <gtest/gtest.h>

namespace switchgear::rest {
namespace {

TEST(Instant, ReadsTimesAsSourcesWriteThem) {
  EXPECT_EQ(parse_instant("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_instant("1970-01-01"), 0);
  EXPECT_EQ(parse_instant("1970-01-01T02:00:00.5+02:00"), 500'000);
  EXPECT_EQ(parse_instant("1969-12-31 23:59:59.999999-0000"), -1);
  EXPECT_EQ(parse_instant("2026-01-31T12:00:00-05:30"), parse_instant("2026-01-31T17:30Z"));
  for (const auto* const odd :
       {"", "17", "2026-13-01", "2026-02-30", "2026-01-01T", "2026-01-01T25:00", "2026-01-01T00:00:00+99:00", "2026-01-01Tx", "OPEN"})
    EXPECT_EQ(parse_instant(odd), std::nullopt) << odd;
}

TEST(Instant, WritesThemBack) {
  const std::int64_t at = *parse_instant("2026-01-31T12:00:00.25Z");
  EXPECT_EQ(format_instant(at, TimeForm::iso), "2026-01-31T12:00:00.25Z");
  EXPECT_EQ(format_instant(at, TimeForm::date), "2026-01-31");
  EXPECT_EQ(format_instant(at, TimeForm::epoch_s), "1769860800");
  EXPECT_EQ(format_instant(at, TimeForm::epoch_ms), "1769860800250");
  EXPECT_EQ(format_instant(-1, TimeForm::iso), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(converted_instant("17", TimeForm::epoch_s), "17") << "a cursor need not be a time";
}

}  // namespace
}  // namespace switchgear::rest

#include "switchgear/http/rate_headers.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// 1994-11-06 08:49:37 UTC, the date of RFC 9110's examples.
constexpr std::chrono::sys_seconds rfc_date{784'111'777s};
const WallTime now = rfc_date;

std::optional<milliseconds> retry_after(std::string_view value, WallTime at = now) { return parse_retry_after(value, at); }

TEST(HttpDate, ReadsTheThreeFormsOfTheRfc) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now), rfc_date);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), rfc_date);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", now), rfc_date);
  EXPECT_EQ(parse_http_date("Wed Nov 16 08:49:37 1994", now), rfc_date + 240h);
  EXPECT_EQ(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", now), parse_http_date("Sun, 01 Jan 2017 00:00:00 GMT", now));
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT", now), std::chrono::sys_days(std::chrono::year(2024) / 2 / 29));
}

TEST(HttpDate, TwoDigitYearsAreAtMostFiftyAhead) {
  const WallTime in_2026 = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  const auto year = [&](std::string_view text) {
    const auto date = parse_http_date(text, in_2026);
    return date ? static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(*date)).year()) : 0;
  };
  EXPECT_EQ(year("Sunday, 06-Nov-94 08:49:37 GMT"), 1994);
  EXPECT_EQ(year("Sunday, 06-Nov-26 08:49:37 GMT"), 2026);
  EXPECT_EQ(year("Sunday, 06-Nov-76 08:49:37 GMT"), 2076);
  EXPECT_EQ(year("Sunday, 06-Nov-77 08:49:37 GMT"), 1977);
}

TEST(HttpDate, IsStrict) {
  for (const std::string_view text : {"",
                                      "Sun",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Nov 1994 08:49:37 UTC",
                                      "Sun, 06 Nov 1994 08:49:37 +0000",
                                      "sun, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 6 Nov 1994 08:49:37 GMT",
                                      "Sun,06 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 94 08:49:37 GMT",
                                      "Sun, 31 Feb 1994 08:49:37 GMT",
                                      "Thu, 29 Feb 2023 00:00:00 GMT",
                                      "Sun, 06 Nov 1994 24:00:00 GMT",
                                      "Sun, 06 Nov 1994 08:60:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:61 GMT",
                                      "Sun, 06 Nov 99999 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT ",
                                      "Sun, 06 Nov 1994 08:49:37 GMTX",
                                      "Sun, 06-Nov-94 08:49:37 GMT",
                                      "Sunday, 06-Nov-1994 08:49:37 GMT",
                                      "Sun Nov 6 08:49:37 1994",
                                      "Sun Nov  6 08:49:37 94",
                                      "Sun Nov 006 08:49:37 1994",
                                      "Xyz, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Now 1994 08:49:37 GMT",
                                      "Sun, -6 Nov 1994 08:49:37 GMT",
                                      "1994-11-06T08:49:37Z",
                                      "784111777"}) {
    EXPECT_EQ(parse_http_date(text, now), std::nullopt) << text;
  }
}

TEST(RetryAfter, SecondsAreDigitsOnly) {
  EXPECT_EQ(retry_after("0"), 0ms);
  EXPECT_EQ(retry_after("7"), 7s);
  EXPECT_EQ(retry_after(" 120\t"), 120s);
  EXPECT_EQ(retry_after("007"), 7s);
  for (const std::string_view text : {"", " ", "-3", "+3", "1.5", "1e3", "3s", "0x10", "NaN", "inf", "12 3", "12,13", "\xD9\xA3"}) {
    EXPECT_EQ(retry_after(text), std::nullopt) << text;
  }
}

TEST(RetryAfter, IsCutToTheCap) {
  EXPECT_EQ(retry_after("300"), 300s);
  EXPECT_EQ(retry_after("301"), 300s);
  EXPECT_EQ(retry_after("99999999999999999999999999"), 300s);
  EXPECT_EQ(parse_retry_after("18446744073709551615", now, milliseconds::max()), milliseconds::max());
  EXPECT_EQ(parse_retry_after("9223372036854775", now, milliseconds::max()), milliseconds(9223372036854775000));
  EXPECT_EQ(parse_retry_after("5", now, 1500ms), 1500ms);
  EXPECT_EQ(parse_retry_after("5", now, 0ms), 0ms);
  EXPECT_EQ(retry_after("Fri, 31 Dec 9999 23:59:59 GMT"), 300s);
  EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now, 24h * 365 * 10000),
            milliseconds(253'402'300'799s - rfc_date.time_since_epoch()));
}

TEST(RetryAfter, DatesArePastIgnoredAndRoundedUp) {
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:50:07 GMT"), 30s);
  EXPECT_EQ(retry_after("Sunday, 06-Nov-94 08:50:07 GMT"), 30s);
  EXPECT_EQ(retry_after("Sun Nov  6 08:50:07 1994"), 30s);
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), 0s);
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:36 GMT"), std::nullopt);
  EXPECT_EQ(retry_after("Thu, 01 Jan 1970 00:00:00 GMT"), std::nullopt);
  EXPECT_EQ(retry_after("Mon, 01 Jan 0000 00:00:00 GMT"), std::nullopt);
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:39 GMT", now + 1ms), 2s) << "1.999 s";
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now + 1ns), std::nullopt);
  EXPECT_EQ(retry_after("Sun, 06 Nov 99999 08:49:37 GMT"), std::nullopt);
}

TEST(RetryAfter, TenMegabytesAreIgnored) {
  EXPECT_EQ(retry_after(std::string(10U << 20U, '1')), std::nullopt);
  EXPECT_EQ(retry_after(std::string(10U << 20U, ' ') + "x"), std::nullopt);
}

RateHeaders read(const Headers& headers, WallTime at = now) { return read_rate_headers(headers, at); }

TEST(RateHeaders, TheReplysDateCancelsClockSkew) {
  const Headers headers{{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:42 GMT"}};
  EXPECT_EQ(read(headers, now + 240h).retry_after, 5s);
  EXPECT_EQ(read(headers, now - 240h).retry_after, 5s);
  const Headers broken{{"Date", "yesterday"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:42 GMT"}};
  EXPECT_EQ(read(broken, now + 1s).retry_after, 4s);
  const Headers far_off{{"Date", "Fri, 31 Dec 9999 23:59:59 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:42 GMT"}};
  EXPECT_EQ(read(far_off, now + 1s).retry_after, 4s) << "a clock beyond all clocks is no clock";
}

TEST(RateHeaders, ReadsTheDraftsList) {
  const RateHeaders rate = read(
      {{"RateLimit-Policy", "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400"}, {"RateLimit", "\"daily\";r=900;t=60, \"burst\";r=0;t=30"}});
  EXPECT_EQ(rate.remaining, 0U);
  EXPECT_EQ(rate.limit, 100U);
  EXPECT_EQ(rate.reset_after, 30s);
  EXPECT_EQ(rate.wait(), 30s);
  EXPECT_EQ(rate.retry_after, std::nullopt);
  EXPECT_EQ(read({{"RateLimit", "default;r=50;t=30"}}).remaining, 50U);
  EXPECT_EQ(read({{"RateLimit", "default;r=50;t=30"}}).wait(), std::nullopt);
  EXPECT_EQ(read({{"RateLimit", "\"a\";r=0;t=5, \"b\";r=0;t=9, \"c\";r=3;t=100"}}).wait(), 9s) << "the longest of the exhausted ones";
  EXPECT_EQ(read({{"ratelimit", "\"a\";r=3"}, {"RATELIMIT", "\"b\";r=1;pk=:AA==:;x=?1;y=1.5;z=tok"}}).remaining, 1U)
      << "lines of one list belong together";
  EXPECT_EQ(read({{"RateLimit", "\"a\";r=0;t=200000000"}}).wait(), 300s) << "t is always delta seconds";
}

TEST(RateHeaders, ReadsTheDraftsDictionary) {
  const RateHeaders rate = read({{"RateLimit", "limit=100, remaining=0, reset=12"}});
  EXPECT_EQ(rate.limit, 100U);
  EXPECT_EQ(rate.remaining, 0U);
  EXPECT_EQ(rate.wait(), 12s);
}

TEST(RateHeaders, AMalformedListIsIgnoredAsAWhole) {
  for (const char* text : {"\"a\";r=0;t=5,", "\"a;r=0;t=5", "\"a\";r=0;t=5 \"b\"", "\"a\";R=0", "\"a\";r=;t=5", ";r=0;t=5",
                           "\"a\";r=0;t=5;", "(\"a\" \"b\");r=0;t=5", "\"a\\x\";r=0;t=5", "\"\xC3\xA4\";r=0;t=5",
                           "\"a\";r=0;t=1234567890123456", "limit=, remaining=0", ",", "?2;r=0", "1.;r=0", "\"a\";r=0;t=-"}) {
    const RateHeaders rate = read({{"RateLimit", text}});
    EXPECT_FALSE(rate.remaining || rate.reset_after || rate.limit) << text;
  }
  const RateHeaders negative = read({{"RateLimit", "\"a\";r=-1;t=-5"}});
  EXPECT_FALSE(negative.remaining || negative.reset_after);
  EXPECT_EQ(read({{"RateLimit", "\"a\";r=1.0;t=5"}}).remaining, std::nullopt) << "a decimal is no count";
}

TEST(RateHeaders, ReadsTheOldTriples) {
  for (const std::string prefix : {"RateLimit-", "X-RateLimit-", "x-ratelimit-", "X-Rate-Limit-"}) {
    const RateHeaders rate = read({{prefix + "Limit", "100, 100;w=60"}, {prefix + "Remaining", "0"}, {prefix + "Reset", "17"}});
    EXPECT_EQ(rate.limit, 100U) << prefix;
    EXPECT_EQ(rate.remaining, 0U) << prefix;
    EXPECT_EQ(rate.wait(), 17s) << prefix;
  }
}

TEST(RateHeaders, TheSizeOfAResetTellsItsKind) {
  const auto reset = [](std::string value) {
    return read_rate_headers({{"X-RateLimit-Reset", std::move(value)}}, WallTime(1'700'000'000s), 24h).reset_after;
  };
  EXPECT_EQ(reset("0"), 0s);
  EXPECT_EQ(reset("99999999"), 24h) << "below 1e8: delta seconds";
  EXPECT_EQ(reset("100000000"), std::nullopt);
  EXPECT_EQ(reset("999999999"), std::nullopt);
  EXPECT_EQ(reset("1700000060"), 60s);
  EXPECT_EQ(reset("1000000000"), std::nullopt) << "epoch seconds, but long past";
  EXPECT_EQ(reset("100000000000"), 24h);
  EXPECT_EQ(reset("100000000001"), std::nullopt);
  EXPECT_EQ(reset("1000000000000"), std::nullopt);
  EXPECT_EQ(reset("1700000000250"), 250ms);
  EXPECT_EQ(reset("1699999999999"), std::nullopt);
  EXPECT_EQ(reset("99999999999999999999999"), 24h);
  for (const char* text : {"", "-1", "1.5", "1e9", "soon", "60s", "NaN"}) EXPECT_EQ(reset(text), std::nullopt) << text;
}

TEST(RateHeaders, RetryAfterWinsAndTheNewerFormWins) {
  const RateHeaders rate =
      read({{"X-RateLimit-Remaining", "5"}, {"X-RateLimit-Reset", "99"}, {"RateLimit", "\"a\";r=0;t=10"}, {"Retry-After", "3"}});
  EXPECT_EQ(rate.wait(), 3s);
  EXPECT_EQ(rate.remaining, 0U);
  EXPECT_EQ(rate.reset_after, 10s);
  EXPECT_EQ(read({{"Retry-After", "-3"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "9"}}).wait(), 9s)
      << "an ignored Retry-After does not win";
  EXPECT_EQ(read({{"RateLimit", "garbage here"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "9"}}).wait(), 9s);
  EXPECT_EQ(read({{"Retry-After", "4"}, {"Retry-After", "400"}}).retry_after, 4s);
}

TEST(RateHeaders, HostileHeadersChangeNothing) {
  const std::string huge(10U << 20U, '9');
  const RateHeaders rate = read(
      {{"Retry-After", huge}, {"RateLimit", huge}, {"RateLimit", "\"a\";r=0;t=5"}, {"RateLimit-Policy", huge}, {huge, "1"}, {"", "1"}});
  EXPECT_FALSE(rate.retry_after || rate.remaining || rate.reset_after || rate.limit);
  Headers many;
  for (int i = 0; i < 100'000; ++i) many.add("RateLimit", "\"a\";r=0;t=5");
  EXPECT_FALSE(read(many).remaining) << "more than anybody sends is refused as a whole";
}

}  // namespace
}  // namespace switchgear

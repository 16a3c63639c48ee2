#include "cursor.hpp"

#include <gtest/gtest.h>

#include "rows.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear::sync_detail {
namespace {

using namespace std::chrono_literals;
using Wanted = std::vector<std::uint8_t>;

CursorTracker::Options by_time(std::chrono::microseconds lookback = 60s) {
  CursorTracker::Options options;
  options.cursor = "at";
  options.key = {"id"};
  options.lookback = lookback;
  return options;
}

std::string record(int id, const std::string& at) { return R"({"id":)" + std::to_string(id) + R"(,"at":")" + at + "\"}"; }

TEST(Cursor, TheNewestValueIsTheWatermark) {
  CursorTracker tracker(by_time(), std::nullopt, {}, nullptr);
  tracker.see(rows("[" + record(1, "2026-01-02T00:00:00Z") + "," + record(2, "2026-01-01T00:00:00Z") + "]"));
  ASSERT_TRUE(tracker.candidate());
  EXPECT_EQ(tracker.candidate()->text(), "2026-01-02T00:00:00.000000Z");
  EXPECT_EQ(tracker.candidate()->asked(60s), "2026-01-01T23:59:00.000000Z");
}

TEST(Cursor, WhatWasSeenAtTheEdgeIsLeftOutAndItsNewVersionIsNot) {
  CursorTracker first(by_time(), std::nullopt, {}, nullptr);
  first.see(rows("[" + record(1, "2026-01-01T00:00:00Z") + "," + record(2, "2026-01-01T00:00:30Z") + "]"));
  CursorTracker next(by_time(), first.candidate(), {}, &first.edge());
  const Wanted wanted = next.see(rows("[" + record(1, "2026-01-01T00:00:00Z") + "," + record(2, "2026-01-01T00:00:40Z") + "," +
                                      record(3, "2026-01-01T00:00:30Z") + "]"));
  EXPECT_EQ(wanted, (Wanted{0, 1, 1}));
  EXPECT_EQ(next.unchanged(), 1);
}

TEST(Cursor, RecordsThatShareTheBoundaryComeOnceEach) {
  Edge edge;
  std::optional<Watermark> mark;
  std::vector<int> written(500);
  // Each run sees some more of those that share one instant, and all that were there before.
  for (int there = 100; there <= 500; there += 100) {
    CursorTracker tracker(by_time(0s), mark, {}, &edge);
    for (int page = 0; page < there; page += 100) {
      std::string json = "[";
      for (int id = page; id < page + 100; ++id) json += (id > page ? "," : "") + record(id, "2026-01-01T00:00:00Z");
      const Wanted wanted = tracker.see(rows(json + "]"));
      for (int i = 0; i < 100; ++i) written[static_cast<std::size_t>(page + i)] += wanted[static_cast<std::size_t>(i)];
    }
    mark = tracker.candidate();
    edge = tracker.edge();
  }
  EXPECT_EQ(written, std::vector<int>(500, 1));
}

TEST(Cursor, AVersionThatOneListingNamesTwiceIsAddedOnce) {
  CursorTracker::Options options = by_time();
  options.once = true;
  CursorTracker tracker(options, std::nullopt, {}, nullptr);
  const std::string one = record(1, "2026-01-01T00:00:00Z"), two = record(2, "2025-01-01T00:00:00Z"), none = R"({"id":3,"at":null})";
  EXPECT_EQ(tracker.see(rows("[" + one + "," + two + "," + none + "," + two + "]")), (Wanted{1, 1, 1, 0}));
  tracker.committed();
  EXPECT_EQ(tracker.see(rows("[" + two + "," + none + "," + record(2, "2026-01-01T00:00:01Z") + "]")), (Wanted{0, 0, 1}))
      << "what a new record before it moved on to the next page";
  EXPECT_EQ(tracker.unchanged(), 3);
}

TEST(Cursor, AnEdgeThatIsTooLargeSaysHowFarItIsForgotten) {
  CursorTracker tracker(by_time(60s), std::nullopt, {}, nullptr);
  std::string json = "[";
  for (int id = 0; id < 5000; ++id) json += (id > 0 ? "," : "") + record(id, "2026-01-01T00:00:00Z");
  tracker.see(rows(json + "]"));
  EXPECT_EQ(tracker.edge().size, 0U);
  EXPECT_TRUE(tracker.edge().cut);
  tracker.see(rows("[" + record(1, "2026-01-01T00:00:59Z") + "]"));
  EXPECT_TRUE(tracker.edge().cut) << "they come again";
  tracker.see(rows("[" + record(1, "2026-01-01T00:02:00Z") + "]"));
  EXPECT_FALSE(tracker.edge().cut);
}

TEST(Cursor, TheWatermarkStaysBelowWhatThereWasWhenTheListingBegan) {
  CursorTracker::Options options = by_time();
  options.bound = CursorValue{false, 1'767'225'600'000'000, {}};  // 2026-01-01T00:00:00Z
  CursorTracker tracker(options, std::nullopt, {}, nullptr);
  tracker.see(rows("[" + record(1, "2026-01-01T00:00:05Z") + "]"));
  EXPECT_EQ(tracker.candidate()->text(), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(tracker.edge().size, 1U) << "it will come again, and is known";
}

TEST(Cursor, ARecordFromTheFutureDoesNotHideThePresent) {
  CursorTracker::Options options = by_time();
  options.newest = WallTime(1'767'225'600s);
  CursorTracker tracker(options, std::nullopt, {}, nullptr);
  tracker.see(rows("[" + record(1, "2099-01-01T00:00:00Z") + "," + record(2, "2025-12-31T00:00:00Z") + "]"));
  EXPECT_EQ(tracker.candidate()->text(), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(tracker.from_the_future(), 1);
}

TEST(Cursor, RecordsWithoutAValueAreWrittenAndCounted) {
  CursorTracker tracker(by_time(), std::nullopt, {}, nullptr);
  const Wanted wanted = tracker.see(rows("[" + record(1, "2026-01-01T00:00:00Z") + R"(,{"id":2,"at":null}])"));
  EXPECT_EQ(wanted, (Wanted{1, 1}));
  EXPECT_EQ(tracker.without_value(), 1);
}

TEST(Cursor, AnEdgeThatIsTooLargeIsForgottenNotKept) {
  CursorTracker tracker(by_time(0s), std::nullopt, {}, nullptr);
  for (int page = 0; page < 50; ++page) {
    std::string json = "[";
    for (int i = 0; i < 100; ++i) json += (i > 0 ? "," : "") + record(page * 100 + i, "2026-01-01T00:00:00Z");
    tracker.see(rows(json + "]"));
    EXPECT_LE(tracker.edge().size, 4096U);
  }
  EXPECT_EQ(tracker.candidate()->text(), "2026-01-01T00:00:00.000000Z");
}

TEST(Cursor, NumbersAndTextHaveNoLookback) {
  CursorTracker::Options options;
  options.cursor = "n";
  options.key = {"n"};
  options.lookback = 60s;
  CursorTracker tracker(options, std::nullopt, {}, nullptr);
  tracker.see(rows(R"([{"n":41},{"n":42}])"));
  EXPECT_EQ(tracker.candidate()->asked(60s), "42");
  EXPECT_EQ(tracker.edge().size, 1U);
}

void refuses(const std::string& json, Category category, const std::string& detail, const std::string& part) {
  try {
    CursorTracker tracker(by_time(), std::nullopt, {}, nullptr);
    tracker.see(rows(json));
    FAIL() << json;
  } catch (const Error& error) {
    EXPECT_EQ(error.category, category) << error.describe();
    EXPECT_EQ(error.detail, detail);
    EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
    EXPECT_FALSE(error.hint.empty());
  }
}

TEST(Cursor, WhatCanNotBeOrderedIsNamed) {
  refuses(R"([{"id":1,"When":"2026-01-01T00:00:00Z"}])", Category::config, "cursor", "no such field");
  refuses(R"([{"id":1,"at":1},{"id":2,"at":"x"}])", Category::config, "cursor", "several types");
  refuses(R"([{"id":1,"at":true}])", Category::config, "cursor", "bool");
  refuses(R"([{"id":1,"at":"2026-01-01T00:00:00Z"},{"id":2,"at":"2026-01-01T00:00:00"}])", Category::data, "cursor", "different zones");
  refuses(R"([{"id":null,"at":"2026-01-01T00:00:00Z"}])", Category::data, "key", "no value in 'id'");
}

}  // namespace
}  // namespace switchgear::sync_detail

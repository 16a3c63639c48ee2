#include "sync_state.hpp"

#include <gtest/gtest.h>

#include "switchgear/base/error.hpp"

namespace switchgear::sync_detail {
namespace {

SyncState whole() {
  SyncState state;
  state.sequence = 7;
  state.cursor = "at";
  state.mode = "upsert";
  state.watermark = Watermark{DataType::timestamp, true, {false, 1'767'225'600'000'000, {}}};
  state.edge.add({false, 1'767'225'600'000'000, {}}, {1, 2});
  state.edge.add({false, 1'767'225'600'000'000, {}}, {3, 4});
  state.edge.cut = CursorValue{false, 1'767'225'500'000'000, {}};
  state.lookback = std::chrono::seconds(60);
  state.complete = true;
  state.run_id = "run";
  state.counts.read = 10;
  state.counts.deleted = 3;
  state.changes = R"({"v":1,"token":"D\"1"})";
  state.untracked = true;
  OpenListing listing;
  listing.token = "a\"b\n";
  listing.lower = "2026-01-01T00:00:00Z";
  listing.run_ids = {"run", "another"};
  listing.tracked = listing.changes = true;
  listing.candidate = Watermark{DataType::utf8, true, {true, 0, "zulu"}};
  listing.bound = Watermark{DataType::int64, true, {false, -5, {}}};
  listing.edge.add({true, 0, "zulu"}, {5, 6});
  listing.edge.cut = CursorValue{true, 0, "yankee"};
  state.listing = listing;
  return state;
}

TEST(SyncState, GoesOutAndComesBack) {
  const SyncState before = whole();
  const SyncState after = SyncState::parse(before.text());
  EXPECT_EQ(after.text(), before.text());
  EXPECT_EQ(after.listing->candidate->text(), "zulu");
  EXPECT_EQ(after.listing->bound->text(), "-5");
  EXPECT_EQ(after.edge.seen, before.edge.seen);
  EXPECT_EQ(after.edge.size, 2U);
  EXPECT_EQ(after.edge.cut, before.edge.cut);
  EXPECT_EQ(after.listing->edge.cut, before.listing->edge.cut);
  EXPECT_EQ(after.lookback, before.lookback);
  EXPECT_EQ(after.counts, before.counts);
  EXPECT_EQ(after.changes, before.changes);
  EXPECT_TRUE(after.untracked && after.listing->tracked && after.listing->changes);
}

TEST(SyncState, OtherTextIsNamed) {
  const std::string good = whole().text();
  for (const std::string& text : {std::string(), std::string("[]"), std::string("{}"), good.substr(0, good.size() / 2),
                                  std::string(R"({"version":99})"), std::string(R"({"version":1,"sequence":"x"})")}) {
    try {
      SyncState::parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "destination.state") << text;
      EXPECT_FALSE(error.hint.empty());
    }
  }
}

}  // namespace
}  // namespace switchgear::sync_detail

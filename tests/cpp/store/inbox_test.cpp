#include "switchgear/store/inbox.hpp"

#include "each_store.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/store/connections.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class Inbox : public OnEachStore {
 protected:
  void SetUp() override {
    OnEachStore::SetUp();
    StoredConnection row;
    row.id = "plant";
    row.connector = "odata";
    ConnectionStore(*store_).add(row);
  }

  static InboxMessage message(const std::string& id) {
    InboxMessage made;
    made.connection_id = "plant";
    made.id = id;
    made.type = "workorder.updated";
    made.content_type = "application/json";
    made.body = "{}";
    made.data_json = "{}";
    return made;
  }

  InboxStore inbox_{*store_};
};

TEST_P(Inbox, AMessageIsKeptOnce) {
  EXPECT_TRUE(inbox_.put(message("1")));
  EXPECT_FALSE(inbox_.put(message("1")));
  InboxMessage of_another = message("1");
  of_another.connection_id = "mill";
  EXPECT_TRUE(inbox_.put(of_another));
  const InboxMessage kept = inbox_.get("plant", "1");
  EXPECT_EQ(kept.type, "workorder.updated");
  EXPECT_EQ(kept.received_at, clock_.wall());
  EXPECT_EQ(kept.state, InboxState::waiting);
  EXPECT_EQ(inbox_.list({"plant"}).size(), 1U);
  EXPECT_EQ(inbox_.list().size(), 2U);
  EXPECT_EQ(inbox_.list({"", InboxState::done}).size(), 0U);
}

TEST_P(Inbox, ABodyMayBeAnyBytes) {
  InboxMessage odd = message("1");
  odd.body = std::string("\xff\0\x01 {", 5);
  inbox_.put(odd);
  EXPECT_EQ(inbox_.get("plant", "1").body, odd.body);
  odd.id = std::string("a\0b", 3);
  EXPECT_THROW(inbox_.put(odd), Error);
}

TEST_P(Inbox, WhatIsClaimedIsNotClaimedAgainUntilItsLeaseRunsOut) {
  inbox_.put(message("1"));
  clock_.advance(1s);
  inbox_.put(message("2"));
  auto first = inbox_.claim(30s, 1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].id, "1") << "the oldest";
  EXPECT_EQ(first[0].attempts, 1);
  EXPECT_EQ(inbox_.claim(30s, 10).size(), 1U);
  EXPECT_EQ(inbox_.claim(30s, 10).size(), 0U);
  clock_.advance(30s);
  auto again = inbox_.claim(30s, 10);
  ASSERT_EQ(again.size(), 2U);
  EXPECT_FALSE(inbox_.settle(first[0], "", std::nullopt)) << "somebody else has it";
  for (const InboxMessage& each : again) EXPECT_TRUE(inbox_.settle(each, "", std::nullopt));
  clock_.advance(1h);
  EXPECT_EQ(inbox_.claim(30s, 10).size(), 0U);
  EXPECT_EQ(inbox_.get("plant", "1").state, InboxState::done);
}

TEST_P(Inbox, WhatFailsIsTriedAgainOrHasFailed) {
  inbox_.put(message("1"));
  auto claimed = inbox_.claim(30s, 10);
  inbox_.settle(claimed.at(0), R"({"code":"offline"})", clock_.wall() + 60s);
  EXPECT_EQ(inbox_.get("plant", "1").error, R"({"code":"offline"})");
  EXPECT_EQ(inbox_.claim(30s, 10).size(), 0U);
  EXPECT_THROW(inbox_.again("plant", "1"), Error) << "it is waiting";
  clock_.advance(60s);
  claimed = inbox_.claim(30s, 10);
  EXPECT_EQ(claimed.at(0).attempts, 2);
  inbox_.settle(claimed.at(0), R"({"code":"offline"})", std::nullopt);
  EXPECT_EQ(inbox_.get("plant", "1").state, InboxState::failed);
  clock_.advance(24h);
  EXPECT_EQ(inbox_.claim(30s, 10).size(), 0U);
  EXPECT_EQ(inbox_.again("plant", "1").state, InboxState::waiting);
  EXPECT_EQ(inbox_.claim(30s, 10).at(0).attempts, 1);
}

TEST_P(Inbox, OldOnesGoWhenTheyAreThrough) {
  inbox_.put(message("1"));
  inbox_.put(message("2"));
  inbox_.settle(inbox_.claim(30s, 1).at(0), "", std::nullopt);
  clock_.advance(24h);
  EXPECT_EQ(inbox_.remove_before(clock_.wall()), 1);
  EXPECT_THROW(inbox_.get("plant", "1"), Error);
  EXPECT_EQ(inbox_.get("plant", "2").state, InboxState::waiting);
}

TEST_P(Inbox, WhoMaySendIsKept) {
  EXPECT_FALSE(inbox_.sender("plant"));
  EXPECT_THROW(inbox_.set_sender("nobody", "{}"), Error);
  inbox_.set_sender("plant", R"({"scheme":"github"})");
  inbox_.set_sender("plant", R"({"scheme":"standard"})");
  EXPECT_EQ(inbox_.sender("plant"), R"({"scheme":"standard"})");
  inbox_.set_sender("plant", "");
  EXPECT_FALSE(inbox_.sender("plant"));
}

FOR_EACH_DATABASE(Inbox);

}  // namespace
}  // namespace switchgear

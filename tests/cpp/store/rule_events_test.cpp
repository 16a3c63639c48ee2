#include "switchgear/store/rule_events.hpp"

#include "each_store.hpp"

namespace switchgear {
namespace {

class RuleEvents : public OnEachStore {
 protected:
  static std::vector<NewEvent> events(const std::vector<std::string>& ids) {
    std::vector<NewEvent> events;
    for (const std::string& id : ids) events.push_back({"workorder.urgent", R"({"record": {"ID": 1}})", "", id, {}});
    return events;
  }

  std::vector<std::string> recorded() {
    std::vector<std::string> ids;
    EventFilter all;
    all.after = 0;
    all.limit = 10'000;
    for (const StoredEvent& event : events_.list(all)) ids.push_back(event.id);
    return ids;
  }

  using Ids = std::vector<std::string>;
  EventStore events_{*store_};
  RuleEventStore staged_{*store_};
};

TEST_P(RuleEvents, AreRecordedWithTheCommitThatBringsTheirRecords) {
  staged_.stage("plant", "WorkOrders", 3, events({"a", "b"}));
  EXPECT_EQ(recorded(), Ids{});
  EXPECT_EQ(staged_.settle("plant", "WorkOrders", 3), 2);
  EXPECT_EQ(recorded(), (Ids{"a", "b"}));
  EXPECT_EQ(events_.get("a").connection_id, "plant");
  EXPECT_EQ(staged_.settle("plant", "WorkOrders", 3), 0);
}

TEST_P(RuleEvents, OfACommitThatNeverCameAreForgottenUntilItsRecordsComeAgain) {
  staged_.stage("plant", "WorkOrders", 3, events({"a"}));
  staged_.stage("plant", "WorkOrders", 4, events({"b", "c"}));
  EXPECT_EQ(staged_.settle("plant", "WorkOrders", 3), 1) << "the process died before the fourth";
  EXPECT_EQ(recorded(), Ids{"a"});
  staged_.stage("plant", "WorkOrders", 4, events({"c", "b"}));
  EXPECT_EQ(staged_.settle("plant", "WorkOrders", 4), 2);
  EXPECT_EQ(recorded(), (Ids{"a", "b", "c"}));
}

TEST_P(RuleEvents, OfOneVersionAreRecordedOnce) {
  staged_.stage("plant", "WorkOrders", 1, events({"a"}));
  staged_.settle("plant", "WorkOrders", 1);
  staged_.stage("plant", "WorkOrders", 2, events({"a", "b", "b"}));
  EXPECT_EQ(staged_.settle("plant", "WorkOrders", 2), 1);
  EXPECT_EQ(recorded(), (Ids{"a", "b"}));
}

TEST_P(RuleEvents, OfOtherEntitiesAreTheirOwn) {
  staged_.stage("plant", "WorkOrders", 1, events({"a"}));
  staged_.stage("plant", "Parts", 9, events({"b"}));
  staged_.stage("other", "WorkOrders", 9, events({"c"}));
  EXPECT_EQ(staged_.settle("plant", "WorkOrders", 1), 1);
  EXPECT_EQ(recorded(), Ids{"a"});
}

TEST_P(RuleEvents, ManyAreRecordedInSeveralTransactionsAndNoneIsLeftOut) {
  Ids real;
  for (int i = 10'000; i < 11'000; ++i) real.push_back(std::to_string(i));  // twice what one transaction takes
  staged_.stage("plant", "WorkOrders", 1, events({real.begin(), real.begin() + 700}));
  staged_.stage("plant", "WorkOrders", 2, events({real.begin() + 700, real.end()}));
  staged_.stage("plant", "WorkOrders", 3, events({"of a commit that never came"}));
  EXPECT_EQ(staged_.settle("plant", "WorkOrders", 2), 1'000);
  EXPECT_EQ(recorded(), real);
  EXPECT_EQ(staged_.settle("plant", "WorkOrders", 3), 0) << "it is forgotten";
}

FOR_EACH_DATABASE(RuleEvents);

}  // namespace
}  // namespace switchgear

#include "switchgear/sync/naming.hpp"

#include <gtest/gtest.h>

#include "rows.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

TEST(SnakeCase, WordsAreFoundAsTheyAreWritten) {
  const auto same = [](std::string_view name, std::string_view snake) { EXPECT_EQ(snake_case(name), snake) << name; };
  same("WorkOrders", "work_orders");
  same("WorkOrderID", "work_order_id");
  same("IDOfOrder", "id_of_order");
  same("HTTPServer2", "http_server2");
  same("Order2Go", "order2_go");
  same("AUFNR", "aufnr");
  same("changedAt", "changed_at");
  same("Work Order / No.", "work_order_no_");
  same("@odata.etag", "_odata_etag");
  same("_synced_at", "_synced_at");
  same("__Id", "__id");
  same("a__b", "a_b");
  same("Ölstand", "Ölstand");
  same("already_so", "already_so");
  same("", "");
  for (const char* name : {"WorkOrderID", "@odata.etag", "Work Order / No.", "__Id"})
    EXPECT_EQ(snake_case(snake_case(name)), snake_case(name)) << "twice is once";
}

TEST(SnakeCase, TwoNamesThatWouldBeOneAreNamed) {
  refuse_same_snake_case({"ID", "Name", "ID"});
  try {
    refuse_same_snake_case({"ID", "OrderId", "order_id"});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "config.naming");
    EXPECT_NE(error.message.find("'OrderId' and 'order_id'"), std::string::npos) << error.message;
    EXPECT_NE(error.hint.find("exact"), std::string::npos);
  }
}

/// What a destination got.
struct Got {
  DestinationTarget target;
  std::vector<std::vector<std::string>> columns;
};

class Recording final : public Destination {
 public:
  explicit Recording(Got& got) : got_(got) {}
  std::unique_ptr<DestinationTable> open(const DestinationTarget& target) override {
    got_.target = target;
    return std::make_unique<Table>(got_);
  }
  const std::string& display() const noexcept override { return display_; }
  bool one_writer() const noexcept override { return true; }

 private:
  class Table final : public DestinationTable {
   public:
    explicit Table(Got& got) : got_(got) {}
    std::optional<std::string> state() override { return "1"; }
    void commit(const Checkpoint& checkpoint) override {
      for (const RecordBatch& batch : checkpoint.batches) {
        std::vector<std::string>& names = got_.columns.emplace_back();
        for (const Field& field : from_arrow_schema(*batch.schema()).fields) names.push_back(field.name);
      }
    }
    std::vector<std::string> kept_columns() const override { return {"order_id", "unheard_of"}; }

   private:
    Got& got_;
  };

  Got& got_;
  std::string display_ = "recording";
};

TEST(SnakeCase, ADestinationGetsColumnsKeyAndCursorInIt) {
  Got got;
  const auto destination = in_snake_case(std::make_shared<Recording>(got));
  EXPECT_EQ(destination->display(), "recording");
  EXPECT_TRUE(destination->one_writer());
  const auto table = destination->open({"plant", "WorkOrders", "plant", "WorkOrders", {"OrderID"}, "ChangedAt", SyncMode::upsert});
  EXPECT_EQ(got.target.key, std::vector<std::string>{"order_id"});
  EXPECT_EQ(got.target.cursor, "changed_at");
  EXPECT_EQ(got.target.table, "WorkOrders") << "the caller's affair";
  EXPECT_EQ(table->state(), "1");
  Checkpoint checkpoint;
  checkpoint.batches = {rows(R"([{"OrderID":1,"ChangedAt":"2026-01-01T00:00:00Z"}])"), rows(R"([{"OrderID":2,"_synced_at":1}])")};
  table->commit(checkpoint);
  EXPECT_EQ(got.columns[0], (std::vector<std::string>{"order_id", "changed_at", "_rescued"}));
  EXPECT_EQ(got.columns[1], (std::vector<std::string>{"order_id", "_synced_at", "_rescued"}));
  EXPECT_EQ(table->kept_columns(), (std::vector<std::string>{"OrderID", "unheard_of"}));
}

TEST(SnakeCase, ColumnsThatMeetInLaterRowsAreRefusedBeforeTheyAreWritten) {
  Got got;
  const auto destination = in_snake_case(std::make_shared<Recording>(got));
  const auto table = destination->open({"plant", "a", "plant", "a", {"ID"}, "", SyncMode::upsert});
  Checkpoint first;
  first.batches = {rows(R"([{"ID":1,"OrderNo":"a"}])")};
  table->commit(first);
  Checkpoint next;
  next.batches = {rows(R"([{"ID":1,"order_no":"a"}])")};
  EXPECT_THROW(table->commit(next), Error);
  EXPECT_EQ(got.columns.size(), 1U);
}

}  // namespace
}  // namespace switchgear

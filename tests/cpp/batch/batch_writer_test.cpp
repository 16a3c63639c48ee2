#include "switchgear/batch/batch_writer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fake_source.hpp"

namespace switchgear {
namespace {

using State = WriteOutcome::State;
using Batch = std::vector<WriteRecord>;

std::string record(int i) { return R"({"id":"k)" + std::to_string(i) + R"(","n":)" + std::to_string(i) + "}"; }

struct Written {
  WriteCounts counts;
  std::vector<WrittenRecord> records;
};

class BatchWriterTest : public ::testing::Test {
 protected:
  std::shared_ptr<Connection> connection(const std::string& pushdown = R"(["filter"])") {
    ConnectionConfig config;
    config.id = "plant";
    return Connection::open(std::make_shared<FakePlugin>(source, pushdown), std::move(config), clock);
  }

  Written write(int count, WriteOptions options, const std::string& pushdown = R"(["filter"])") {
    if (options.entity.empty()) options.entity = "orders";
    Written result;
    BatchWriter writer(connection(pushdown), options, [&](WrittenRecord one) { result.records.push_back(std::move(one)); });
    for (int i = 0; i < count; ++i) writer.add({record(i)});
    result.counts = writer.finish();
    EXPECT_EQ(result.counts.records(), count);
    return result;
  }

  static WriteOptions op(const char* word, std::size_t size = 10) {
    WriteOptions options;
    options.op = word;
    options.batch_size = size;
    return options;
  }

  static Error lost() { return Error(Category::offline, "lost", "the reply was lost"); }

  ManualClock clock;
  Source source;
};

TEST_F(BatchWriterTest, SplitsByCountAndBytes) {
  EXPECT_EQ(write(25, op("upsert")).counts.ok, 25);
  EXPECT_EQ(source.sizes, (std::vector<std::size_t>{10, 10, 5}));
  source.sizes.clear();
  WriteOptions small = op("upsert", 100);
  small.max_batch_bytes = 3 * record(10).size();
  write(9, small);
  EXPECT_EQ(source.sizes, (std::vector<std::size_t>{3, 3, 3}));
}

TEST_F(BatchWriterTest, WaitsBetweenBatches) {
  WriteOptions options = op("upsert");
  options.delay = std::chrono::milliseconds(250);
  write(30, options);
  EXPECT_EQ(clock.slept(), std::chrono::milliseconds(750));
}

TEST_F(BatchWriterTest, ARecordOfAKeyInTheBatchBeginsTheNextOne) {
  WriteOptions options = op("upsert");
  options.entity = "orders";
  options.parallel = 4;
  BatchWriter writer(connection(), options, nullptr);
  for (int i = 0; i < 50; ++i) writer.add({R"({"id":"same","n":)" + std::to_string(i) + "}"});
  EXPECT_EQ(writer.finish().ok, 50);
  EXPECT_EQ(source.sizes.size(), 50U);
  EXPECT_EQ(source.stored["same"], R"({"id":"same","n":49})") << "in the order given, although four threads write";
}

TEST_F(BatchWriterTest, ATooLargeBatchIsHalvedUntilItFits) {
  source.before = [](const Batch& batch) {
    if (batch.size() > 3) throw Error(Category::too_large, "too much");
  };
  EXPECT_EQ(write(10, op("create")).counts.ok, 10);
  EXPECT_EQ(source.stored.size(), 10U);
  EXPECT_EQ(source.sent.size(), 10U);
}

TEST_F(BatchWriterTest, TheOneRecordForWhichABatchIsRefusedIsFound) {
  source.before = [](const Batch& batch) {
    for (const WriteRecord& one : batch)
      if (one.key == "k57") throw Error(Category::bad_request, "k57 is wrong");
  };
  const Written written = write(100, op("create", 100));
  EXPECT_EQ(written.counts.ok, 99);
  ASSERT_EQ(written.records.size(), 1U);
  EXPECT_EQ(written.records[0].index, 57);
  EXPECT_EQ(written.records[0].error->message, "k57 is wrong");
  EXPECT_LE(source.sizes.size(), 15U) << "by halving";
}

TEST_F(BatchWriterTest, AReplyLostAfterwardsDoublesNothing) {
  for (const char* word : {"create", "upsert", "update", "delete"}) {
    int call = 0;
    source.after = [&](const Batch&) {
      if (++call % 3 == 1) throw lost();
    };
    source.stored.clear();
    const Written written = write(60, op(word));
    EXPECT_EQ(written.counts.ok, 60) << word;
    EXPECT_EQ(source.stored.size(), 60U) << word;
  }
}

TEST_F(BatchWriterTest, ALostRequestIsSentAgain) {
  int call = 0;
  source.before = [&](const Batch&) {
    if (++call % 2 == 1) throw lost();
  };
  EXPECT_EQ(write(30, op("create")).counts.ok, 30);
  EXPECT_EQ(source.sent.size(), 30U);
  EXPECT_EQ(source.ids.size(), std::set(source.ids.begin(), source.ids.end()).size()) << "a key of its own for each record";
}

TEST_F(BatchWriterTest, WhatCanNotBeReadBackStaysUnknownAndIsNotSentAgain) {
  bool first = true;
  source.after = [&](const Batch&) {
    if (std::exchange(first, false)) throw lost();
  };
  const Written written = write(30, op("create"), "[]");
  EXPECT_EQ(written.counts.ok, 20);
  EXPECT_EQ(written.counts.unknown, 10);
  EXPECT_EQ(source.sent.size(), 30U);
  for (const WrittenRecord& one : written.records) EXPECT_EQ(one.error->code(), "offline.lost");
}

TEST_F(BatchWriterTest, ACreationWhoseKeyTheSourceHonoursIsSentAgain) {
  source.honours_ids = true;
  int call = 0;
  source.after = [&](const Batch&) {
    if (++call % 2 == 1) throw lost();
  };
  WriteOptions options = op("create");
  options.entity = "tickets";
  EXPECT_EQ(write(30, options, "[]").counts.ok, 30);
  EXPECT_EQ(source.stored.size(), 30U);
  EXPECT_EQ(source.sent.size(), 60U) << "though nothing can be read back";
}

TEST_F(BatchWriterTest, SuchACreationIsNeverCalledFailedWhereItMayBeDone) {
  source.honours_ids = true;
  source.after = [](const Batch&) {
    Error error(Category::server, "500");
    error.http_status = 500;
    throw error;
  };
  WriteOptions options = op("create");
  options.entity = "tickets";
  EXPECT_EQ(write(3, options, "[]").counts.unknown, 3) << "else retry() would send it with another key";
}

TEST_F(BatchWriterTest, AVersionThatIsNoMoreAfterALostReplyIsUnknown) {
  bool first = true;
  source.after = [&](const Batch&) {
    if (!std::exchange(first, false)) return;
    source.refusal = Error(Category::conflict, "precondition", "it changed since it was read");
    source.is_bad = [](const WriteRecord& one) { return one.key == "k3"; };
    throw lost();
  };
  const Written written = write(5, op("update"));
  EXPECT_EQ(written.counts.ok, 4);
  EXPECT_EQ(written.counts.unknown, 1) << "the first attempt may have changed it";
  EXPECT_EQ(written.records.at(0).error->code(), "conflict.precondition");
  EXPECT_EQ(write(5, op("update")).counts.failed, 1) << "without a lost reply it is plain";
}

TEST_F(BatchWriterTest, AfterTheLastAttemptItIsUnknown) {
  source.before = [](const Batch&) { throw lost(); };
  EXPECT_EQ(write(10, op("upsert")).counts.unknown, 10);
  EXPECT_EQ(source.sizes.size(), 8U);
}

TEST_F(BatchWriterTest, WhatAnEarlierWorkerMayHaveSentIsLookedAtFirst) {
  source.stored["k1"] = record(1);
  WriteOptions options = op("create");
  options.entity = "orders";
  BatchWriter writer(connection(), options, nullptr);
  for (int i = 0; i < 3; ++i) writer.add({record(i), std::nullopt, true});
  EXPECT_EQ(writer.finish().ok, 3);
  EXPECT_EQ(source.sent, (std::vector<std::string>{"k0", "k2"}));
}

TEST_F(BatchWriterTest, StopsAsOnErrorSays) {
  source.is_bad = [](const WriteRecord& one) { return one.key == "k12" || one.key == "k13"; };
  WriteOptions options = op("upsert");
  options.on_error = OnError::parse("stop");
  Written written = write(40, options);
  EXPECT_EQ(written.counts.failed, 2);
  EXPECT_EQ(written.counts.ok, 18);
  EXPECT_EQ(written.counts.skipped, 20);
  options.on_error = OnError::parse("25%");
  EXPECT_EQ(write(40, options).counts.ok, 38);
  for (const char* wrong : {"", "10", "%", "-1%", "100%", "nan%", "Stop"}) EXPECT_THROW(OnError::parse(wrong), Error) << wrong;
}

TEST_F(BatchWriterTest, WhatHitsAllStopsIt) {
  source.before = [](const Batch&) { throw Error(Category::permission, "not you"); };
  const Written written = write(40, op("upsert"));
  EXPECT_EQ(written.counts.failed, 10);
  EXPECT_EQ(written.counts.skipped, 30);
  EXPECT_EQ(source.sizes.size(), 1U);
}

TEST_F(BatchWriterTest, RecordsThatCanNotBeSentFailWithTheirIndex) {
  WriteOptions options = op("upsert");
  options.entity = "orders";
  std::vector<std::string> codes;
  BatchWriter writer(connection(), options, [&](WrittenRecord one) { codes.push_back(std::to_string(one.index) + one.error->code()); });
  writer.add({record(0)});
  for (const char* bad : {"{", "[]", "{\"n\":1}", R"({"id":null})", R"({"id":""})", R"({"id":"x","m":1})", R"({"id":{}})"})
    writer.add({bad});
  writer.add({R"({"id":"y","lines":[{"a":1}],"other@odata.bind":"z"})"});
  EXPECT_EQ(writer.finish().ok, 2);
  EXPECT_EQ(codes,
            (std::vector<std::string>{"1data.json", "2data.json", "3data.key", "4data.key", "5data.key", "6data.field", "7data.key"}));
}

TEST_F(BatchWriterTest, RefusesWhatTheEntityDoesNotTake) {
  WriteOptions options = op("upsert");
  options.entity = "read_only";
  EXPECT_THROW(BatchWriter(connection(), options, nullptr), Error);
  options.entity = "order";
  EXPECT_THROW(BatchWriter(connection(), options, nullptr), Error);
  options.entity = "orders";
  options.batch_size = 0;
  EXPECT_THROW(BatchWriter(connection(), options, nullptr), Error);
}

TEST_F(BatchWriterTest, CancellingSkipsTheRest) {
  WriteOptions options = op("upsert");
  options.entity = "orders";
  BatchWriter writer(connection(), options, nullptr);
  for (int i = 0; i < 5; ++i) writer.add({record(i)});
  writer.cancel();
  EXPECT_FALSE(writer.add({record(5)}));
  EXPECT_EQ(writer.finish().skipped, 6);
  EXPECT_TRUE(source.sizes.empty());
}

TEST_F(BatchWriterTest, ManyThreadsLoseNoOutcome) {
  source.is_bad = [](const WriteRecord& one) { return one.key.back() == '7'; };
  WriteOptions options = op("upsert", 7);
  options.parallel = 8;
  const Written written = write(5000, options);
  EXPECT_EQ(written.counts.ok, 4500);
  EXPECT_EQ(written.counts.failed, 500);
  std::set<std::int64_t> indexes;
  for (const WrittenRecord& one : written.records) indexes.insert(one.index);
  EXPECT_EQ(indexes.size(), 500U);
}

}  // namespace
}  // namespace switchgear

#include "switchgear/queue/worker.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <thread>

#include "fake_source.hpp"
#include "switchgear/store/connections.hpp"
#include "switchgear/store/job_claims.hpp"
#include "switchgear/store/jobs.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

/// Opened once; what passes it waits for nobody any more.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void await_arrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int arrived_ = 0;
};

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    StoredConnection stored;
    stored.id = "plant";
    stored.connector = "fake";
    ConnectionStore(store).add(stored);
    ConnectionConfig config;
    config.id = "plant";
    config.guard.retry.reset();
    connection = Connection::open(std::make_shared<FakePlugin>(source), std::move(config), waits);
  }
  ~WorkerTest() override { std::filesystem::remove_all(folder); }

  Job submit(int batches, int size, JobSpec spec = {}) {
    spec.connection_id = "plant";
    spec.entity = "orders";
    auto submission = jobs.submit(spec);
    for (int batch = 0; batch < batches; ++batch) {
      std::vector<std::string> keys;
      std::vector<std::string> texts;
      for (int i = batch * size; i < (batch + 1) * size; ++i) {
        keys.push_back("k" + std::to_string(i));
        texts.push_back(R"({"id":"k)" + std::to_string(i) + R"(","n":)" + std::to_string(i) + "}");
      }
      std::vector<NewRecord> records;
      for (std::size_t i = 0; i < keys.size(); ++i) records.push_back({keys[i], texts[i]});
      submission.add(records);
    }
    return submission.finish();
  }

  static WorkerOptions until_idle() {
    WorkerOptions options;
    options.until_idle = true;
    options.poll = 5ms;
    return options;
  }

  WorkerHost host() {
    return {[this](const std::string&) { return connection; }, [] { return true; }};
  }

  WorkerStats work(const WorkerOptions& options = until_idle()) {
    QueueWorker worker(store, options);
    worker.run(host());
    return worker.stats();
  }

  static JobSpec creation() {
    JobSpec spec;
    spec.op = "create";
    return spec;
  }

  std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) /
      ("worker-" + std::to_string(::getpid()) + "-" + ::testing::UnitTest::GetInstance()->current_test_info()->name());
  Store store{(std::filesystem::create_directories(folder), (folder / "store.db").string())};
  JobStore jobs{store};
  ManualClock waits;
  Source source;
  std::shared_ptr<Connection> connection;
};

TEST_F(WorkerTest, WritesEachRecordOnceAndCountsIt) {
  const Job job = submit(40, 25);
  const WorkerStats stats = work();
  EXPECT_EQ(jobs.get(job.id).state, JobState::completed);
  EXPECT_EQ(jobs.get(job.id).counts, (JobCounts{1000, 1000, 0, 0, 0}));
  EXPECT_EQ(source.stored.size(), 1000U);
  EXPECT_EQ(source.sent.size(), 1000U);
  EXPECT_EQ(stats.batches, 40U);
  EXPECT_EQ(stats.ok, 1000U);
  EXPECT_EQ(stats.under_way, 0U);
}

TEST_F(WorkerTest, WorkersShareAStore) {
  const Job job = submit(60, 10, creation());
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([this] { work(); });
  threads.clear();
  EXPECT_EQ(jobs.get(job.id).counts, (JobCounts{600, 600, 0, 0, 0}));
  EXPECT_EQ(source.sent.size(), 600U);
}

TEST_F(WorkerTest, ARecordThatIsRefusedHasItsReasonAndTheRestIsWritten) {
  source.is_bad = [](const WriteRecord& record) { return record.key == "k7"; };
  const Job job = submit(2, 10);
  work();
  EXPECT_EQ(jobs.get(job.id).state, JobState::partial);
  const auto outcomes = jobs.outcomes(job.id);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes.front().index, 7);
  EXPECT_EQ(outcomes.front().outcome.message, "not this one");
  source.is_bad = [](const WriteRecord&) { return false; };
  jobs.retry(job.id);
  work();
  EXPECT_EQ(jobs.get(job.id).state, JobState::completed);
  EXPECT_EQ(source.sent.size(), 21U);
}

TEST_F(WorkerTest, WhatADeadWorkerMayHaveSentIsNotDoubled) {
  const Job job = submit(1, 10, creation());
  {
    JobClaims dead(store);
    ClaimOptions options;
    options.lease = 1us;
    const auto batch = dead.claim(options);
    ASSERT_EQ(batch.size(), 1U);
    for (int i = 0; i < 5; ++i) source.stored["k" + std::to_string(i)] = R"({"id":"k)" + std::to_string(i) + R"("})";  // then it died
  }
  const WorkerStats stats = work();
  EXPECT_EQ(stats.taken_over, 1U);
  EXPECT_EQ(jobs.get(job.id).counts, (JobCounts{10, 10, 0, 0, 0}));
  EXPECT_EQ(source.sent, (std::vector<std::string>{"k5", "k6", "k7", "k8", "k9"}));
}

TEST_F(WorkerTest, ASourceThatIsAwayUsesUpNoAttempt) {
  int times = 8;
  source.before = [&](const auto&) {
    if (times-- <= 0) return;
    Error away(Category::rate_limit, "", "come back");
    away.retry_after = 1ms;
    throw away;
  };
  JobSpec spec;
  spec.max_attempts = 1;
  const Job job = submit(1, 5, spec);
  const WorkerStats stats = work();
  EXPECT_EQ(jobs.get(job.id).state, JobState::completed);
  EXPECT_GE(stats.given_back, 1U);
}

TEST_F(WorkerTest, ABatchThatKeepsFailingEndsAsDeadLettersWithTheReason) {
  source.before = [](const auto&) { throw Error(Category::internal, "odd", "the connector is at a loss").with_retry(true); };
  JobSpec spec;
  spec.max_attempts = 1;
  const Job job = submit(1, 3, spec);
  work();
  const Job ended = jobs.get(job.id);
  EXPECT_EQ(ended.state, JobState::failed);
  EXPECT_EQ(ended.counts.failed, 3);
  const auto outcomes = jobs.outcomes(job.id);
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes.front().outcome.message, "the connector is at a loss");
}

TEST_F(WorkerTest, AConnectionThatCannotBeOpenedDelaysItsBatches) {
  const Job job = submit(1, 5);
  bool there = false;
  QueueWorker worker(store, until_idle());
  WorkerHost host = this->host();
  host.open = [&](const std::string& id) {
    if (std::exchange(there, true)) return connection;
    Error error(Category::offline, "dns", "the folder of '" + id + "' is not mounted");
    error.retry_after = 1ms;
    throw error;
  };
  worker.run(host);
  EXPECT_EQ(worker.stats().given_back, 1U);
  EXPECT_EQ(jobs.get(job.id).state, JobState::completed);
}

TEST_F(WorkerTest, StopsAJobAfterItsFirstFailureWhenAskedTo) {
  source.is_bad = [](const WriteRecord& record) { return record.key == "k12"; };
  JobSpec spec;
  spec.options_json = R"({"on_error":"stop"})";
  WorkerOptions options = until_idle();
  options.concurrency = 1;
  const Job job = submit(5, 10, spec);
  work(options);
  const Job ended = jobs.get(job.id);
  EXPECT_EQ(ended.state, JobState::partial);
  EXPECT_EQ(ended.counts, (JobCounts{50, 19, 1, 0, 30}));
  EXPECT_EQ(source.sent.size(), 20U);
}

TEST_F(WorkerTest, StopsAJobOfWhichTooManyFail) {
  source.is_bad = [](const WriteRecord& record) { return record.key.size() == 3 && record.key[1] == '1'; };  // k10 to k19
  JobSpec spec;
  spec.options_json = R"({"on_error":"20%","delay_ms":1})";
  WorkerOptions options = until_idle();
  options.concurrency = 1;
  const Job job = submit(5, 10, spec);
  work(options);
  EXPECT_EQ(jobs.get(job.id).counts, (JobCounts{50, 10, 10, 0, 30}));
}

TEST_F(WorkerTest, OptionsThatNobodyUnderstandsFailTheJobAndSayWhy) {
  JobSpec spec;
  spec.options_json = R"({"of_a_later_version":1})";
  const Job job = submit(1, 2, spec);
  work();
  EXPECT_EQ(jobs.get(job.id).counts.failed, 2);
  EXPECT_NE(jobs.outcomes(job.id).front().outcome.message.find("of_a_later_version"), std::string::npos);
}

TEST_F(WorkerTest, ALeaseIsKeptForAsLongAsTheBatchTakes) {
  Gate gate;
  source.before = [&](const auto&) { gate.pass(); };
  WorkerOptions options = until_idle();
  options.lease = 500ms;
  const Job job = submit(1, 5, creation());
  auto slow = std::async(std::launch::async, [&] { return work(options); });
  gate.await_arrival();
  const auto late = std::chrono::steady_clock::now() + 1s;  // twice the lease, in real time: a lease is the store's wall clock
  JobClaims other(store);
  bool kept = true;
  while (kept && std::chrono::steady_clock::now() < late) kept = other.claim({}).empty();
  gate.open();  // also for a test that fails: the worker waits for it
  ASSERT_TRUE(kept);
  EXPECT_EQ(slow.get().ok, 5U);
  EXPECT_EQ(jobs.get(job.id).state, JobState::completed);
}

TEST_F(WorkerTest, WhoeverLostABatchEntersNothing) {
  Gate gate;
  source.before = [&](const auto&) { gate.pass(); };
  const Job job = submit(1, 5);
  QueueWorker late(store, until_idle());
  auto working = std::async(std::launch::async, [&] { late.run(host()); });
  gate.await_arrival();
  store.write(
      [&](DatabaseSession& session) { session.execute("update job_batches set lease_until = 1 where job_id = :job", {{"job", job.id}}); });
  JobClaims other(store);
  const auto taken = other.claim({});
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_TRUE(taken.front().maybe_sent);
  gate.open();
  while (late.stats().batches == 0) std::this_thread::yield();
  EXPECT_EQ(late.stats().ok, 0U);
  EXPECT_EQ(jobs.get(job.id).counts.pending(), 5);
  std::vector<RecordResult> results;
  for (const JobRecord& record : taken.front().records) results.push_back({record.index, {}});
  other.complete(taken.front(), results);
  working.get();
  EXPECT_EQ(jobs.get(job.id).counts.ok, 5);
}

TEST_F(WorkerTest, AJobThatIsCancelledEndsWithWhatIsUnderWay) {
  Gate gate;
  source.before = [&](const auto&) { gate.pass(); };
  WorkerOptions options = until_idle();
  options.concurrency = 1;
  const Job job = submit(10, 5);
  auto working = std::async(std::launch::async, [&] { work(options); });
  gate.await_arrival();
  jobs.cancel(job.id);
  gate.open();
  working.get();
  const Job ended = jobs.get(job.id);
  EXPECT_EQ(ended.state, JobState::cancelled);
  EXPECT_EQ(ended.counts, (JobCounts{50, 5, 0, 0, 45}));
}

TEST_F(WorkerTest, IsToldToEndAndLetsWhatIsUnderWayEnd) {
  Gate gate;
  source.before = [&](const auto&) { gate.pass(); };
  const Job job = submit(10, 5);
  WorkerOptions options;
  options.poll = 5ms;
  options.concurrency = 2;
  QueueWorker worker(store, options);
  std::atomic<bool> ends{false};
  WorkerHost host = this->host();
  host.goes_on = [&] { return !ends.exchange(false); };
  auto working = std::async(std::launch::async, [&] { worker.run(host); });
  gate.await_arrival();
  ends = true;
  while (ends) std::this_thread::yield();
  gate.open();
  working.get();
  const JobCounts counts = jobs.get(job.id).counts;
  EXPECT_GE(counts.ok, 5);
  EXPECT_LT(counts.ok, 50);
  EXPECT_EQ(counts.ok % 5, 0);
  EXPECT_EQ(worker.stats().under_way, 0U);
}

TEST_F(WorkerTest, AStoreThatIsBusyIsAskedAgain) {
  const Job job = submit(2, 5);
  Store impatient((folder / "store.db").string(), DatabaseOptions{.busy_timeout = 1ms});
  QueueWorker worker(impatient, until_idle());
  std::atomic<int> asked{0};
  WorkerHost host = this->host();
  host.goes_on = [&] {
    ++asked;
    return true;
  };
  std::future<void> working;
  store.write([&](DatabaseSession&) {
    working = std::async(std::launch::async, [&] { worker.run(host); });
    // Asked ten times a second: by the second time it has tried to claim, in vain.
    while (asked < 2 && working.wait_for(1ms) != std::future_status::ready) {
    }
    EXPECT_GE(asked, 2) << "it gave up";
  });
  working.get();
  EXPECT_EQ(jobs.get(job.id).counts, (JobCounts{10, 10, 0, 0, 0}));
  EXPECT_EQ(source.sent.size(), 10U);
}

TEST_F(WorkerTest, OptionsOutOfRangeAreRefused) {
  WorkerOptions options;
  options.concurrency = 0;
  EXPECT_THROW(QueueWorker(store, options), Error);
  options = {};
  options.lease = 1ms;
  EXPECT_THROW(QueueWorker(store, options), Error);
  EXPECT_FALSE(QueueWorker(store).name().empty());
}

}  // namespace
}  // namespace switchgear

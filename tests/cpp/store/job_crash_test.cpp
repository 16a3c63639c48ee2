// Workers in processes of their own are killed at any moment. What they write to is a table that stands for the source, which knows
// idempotency keys.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <random>
#include <span>
#include <thread>

#include "job_fixture.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

constexpr auto lease = 300ms;  // by the real clock, because the processes share no other
constexpr int workers = 4;
constexpr int kills = 20;
constexpr int batches = 400;
constexpr int size = 50;

/// Sends records, which the source keeps whatever becomes of us. Only a batch that says so may meet a record that is there already; any
/// other one makes this throw. Returns false if the batch was lost meanwhile: this worker was too slow, and another one has sent it.
bool send(Store& store, JobClaims& claims, const ClaimedBatch& batch, std::span<const JobRecord> records) {
  try {
    store.write([&](DatabaseSession& session) {
      for (const auto& record : records) {
        session.execute(std::string("insert into source (idempotency_key, record) values (:key, :record)") +
                            (batch.maybe_sent ? " on conflict (idempotency_key) do nothing" : ""),
                        {{"key", idempotency_key(batch.job_id, record.index, record.key)}, {"record", record.index}});
      }
    });
    return true;
  } catch (const Error& error) {
    if (error.code() != "store.constraint" || claims.renew(batch, lease) != ClaimSignal::lost) throw;
    return false;
  }
}

/// In two halves, with the ledger between them. Stops when the batch is lost.
void do_batch(Store& store, JobClaims& claims, const ClaimedBatch& batch) {
  const auto results = all(batch);
  const auto middle = static_cast<std::ptrdiff_t>(batch.records.size() / 2);
  const std::span records(batch.records);
  try {
    if (!send(store, claims, batch, records.first(static_cast<std::size_t>(middle)))) return;
    claims.record(batch, {results.begin(), results.begin() + middle});
    if (!send(store, claims, batch, records.subspan(static_cast<std::size_t>(middle)))) return;
    claims.complete(batch, {results.begin() + middle, results.end()});
  } catch (const Error& error) {
    if (error.code() != "conflict.lease_lost") throw;
  }
}

void work(const std::string& url, const std::string& name) {
  Store store(url);
  JobClaims claims(store);
  for (;;) {
    const auto claimed = claims.claim({.worker = name, .max_batches = 2, .lease = lease});
    for (const auto& batch : claimed) do_batch(store, claims, batch);
    if (!claimed.empty()) continue;
    if (store.read().query_one<std::int64_t>("select count(*) from jobs where finished_at is null") == std::make_tuple(0)) return;
    Clock::system().sleep_for(20ms);  // a worker waits for work; the test does not
  }
}

class CrashingWorkers : public OnEachDatabase {};

TEST_P(CrashingWorkers, LoseNoRecordAndTheJobsCountsAreRight) {
  Store store(url());
  add_connection(store, "plant");
  store.write([](DatabaseSession& session) { session.execute("create table source (idempotency_key text primary key, record bigint)"); });
  JobStore jobs(store);
  JobSpec spec;
  spec.connection_id = "plant";
  spec.max_attempts = 1000;  // being killed is not the batch's fault
  const Job job = submit(jobs, spec, batches, size);

  std::mt19937 random(20261126);
  std::vector<OtherProcess> processes;
  int started = 0;
  const auto start = [&] {
    const std::string name = "w" + std::to_string(started++);
    processes.emplace_back([&] { work(url(), name); });
  };
  for (int i = 0; i < workers; ++i) start();
  int killed = 0;
  for (; killed < kills; ++killed) {
    const auto before = jobs.get(job.id).counts.ok;
    if (before == job.counts.records) break;
    // Until a worker wrote something, and a random moment more, so that the kills spread over the whole job.
    const auto enough = before + static_cast<std::int64_t>(random() % (batches * size / kills));
    while (jobs.get(job.id).counts.ok < std::min(enough, job.counts.records)) std::this_thread::yield();
    const auto victim = random() % processes.size();
    processes[victim].kill();
    processes.erase(processes.begin() + static_cast<std::ptrdiff_t>(victim));
    start();
  }
  for (auto& process : processes) EXPECT_EQ(process.wait(), 0);

  const Job ended = jobs.get(job.id);
  EXPECT_EQ(ended.state, JobState::completed);
  EXPECT_EQ(ended.counts, (JobCounts{.records = batches * size, .ok = batches * size}));
  const auto [sent, different] =
      store.read().query_one<std::int64_t, std::int64_t>("select count(*), count(distinct record) from source").value();
  EXPECT_EQ(different, batches * size);
  EXPECT_EQ(sent, batches * size) << "a record has two keys";
  const auto handed_over = store.read().query_one<std::int64_t>("select count(*) from job_batches where maybe_sent = 1");
  std::printf("%d workers killed, %d records, %d batches handed over\n", killed, batches * size,
              static_cast<int>(std::get<0>(*handed_over)));
  EXPECT_GE(killed, kills / 2);
}

FOR_EACH_DATABASE(CrashingWorkers);

class WorkersAtOnce : public OnEachJobStore {};

TEST_P(WorkersAtOnce, OfThreadsAndProcessesEachBatchHasOne) {
  constexpr int count = 120;
  const Job job = submit(jobs_, spec_, count, 3, {"", "a", "b"});
  store_->write([](DatabaseSession& session) { session.execute("create table claimed (batch bigint, fence bigint)"); });
  const auto work_off = [](Store& store, const std::string& who) {
    JobClaims claims(store);
    const auto open = [&] { return store.read().query_one<std::int64_t>("select open_batches from jobs").value() != std::make_tuple(0); };
    while (open()) {
      for (const auto& batch : claims.claim({.worker = who, .max_batches = 3})) {
        store.write([&](DatabaseSession& session) {
          session.execute("insert into claimed (batch, fence) values (:batch, :fence)", {{"batch", batch.id}, {"fence", batch.fence}});
        });
        claims.complete(batch, all(batch));
      }
    }
  };
  std::vector<OtherProcess> processes;
  for (const char* who : {"p1", "p2"}) {
    processes.emplace_back([&, who] {
      ManualClock clock;
      Store store(url(), {}, clock);
      work_off(store, who);
    });
  }
  std::array<std::string, 3> failed;
  {
    std::vector<std::jthread> threads;
    for (auto& message : failed) {
      threads.emplace_back([&] {
        try {
          work_off(*store_, "t");
        } catch (const Error& error) {
          message = error.describe();
        }
      });
    }
  }
  for (auto& process : processes) EXPECT_EQ(process.wait(), 0);
  for (const auto& message : failed) EXPECT_EQ(message, "");
  EXPECT_EQ(jobs_.get(job.id).counts, (JobCounts{.records = 3 * count, .ok = 3 * count}));
  EXPECT_EQ(jobs_.get(job.id).state, JobState::completed);
  EXPECT_EQ((store_->read().query_one<std::int64_t, std::int64_t, std::int64_t>(
                "select count(*), count(distinct batch), max(fence) from claimed")),
            std::make_tuple(count, count, 1));
}

FOR_EACH_DATABASE(WorkersAtOnce);

}  // namespace
}  // namespace switchgear

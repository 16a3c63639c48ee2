// Jobs as those see them who submit them.
#include "switchgear/store/jobs.hpp"

#include <set>

#include "job_fixture.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class Jobs : public OnEachJobStore {
 protected:
  std::int64_t rows(const std::string& table) {
    return std::get<0>(store_->read().query_one<std::int64_t>("select count(*) from " + table).value());
  }

  /// More than is kept in memory before it is written.
  static void add_much(JobSubmission& submission, std::string_view order_key = {}) {
    const std::string json = R"({"text":")" + std::string(1'000'000, 'x') + "\"}";
    for (int i = 0; i < 5; ++i) submission.add(std::vector<NewRecord>{{"k", json}}, order_key);
  }
};

TEST_P(Jobs, OneIsSeenOnceItIsFinishedAndNotBefore) {
  auto submission = jobs_.submit(spec_);
  add_much(submission);
  EXPECT_GT(rows("job_batches"), 0) << "nothing was written yet, so this shows nothing";
  EXPECT_TRUE(jobs_.list().empty());
  EXPECT_FALSE(jobs_.find(submission.job_id()).has_value());
  EXPECT_TRUE(claim().empty());
  const Job job = submission.finish();
  EXPECT_EQ(job.id, submission.job_id());
  EXPECT_EQ(job.state, JobState::queued);
  EXPECT_EQ(job.counts, (JobCounts{.records = 5}));
  EXPECT_EQ(job.batches, 5);
  EXPECT_EQ(job.created_at, clock_.wall());
  EXPECT_EQ(jobs_.list().size(), 1U);
  EXPECT_EQ(claim(10).size(), 5U);
}

TEST_P(Jobs, TheirIdsSortAsTheyCame) {
  std::string last;
  for (int i = 0; i < 50; ++i) {
    const Job job = jobs_.submit(spec_).finish();
    EXPECT_LT(last, job.id) << "the " << i << "th";
    last = job.id;
    clock_.advance(1us);
  }
}

TEST_P(Jobs, OneThatIsNotFinishedLeavesNothingBehind) {
  {
    auto submission = jobs_.submit(spec_);
    add_much(submission);
  }
  for (const char* table : {"jobs", "job_batches", "job_payloads"}) EXPECT_EQ(rows(table), 0) << table;
}

TEST_P(Jobs, OneWhoseSubmitterWasKilledIsRemovedLater) {
  const Signpost written;
  const Signpost never;
  OtherProcess process([&] {
    ManualClock clock;
    Store store(url(), {}, clock);
    auto submission = JobStore(store).submit(spec_);
    add_much(submission, "line");
    written.reach();
    never.wait();
  });
  written.wait();
  process.kill();
  submit(jobs_, spec_, 1, 1, {"line"});
  EXPECT_TRUE(claim().empty()) << "it must wait behind what may still be finished";
  EXPECT_EQ(jobs_.purge(clock_.wall()), 0);
  clock_.advance(1h + 1s);
  EXPECT_EQ(jobs_.purge(clock_.wall() - 24h), 1);
  EXPECT_EQ(rows("job_payloads"), 1);
  EXPECT_EQ(work_off(), 1);
}

TEST_P(Jobs, RecordsComeBackAsTheyWereGiven) {
  const std::vector<std::pair<std::string, std::string>> given = {{"plain", R"({"a":1})"},
                                                                  {"", "{}"},
                                                                  {"tab\tline\nback\\t", R"({"s":"ü漢 \t\n"})"},
                                                                  {"k", "{\n\t\"a\": 1\n}"},
                                                                  {"\\", R"({"a":"\\"})"}};
  std::vector<NewRecord> records;
  for (const auto& [key, json] : given) records.push_back({key, json});
  auto submission = jobs_.submit(spec_);
  submission.add(records);
  submission.finish();
  const auto batch = claim_one();
  ASSERT_EQ(batch.records.size(), given.size());
  std::set<std::string> idempotency_keys;
  for (std::size_t i = 0; i < given.size(); ++i) {
    EXPECT_EQ(batch.records[i].index, static_cast<std::int64_t>(i));
    EXPECT_EQ(batch.records[i].key, given[i].first);
    std::string json = given[i].second;
    std::replace(json.begin(), json.end(), '\n', ' ');  // between its values a line's end is as good as a space
    EXPECT_EQ(batch.records[i].json, json);
    idempotency_keys.insert(idempotency_key(batch.job_id, batch.records[i].index, batch.records[i].key));
  }
  EXPECT_EQ(idempotency_keys.size(), given.size());
  EXPECT_EQ(idempotency_keys.count(idempotency_key(batch.job_id, 0, "plain")), 1U) << "the same record has another key the next time";
}

TEST_P(Jobs, ARecordThatCannotBeKeptIsNamedAndNothingIsRecorded) {
  for (const auto& [key, json] : std::vector<std::pair<std::string, std::string>>{
           {"k", std::string("{\"a\":\"\0\"}", 9)}, {"k", "{\"a\":\"\xff\"}"}, {"\xc3", "{}"}, {std::string("a\0", 2), "{}"}}) {
    auto submission = jobs_.submit(spec_);
    submission.add(std::vector<NewRecord>{{"good", "{}"}});
    const Error error = error_of([&] { submission.add(std::vector<NewRecord>{{"good", "{}"}, {key, json}}); });
    EXPECT_EQ(error.code(), "data.text");
    EXPECT_NE(error.message.find("record 2"), std::string::npos) << error.message;
    EXPECT_EQ(error_of([&] { submission.finish(); }).code(), "conflict.job_state");
  }
  EXPECT_EQ(rows("jobs"), 0);
}

TEST_P(Jobs, ABatchThatIsEmptyOrTooLargeIsRefused) {
  const std::string large(most_bytes_in_batch, 'x');
  for (const auto& records :
       {std::vector<NewRecord>{}, std::vector<NewRecord>(most_records_in_batch + 1, {"k", "{}"}), std::vector<NewRecord>{{"k", large}}}) {
    auto submission = jobs_.submit(spec_);
    EXPECT_EQ(error_of([&] { submission.add(records); }).code(), "data.batch");
  }
}

TEST_P(Jobs, AnUnknownConnectionOperationOrStateIsRefused) {
  JobSpec spec = spec_;
  spec.connection_id = "nowhere";
  EXPECT_EQ(error_of([&] { jobs_.submit(spec); }).code(), "not_found.connection");
  spec = spec_;
  spec.op = "upsret";
  const Error error = error_of([&] { jobs_.submit(spec); });
  EXPECT_EQ(error.code(), "config.job");
  EXPECT_NE(error.message.find("did you mean 'upsert'?"), std::string::npos) << error.message;
  spec = spec_;
  spec.max_attempts = 0;
  EXPECT_EQ(error_of([&] { jobs_.submit(spec); }).code(), "config.job");
  submit(jobs_, spec_, 1, 1);
  EXPECT_EQ(
      error_of([&] { store_->write([](DatabaseSession& session) { session.execute("update jobs set state = 'sleeping'"); }); }).code(),
      "store.constraint");
  EXPECT_EQ(error_of([&] {
              store_->write([](DatabaseSession& session) { session.execute("update job_batches set state = 'sleeping'"); });
            }).code(),
            "store.constraint");
}

TEST_P(Jobs, OneWithoutRecordsIsCompleted) {
  const Job job = jobs_.submit(spec_).finish();
  EXPECT_EQ(job.state, JobState::completed);
  EXPECT_EQ(job.finished_at, clock_.wall());
  EXPECT_TRUE(claim().empty());
}

TEST_P(Jobs, TheStatesOfOneThatGoesWell) {
  const Job job = submit(jobs_, spec_, 2, 3);
  clock_.advance(1s);
  const auto first = claim_one();
  EXPECT_EQ(jobs_.get(job.id).state, JobState::in_progress);
  EXPECT_EQ(jobs_.get(job.id).started_at, clock_.wall());
  EXPECT_EQ(jobs_.outcome(job.id, 0), RecordState::pending);
  claims_.complete(first, all(first));
  EXPECT_EQ(jobs_.get(job.id).counts, (JobCounts{.records = 6, .ok = 3}));
  EXPECT_EQ(jobs_.get(job.id).counts.pending(), 3);
  clock_.advance(1s);
  const auto second = claim_one();
  claims_.complete(second, all(second));
  const Job ended = jobs_.get(job.id);
  EXPECT_EQ(ended.state, JobState::completed);
  EXPECT_EQ(ended.counts, (JobCounts{.records = 6, .ok = 6}));
  EXPECT_EQ(ended.open_batches, 0);
  EXPECT_EQ(ended.finished_at, clock_.wall());
  EXPECT_EQ(jobs_.outcome(job.id, 5), RecordState::ok);
  EXPECT_TRUE(jobs_.outcomes(job.id).empty());
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(error_of([&] { jobs_.outcome(job.id, 6); }).code(), "not_found.record");
  EXPECT_EQ(error_of([&] { jobs_.outcome("nothing", 0); }).code(), "not_found.job");
}

TEST_P(Jobs, WhatFailedHasItsReasonAndIsAllThatARetryTakes) {
  const Job job = submit(jobs_, spec_, 2, 3);
  for (auto& batch : claim(2)) {
    auto results = all(batch);
    if (batch.records.front().index == 0) {
      results[1] = all(batch, RecordState::failed)[1];
      results[2] = all(batch, RecordState::failed)[2];
      results[2].outcome.retryable = true;
      results[2].outcome.hint = "try later";
    }
    claims_.complete(batch, results);
  }
  Job ended = jobs_.get(job.id);
  EXPECT_EQ(ended.state, JobState::partial);
  EXPECT_EQ(ended.counts, (JobCounts{.records = 6, .ok = 4, .failed = 2}));
  const auto outcomes = jobs_.outcomes(job.id);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].index, 1);
  EXPECT_EQ(outcomes[1].key, "k2");
  EXPECT_EQ(outcomes[1].json, R"({"id":2})");
  EXPECT_EQ(outcomes[1].idempotency_key, idempotency_key(job.id, 2, "k2"));
  EXPECT_EQ(outcomes[1].outcome.category, Category::bad_request);
  EXPECT_EQ(outcomes[1].outcome.detail, "field");
  EXPECT_EQ(outcomes[1].outcome.message, "the source refuses k2");
  EXPECT_EQ(outcomes[1].outcome.hint, "try later");
  EXPECT_EQ(jobs_.outcomes(job.id, {.after = 1}).size(), 1U);
  EXPECT_EQ(jobs_.outcomes(job.id, {.state = RecordState::unknown}).size(), 0U);

  EXPECT_EQ(jobs_.retry(job.id, {.only_retryable = true}).state, JobState::queued);
  auto batch = claim_one();
  ASSERT_EQ(batch.records.size(), 1U);
  EXPECT_EQ(batch.records[0].key, "k2");
  EXPECT_FALSE(batch.maybe_sent);
  EXPECT_EQ(batch.attempt, 1);
  claims_.complete(batch, all(batch));
  EXPECT_EQ(jobs_.get(job.id).state, JobState::partial);
  EXPECT_EQ(error_of([&] { jobs_.retry(job.id, {.only_retryable = true}); }).code(), "conflict.job_state");

  jobs_.retry(job.id);
  EXPECT_EQ(work_off(), 1);
  ended = jobs_.get(job.id);
  EXPECT_EQ(ended.state, JobState::completed);
  EXPECT_EQ(ended.counts, (JobCounts{.records = 6, .ok = 6}));
  EXPECT_TRUE(jobs_.outcomes(job.id).empty());
  EXPECT_EQ(error_of([&] { jobs_.retry(job.id); }).code(), "conflict.job_state");
}

TEST_P(Jobs, OneOfWhichNothingWentWellIsFailed) {
  const Job job = submit(jobs_, spec_, 1, 2);
  const auto batch = claim_one();
  claims_.complete(batch, all(batch, RecordState::failed));
  EXPECT_EQ(jobs_.get(job.id).state, JobState::failed);
}

TEST_P(Jobs, WhatIsUnknownIsRetriedOnlyWhenAskedForAndMarked) {
  const Job job = submit(jobs_, spec_, 1, 2);
  auto batch = claim_one();
  claims_.complete(batch, all(batch, RecordState::unknown));
  EXPECT_EQ(jobs_.get(job.id).counts, (JobCounts{.records = 2, .unknown = 2}));
  EXPECT_EQ(error_of([&] { jobs_.retry(job.id); }).code(), "conflict.job_state");
  jobs_.retry(job.id, {.unknown = true});
  batch = claim_one();
  EXPECT_TRUE(batch.maybe_sent);
  EXPECT_EQ(batch.records.size(), 2U);
}

TEST_P(Jobs, APausedOneRestsAndGoesOnWhereItWas) {
  const Job job = submit(jobs_, spec_, 3, 1);
  const auto under_way = claim_one();
  EXPECT_EQ(jobs_.pause(job.id).state, JobState::paused);
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(claims_.renew(under_way, 60s), ClaimSignal::pause);
  claims_.complete(under_way, all(under_way));
  EXPECT_EQ(jobs_.get(job.id).state, JobState::paused);
  EXPECT_EQ(jobs_.resume(job.id).state, JobState::in_progress);
  EXPECT_EQ(work_off(), 2);
  EXPECT_EQ(jobs_.get(job.id).state, JobState::completed);
  EXPECT_EQ(error_of([&] { jobs_.pause(job.id); }).code(), "conflict.job_state");
  EXPECT_EQ(error_of([&] { jobs_.resume(job.id); }).code(), "conflict.job_state");
  EXPECT_EQ(error_of([&] { jobs_.pause("nothing"); }).code(), "not_found.job");
}

TEST_P(Jobs, APausedOneThatNeverBeganIsQueuedAgain) {
  const Job job = submit(jobs_, spec_, 1, 1);
  jobs_.pause(job.id);
  EXPECT_EQ(jobs_.resume(job.id).state, JobState::queued);
  EXPECT_EQ(work_off(), 1);
}

TEST_P(Jobs, ACancelledOneSkipsWhatIsNotUnderWay) {
  const Job job = submit(jobs_, spec_, 3, 2);
  const auto under_way = claim_one();
  EXPECT_EQ(jobs_.cancel(job.id).state, JobState::cancelled);
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(jobs_.get(job.id).counts, (JobCounts{.records = 6, .skipped = 4}));
  EXPECT_EQ(jobs_.outcome(job.id, 5), RecordState::skipped);
  EXPECT_EQ(claims_.renew(under_way, 60s), ClaimSignal::cancel);
  claims_.complete(under_way, all(under_way));
  const Job ended = jobs_.get(job.id);
  EXPECT_EQ(ended.state, JobState::cancelled);
  EXPECT_EQ(ended.counts, (JobCounts{.records = 6, .ok = 2, .skipped = 4}));
  EXPECT_EQ(ended.open_batches, 0);
  EXPECT_EQ(jobs_.cancel(job.id).state, JobState::cancelled);
}

TEST_P(Jobs, AreListedTheNewestFirstInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    clock_.advance(1s);
    spec_.connection_id = i % 2 == 0 ? "plant" : "works";
    ids.push_back(submit(jobs_, spec_, 1, 1).id);
  }
  jobs_.cancel(ids[4]);
  const auto page = jobs_.list({.limit = 2});
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].id, ids[4]);
  EXPECT_EQ(jobs_.list({.after = page[1].id}).size(), 3U);
  EXPECT_EQ(jobs_.list({.connection_id = "works"}).size(), 2U);
  EXPECT_EQ(jobs_.list({.connection_id = "plant", .state = JobState::cancelled}).size(), 1U);
}

TEST_P(Jobs, ThoseThatEndedBeforeATimeAreRemovedWithAllThatIsTheirs) {
  const Job old = submit(jobs_, spec_, 2, 1);
  auto batch = claim_one();
  claims_.complete(batch, all(batch, RecordState::failed));
  work_off();
  clock_.advance(24h);
  submit(jobs_, spec_, 1, 1);
  work_off();
  const Job open = submit(jobs_, spec_, 1, 1);
  EXPECT_EQ(jobs_.purge(clock_.wall() - 1h), 1);
  EXPECT_FALSE(jobs_.find(old.id).has_value());
  EXPECT_TRUE(jobs_.find(open.id).has_value());
  EXPECT_EQ(rows("jobs"), 2);
  EXPECT_EQ(rows("job_batches"), 2);
  EXPECT_EQ(rows("job_payloads"), 2);
  EXPECT_EQ(rows("job_outcomes"), 0);
}

TEST_P(Jobs, OneWhoseRemovalWasBegunIsGoneAndTheNextPurgeEndsIt) {
  const Job job = submit(jobs_, spec_, 2, 1);
  auto batch = claim_one();
  claims_.complete(batch, all(batch, RecordState::failed));
  work_off();
  clock_.advance(1h);
  // As a purge leaves it that is killed between its transactions.
  store_->write([](DatabaseSession& session) {
    session.execute("update jobs set accepting_until = 0");
    session.execute("delete from job_batches where first_index = 0");
  });
  EXPECT_FALSE(jobs_.find(job.id).has_value());
  EXPECT_TRUE(jobs_.list().empty());
  EXPECT_EQ(error_of([&] { jobs_.retry(job.id); }).code(), "not_found.job");
  EXPECT_EQ(jobs_.purge(clock_.wall() - 24h), 1);
  EXPECT_EQ(rows("jobs"), 0);
}

FOR_EACH_DATABASE(Jobs);

TEST(JobsInMemory, WorkOnTheOnlySessionThereIs) {
  Store store(":memory:");
  add_connection(store, "plant");
  JobStore jobs(store);
  JobClaims claims(store);
  JobSpec spec;
  spec.connection_id = "plant";
  const Job job = submit(jobs, spec, 3, 2);
  for (const auto& batch : claims.claim({.worker = "w1", .max_batches = 3})) claims.complete(batch, all(batch, RecordState::failed));
  EXPECT_EQ(jobs.outcomes(job.id).size(), 6U);
  EXPECT_EQ(jobs.retry(job.id).counts.pending(), 6);
}

TEST(JobsOnAFullDisk, LeaveNothingHalfRecorded) {
  const Folder folder;
  DatabaseOptions options;
  options.max_sessions = 1;  // the limit is one of the connection's
  Store store(folder / "plant.db", options);
  add_connection(store, "plant");
  JobStore jobs(store);
  JobSpec spec;
  spec.connection_id = "plant";
  const auto pages = std::get<0>(store.read().query_one<std::int64_t>("pragma page_count").value());
  store.read().query<std::int64_t>("pragma max_page_count = " + std::to_string(pages + 2000));
  const std::string json = R"({"text":")" + std::string(1'000'000, 'x') + "\"}";
  {
    auto submission = jobs.submit(spec);
    const Error error = error_of([&] {
      for (int i = 0; i < 20; ++i) submission.add(std::vector<NewRecord>{{"k", json}});
    });
    EXPECT_EQ(error.code(), "store.full");
    EXPECT_EQ(error_of([&] { submission.finish(); }).code(), "conflict.job_state");
  }
  EXPECT_TRUE(jobs.list().empty());
  EXPECT_EQ(store.read().query_one<std::int64_t>("select count(*) from job_payloads"), std::make_tuple(0));
  auto small = jobs.submit(spec);
  small.add(std::vector<NewRecord>{{"k", "{}"}});
  EXPECT_EQ(small.finish().counts.records, 1);
}

}  // namespace
}  // namespace switchgear

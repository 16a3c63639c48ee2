// Jobs as workers see them: who gets what when, and what happens to those that die.
#include "switchgear/store/job_claims.hpp"

#include <algorithm>
#include <map>

#include "job_fixture.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class Claims : public OnEachJobStore {
 protected:
  /// First indexes of the batches that can be claimed now, in order; they stay claimed.
  std::string claimable(std::int64_t most = 20) {
    std::string text;
    for (const auto& batch : claim(most)) text += batch.connection_id.substr(0, 1) + std::to_string(batch.records.at(0).index) + " ";
    return text;
  }
};

TEST_P(Claims, CarryAllThatAWorkerNeeds) {
  spec_.op = "create";
  spec_.options_json = R"({"atomic":true})";
  const Job job = submit(jobs_, spec_, 1, 2);
  const auto batch = claim_one("w7");
  EXPECT_EQ(batch.job_id, job.id);
  EXPECT_EQ(batch.connection_id, "plant");
  EXPECT_EQ(batch.entity, "WorkOrders");
  EXPECT_EQ(batch.op, "create");
  EXPECT_EQ(batch.options_json, R"({"atomic":true})");
  EXPECT_EQ(batch.worker, "w7");
  EXPECT_EQ(batch.attempt, 1);
  EXPECT_FALSE(batch.maybe_sent);
  EXPECT_EQ(batch.records.size(), 2U);
}

TEST_P(Claims, GoByPriorityThenInTurnByConnectionThenByAge) {
  submit(jobs_, spec_, 2, 1);
  clock_.advance(1s);
  spec_.priority = 5;
  submit(jobs_, spec_, 2, 1);
  clock_.advance(1s);
  spec_.priority = 0;
  spec_.connection_id = "works";
  submit(jobs_, spec_, 2, 1);
  EXPECT_EQ(claimable(1), "p0 ");
  EXPECT_EQ(claimable(1), "p1 ") << "the urgent one first";
  EXPECT_EQ(jobs_.list({.connection_id = "plant"})[0].state, JobState::in_progress);
  EXPECT_EQ(claimable(1), "w0 ") << "plant was served last";
  EXPECT_EQ(claimable(1), "p0 ");
  EXPECT_EQ(claimable(5), "w1 p1 ");
}

TEST_P(Claims, OfADelayedJobComeWhenItIsTime) {
  spec_.not_before = clock_.wall() + 1h;
  submit(jobs_, spec_, 1, 1);
  EXPECT_EQ(claimable(), "");
  EXPECT_EQ(claims_.next_due(), clock_.wall() + 1h);
  clock_.advance(1h - 1us);
  EXPECT_EQ(claimable(), "");
  clock_.advance(1us);
  EXPECT_EQ(claimable(), "p0 ");
}

TEST_P(Claims, OfAConnectionAreLimitedAcrossAllItsJobs) {
  jobs_.limit_connection("plant", 2);
  submit(jobs_, spec_, 2, 1);
  submit(jobs_, spec_, 2, 1);
  spec_.connection_id = "works";
  spec_.priority = -1;
  submit(jobs_, spec_, 3, 1);
  auto batches = claim(4);
  ASSERT_EQ(batches.size(), 4U);
  EXPECT_EQ(std::count_if(batches.begin(), batches.end(), [](const auto& b) { return b.connection_id == "plant"; }), 2);
  EXPECT_EQ(claimable(), "w2 ") << "a full connection must not keep the others waiting";
  claims_.complete(batches[0], all(batches[0]));
  EXPECT_EQ(claim(5).size(), 1U);
  jobs_.limit_connection("plant", 0);
  EXPECT_EQ(claim(5).size(), 1U);
}

TEST_P(Claims, OfOneKeyGoOneAfterTheOtherAlsoAcrossJobs) {
  submit(jobs_, spec_, 4, 1, {"a", "b"});
  submit(jobs_, spec_, 2, 1, {"a", ""});
  spec_.connection_id = "works";
  submit(jobs_, spec_, 1, 1, {"a"});
  auto batches = claim(20);
  std::map<std::string, ClaimedBatch> by_place;
  for (auto& batch : batches) by_place[batch.job_id + "/" + std::to_string(batch.records[0].index)] = batch;
  const auto jobs = jobs_.list();
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(batches.size(), 4U) << "a and b of the first job, the unordered one of the second, a of the other connection";
  auto& a0 = batches[0].records[0].index == 0 ? batches[0] : batches[1];
  claims_.complete(a0, all(a0));
  auto next = claim(20);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].records[0].index, 2);
  claims_.give_back(next[0], {}, {.delay = 10s});
  EXPECT_TRUE(claim(20).empty()) << "the next of its key must not overtake one that waits";
  clock_.advance(10s);
  next = claim(20);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].records[0].index, 2);
  claims_.complete(next[0], all(next[0], RecordState::failed));
  next = claim(20);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].records[0].index, 0) << "now that of the second job";
}

TEST_P(Claims, BehindACancelledJobGoOn) {
  const Job first = submit(jobs_, spec_, 3, 1, {"a"});
  submit(jobs_, spec_, 1, 1, {"a"});
  jobs_.cancel(first.id);
  EXPECT_EQ(claimable(), "p0 ");
}

TEST_P(Claims, OfARetriedBatchKeepTheOrderOfTheirKey) {
  const Job first = submit(jobs_, spec_, 1, 1, {"a"});
  auto batch = claim_one();
  claims_.complete(batch, all(batch, RecordState::failed));
  const Job second = submit(jobs_, spec_, 2, 1, {"a"});
  batch = claim_one();
  EXPECT_EQ(batch.job_id, second.id);
  jobs_.retry(first.id);
  EXPECT_TRUE(claim().empty()) << "one of the key is under way";
  claims_.complete(batch, all(batch));
  batch = claim_one();
  EXPECT_EQ(batch.job_id, first.id) << "the older first";
  claims_.complete(batch, all(batch));
  EXPECT_EQ(work_off(), 1);
}

TEST_P(Claims, OfADeadWorkerGoToAnotherWithWhatIsPendingAndTheDeadIsFencedOff) {
  const Job job = submit(jobs_, spec_, 1, 4);
  const auto dead = claim_one("dead");
  auto results = all(dead);
  claims_.record(dead, {results[0], results[2]});
  EXPECT_EQ(jobs_.get(job.id).counts, (JobCounts{.records = 4, .ok = 2}));
  clock_.advance(60s - 1us);
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(claims_.next_due(), clock_.wall() + 1us);
  clock_.advance(1us);
  const auto taken = claim_one("alive");
  EXPECT_EQ(taken.id, dead.id);
  EXPECT_GT(taken.fence, dead.fence);
  EXPECT_EQ(taken.attempt, 2);
  EXPECT_TRUE(taken.maybe_sent);
  ASSERT_EQ(taken.records.size(), 2U);
  EXPECT_EQ(taken.records[0].index, 1);
  EXPECT_EQ(taken.records[1].index, 3);

  for (const Error& error : {error_of([&] { claims_.record(dead, {results[1]}); }), error_of([&] { claims_.complete(dead, results); }),
                             error_of([&] { claims_.give_back(dead, {}, {}); })}) {
    EXPECT_EQ(error.code(), "conflict.lease_lost");
    EXPECT_NE(error.message.find("dead"), std::string::npos) << error.message;
    EXPECT_EQ(error.connection_id, "plant");
  }
  EXPECT_EQ(claims_.renew(dead, 60s), ClaimSignal::lost);
  claims_.complete(taken, all(taken));
  EXPECT_EQ(jobs_.get(job.id).state, JobState::completed);
  EXPECT_EQ(jobs_.get(job.id).counts, (JobCounts{.records = 4, .ok = 4}));
}

TEST_P(Claims, AreKeptByRenewing) {
  submit(jobs_, spec_, 1, 1);
  const auto batch = claim_one();
  for (int i = 0; i < 5; ++i) {
    clock_.advance(40s);
    EXPECT_EQ(claims_.renew(batch, 60s), ClaimSignal::go_on);
    EXPECT_TRUE(claim(1, "w2").empty());
  }
  EXPECT_NO_THROW(claims_.complete(batch, all(batch)));
}

TEST_P(Claims, OfAClockThatIsMovedBackStillRunOut) {
  submit(jobs_, spec_, 2, 1);
  const auto dead = claim_one("dead");
  const auto alive = claim_one("alive");
  clock_.step_wall(-24h);
  EXPECT_TRUE(claim().empty());
  clock_.advance(40s);
  EXPECT_EQ(claims_.renew(alive, 60s), ClaimSignal::go_on);
  clock_.advance(20s);
  EXPECT_EQ(claim_one().id, dead.id);
  EXPECT_TRUE(claim().empty());
}

TEST_P(Claims, OfWorkersThatKeepDyingEndAsDeadLetters) {
  spec_.max_attempts = 3;
  const Job job = submit(jobs_, spec_, 1, 2);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    EXPECT_EQ(claim_one("w" + std::to_string(attempt)).attempt, attempt);
    clock_.advance(61s);
  }
  EXPECT_TRUE(claim().empty());
  const Job ended = jobs_.get(job.id);
  EXPECT_EQ(ended.state, JobState::failed);
  EXPECT_EQ(ended.counts, (JobCounts{.records = 2, .unknown = 2})) << "it may have been sent";
  EXPECT_EQ(ended.error_code, "internal.interrupted");
  const auto letters = jobs_.outcomes(job.id);
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_NE(letters[0].outcome.message.find("w3"), std::string::npos) << letters[0].outcome.message;
  EXPECT_EQ(letters[0].attempt, 3);
}

TEST_P(Claims, GivenBackWaitAndAreTriedAgainUntilTheLastAttempt) {
  spec_.max_attempts = 2;
  const Job job = submit(jobs_, spec_, 1, 3);
  auto batch = claim_one();
  const Error offline = Error(Category::offline, "connect", "nobody answers").with_hint("start the service").with_retry(true);
  claims_.give_back(batch, {all(batch)[0]}, {.delay = 5s, .maybe_sent = false, .reason = offline});
  EXPECT_EQ(jobs_.get(job.id).error_code, "offline.connect");
  EXPECT_EQ(jobs_.get(job.id).state, JobState::in_progress);
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(claims_.next_due(), clock_.wall() + 5s);
  clock_.advance(5s);
  batch = claim_one();
  EXPECT_EQ(batch.records.size(), 2U);
  EXPECT_EQ(batch.attempt, 2);
  EXPECT_FALSE(batch.maybe_sent);
  claims_.give_back(batch, {}, {.maybe_sent = false, .reason = offline});
  const Job ended = jobs_.get(job.id);
  EXPECT_EQ(ended.state, JobState::partial);
  EXPECT_EQ(ended.counts, (JobCounts{.records = 3, .ok = 1, .failed = 2}));
  const auto letters = jobs_.outcomes(job.id);
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[0].outcome.category, Category::offline);
  EXPECT_EQ(letters[0].outcome.detail, "connect");
  EXPECT_EQ(letters[0].outcome.hint, "start the service");
  EXPECT_TRUE(letters[0].outcome.retryable);
}

TEST_P(Claims, GivenBackWithoutFaultOfTheBatchDoNotCount) {
  spec_.max_attempts = 1;
  submit(jobs_, spec_, 1, 1);
  for (int i = 0; i < 3; ++i) {
    const auto batch = claim_one();
    EXPECT_EQ(batch.attempt, 1);
    EXPECT_FALSE(batch.maybe_sent);
    claims_.give_back(batch, {}, {.maybe_sent = false, .counts = false});
  }
}

TEST_P(Claims, GivenBackAfterSendingSaySo) {
  submit(jobs_, spec_, 1, 1);
  claims_.give_back(claim_one(), {}, {});
  EXPECT_TRUE(claim_one().maybe_sent);
}

TEST_P(Claims, OfAJobCancelledMeanwhileAreNotTriedAgain) {
  const Job job = submit(jobs_, spec_, 2, 2);
  const auto sent = claim_one();
  const auto unsent = claim_one();
  jobs_.cancel(job.id);
  claims_.give_back(sent, {all(sent)[0]}, {});
  claims_.give_back(unsent, {}, {.maybe_sent = false});
  const Job ended = jobs_.get(job.id);
  EXPECT_EQ(ended.state, JobState::cancelled);
  EXPECT_EQ(ended.counts, (JobCounts{.records = 4, .ok = 1, .unknown = 1, .skipped = 2}));
  EXPECT_TRUE(claim().empty());
}

TEST_P(Claims, OfADeadWorkerWhoseJobWasCancelledAreUnknown) {
  const Job job = submit(jobs_, spec_, 1, 2);
  claim_one();
  jobs_.cancel(job.id);
  clock_.advance(61s);
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(jobs_.get(job.id).counts, (JobCounts{.records = 2, .unknown = 2}));
  EXPECT_EQ(jobs_.get(job.id).open_batches, 0);
}

TEST_P(Claims, OfAStoppedJobEndItAsPartial) {
  const Job job = submit(jobs_, spec_, 3, 2);
  auto batch = claim_one();
  const auto other = claim_one();
  claims_.stop_job(batch, Error(Category::bad_request, "too many records were refused"));
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(claims_.renew(other, 60s), ClaimSignal::cancel);
  claims_.complete(batch, all(batch, RecordState::failed));
  EXPECT_EQ(jobs_.get(job.id).state, JobState::in_progress);
  claims_.complete(other, all(other));
  const Job ended = jobs_.get(job.id);
  EXPECT_EQ(ended.state, JobState::partial);
  EXPECT_EQ(ended.counts, (JobCounts{.records = 6, .ok = 2, .failed = 2, .skipped = 2}));
  EXPECT_EQ(ended.error_code, "bad_request");
  jobs_.retry(job.id);
  EXPECT_EQ(work_off(), 1) << "the failed only";
}

TEST_P(Claims, CannotBeCompletedWithRecordsLeftOrForeignOnes) {
  const Job job = submit(jobs_, spec_, 2, 2);
  const auto batch = claim_one();
  EXPECT_EQ(error_of([&] { claims_.complete(batch, {all(batch)[0]}); }).code(), "internal.ledger");
  EXPECT_EQ(error_of([&] { claims_.record(batch, {{2, {}}}); }).code(), "internal.ledger");
  EXPECT_EQ(error_of([&] { claims_.record(batch, {{0, {.state = RecordState::pending}}}); }).code(), "internal.ledger");
  EXPECT_EQ(jobs_.get(job.id).counts, (JobCounts{.records = 4}));
  EXPECT_NO_THROW(claims_.complete(batch, all(batch)));
}

TEST_P(Claims, AnUnknownOutcomeMayBeResolvedBeforeTheEnd) {
  const Job job = submit(jobs_, spec_, 1, 1);
  const auto batch = claim_one();
  claims_.record(batch, all(batch, RecordState::unknown));
  EXPECT_EQ(jobs_.outcomes(job.id).size(), 1U);
  claims_.complete(batch, all(batch));
  EXPECT_EQ(jobs_.get(job.id).counts, (JobCounts{.records = 1, .ok = 1}));
  EXPECT_TRUE(jobs_.outcomes(job.id).empty());
}

TEST_P(Claims, OptionsThatMakeNoSenseAreRefused) {
  EXPECT_EQ(error_of([&] { claims_.claim({.worker = "w", .max_batches = 0}); }).code(), "config.jobs");
  EXPECT_EQ(error_of([&] { claims_.claim({.worker = "w", .lease = 0s}); }).code(), "config.jobs");
}

FOR_EACH_DATABASE(Claims);

}  // namespace
}  // namespace switchgear

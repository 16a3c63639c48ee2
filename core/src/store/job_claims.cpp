#include "switchgear/store/job_claims.hpp"

#include <algorithm>

#include "claim_run.hpp"
#include "dialect.hpp"
#include "job_tables.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using store_detail::BatchPlace;
using store_detail::DialectSql;
using store_detail::IndexedOutcome;
using Text = std::string;
using Integer = std::int64_t;

Error lost(const ClaimedBatch& batch) {
  Error error = Error(Category::conflict, "lease_lost",
                      "batch " + std::to_string(batch.id) + " of job " + batch.job_id + " is no longer held by " + batch.worker +
                          ": its lease ran out and another worker has it, or its job is gone")
                    .with_hint("nothing was entered; renew a lease at a third of its time");
  error.connection_id = batch.connection_id;
  error.entity = batch.entity;
  return error;
}

struct Held {
  BatchPlace place;
  bool maybe_sent = false;
};

/// The batch as its row is now, locked. Throws unless `batch` holds it: a late worker writes nothing.
Held held(DatabaseSession& session, const ClaimedBatch& batch) {
  static const DialectSql sql(
      "select order_key, first_index, outcomes, attempts, maybe_sent from job_batches where id = :id and fence = :fence and "
      "state = 'in_progress' {for_update}");
  auto row =
      session.query_one<std::optional<Text>, Integer, Text, Integer, Integer>(sql(session), {{"id", batch.id}, {"fence", batch.fence}});
  if (!row) throw lost(batch);
  Held held;
  Integer maybe_sent = 0;
  std::tie(held.place.order_key, held.place.first_index, held.place.outcomes, held.place.attempts, maybe_sent) = std::move(*row);
  held.place.id = batch.id;
  held.place.job_id = batch.job_id;
  held.place.connection_id = batch.connection_id;
  held.maybe_sent = maybe_sent != 0;
  return held;
}

std::vector<IndexedOutcome> indexed(const std::vector<RecordResult>& results) {
  std::vector<IndexedOutcome> outcomes;
  outcomes.reserve(results.size());
  for (const auto& result : results) outcomes.push_back({result.index, result.outcome});
  return outcomes;
}

}  // namespace

std::vector<ClaimedBatch> JobClaims::claim(const ClaimOptions& options) {
  if (options.max_batches < 1) throw Error(Category::config, "jobs", "max_batches must be at least 1");
  if (options.lease.count() <= 0) throw Error(Category::config, "jobs", "the lease of a claim must be longer than 0 s");
  Text turn;
  {
    const std::lock_guard lock(mutex_);
    turn = turn_;
  }
  auto run = store_.write([&](DatabaseSession& session) {
    store_detail::ClaimRun claiming(session, options, store_.now(), turn);
    claiming.run();
    return claiming;
  });
  if (run.batches().empty()) return {};
  {
    const std::lock_guard lock(mutex_);
    turn_ = run.turn();
  }
  // The records never change, so they are read once the lock is given back.
  auto session = store_.read();
  std::vector<ClaimedBatch> batches;
  for (auto& claimed : run.batches()) {
    auto payload = session.query_one<Text>("select payload from job_payloads where batch_id = :id", {{"id", claimed.batch.id}});
    if (!payload) throw lost(claimed.batch);
    claimed.batch.records = unpack_pending(std::get<0>(*payload), claimed.outcomes, claimed.first_index);
    batches.push_back(std::move(claimed.batch));
  }
  return batches;
}

ClaimSignal JobClaims::renew(const ClaimedBatch& batch, std::chrono::microseconds lease) {
  return store_.write([&](DatabaseSession& session) {
    const auto changed = session.execute(
        "update job_batches set lease = :lease, lease_until = :until where id = :id and fence = :fence and state = 'in_progress'",
        {{"lease", lease.count()}, {"until", store_.now() + lease.count()}, {"id", batch.id}, {"fence", batch.fence}});
    if (changed == 0) return ClaimSignal::lost;
    const auto state = session.query_one<Text, Integer>("select state, stopped from jobs where id = :id", {{"id", batch.job_id}});
    if (!state || std::get<0>(*state) == "cancelled" || std::get<1>(*state) != 0) return ClaimSignal::cancel;
    return std::get<0>(*state) == "paused" ? ClaimSignal::pause : ClaimSignal::go_on;
  });
}

void JobClaims::record(const ClaimedBatch& batch, const std::vector<RecordResult>& results) {
  const auto outcomes = indexed(results);
  store_.write([&](DatabaseSession& session) {
    store_detail::enter_outcomes(session, held(session, batch).place, outcomes, "in_progress", store_.now());
  });
}

void JobClaims::complete(const ClaimedBatch& batch, const std::vector<RecordResult>& results) {
  const auto outcomes = indexed(results);
  store_.write([&](DatabaseSession& session) {
    const auto pending = store_detail::enter_outcomes(session, held(session, batch).place, outcomes, "completed", store_.now());
    if (pending != 0) {
      throw Error(Category::internal, "ledger",
                  "batch " + std::to_string(batch.id) + " of job " + batch.job_id + " was completed with " + std::to_string(pending) +
                      " records that have no outcome");
    }
  });
}

void JobClaims::give_back(const ClaimedBatch& batch, const std::vector<RecordResult>& results, const GiveBack& how) {
  const auto given = indexed(results);
  store_.write([&](DatabaseSession& session) {
    const auto now = store_.now();
    const Held held_now = held(session, batch);
    const auto job =
        session.query_one<Text, Integer, Integer>("select state, stopped, max_attempts from jobs where id = :id", {{"id", batch.job_id}});
    if (!job) throw lost(batch);
    const auto& [state, stopped, max_attempts] = *job;
    const bool ends = state == "cancelled" || stopped != 0;
    const bool maybe_sent = held_now.maybe_sent || how.maybe_sent;
    if (how.reason) store_detail::note_reason(session, batch.job_id, *how.reason);
    if (ends || (how.counts && held_now.place.attempts >= max_attempts)) {
      // Those that have an outcome keep it; the rest gets its last.
      auto all = store_detail::for_all_pending(held_now.place, store_detail::last_outcome(maybe_sent, ends, how.reason));
      for (const auto& entry : given) {
        const auto same = std::find_if(all.begin(), all.end(), [&](const IndexedOutcome& other) { return other.index == entry.index; });
        same == all.end() ? all.push_back(entry) : void(same->outcome = entry.outcome);
      }
      store_detail::enter_outcomes(session, held_now.place, all, "completed", now);
      return;
    }
    const bool waits = how.delay.count() > 0;
    const auto pending = store_detail::enter_outcomes(session, held_now.place, given, waits ? "waiting" : "queued", now);
    if (pending == 0) {
      throw Error(Category::internal, "ledger", "batch " + std::to_string(batch.id) + " was given back though nothing of it is pending");
    }
    session.execute("update job_batches set attempts = attempts - :uncounted, maybe_sent = :sent, not_before = :due where id = :id",
                    {{"uncounted", how.counts ? 0 : 1}, {"sent", maybe_sent ? 1 : 0}, {"due", now + how.delay.count()}, {"id", batch.id}});
    store_detail::reschedule(session, batch.job_id, now);
  });
}

void JobClaims::stop_job(const ClaimedBatch& batch, const Error& reason) {
  store_.write([&](DatabaseSession& session) {
    held(session, batch);
    store_detail::note_reason(session, batch.job_id, reason);
    session.execute("update jobs set stopped = 1 where id = :job", {{"job", batch.job_id}});
    store_detail::skip_open_batches(session, batch.job_id, store_.now());
  });
}

bool JobClaims::anything_due() {
  auto session = store_.read();
  return session
      .query_one<Integer>(
          "select 1 where exists (select 1 from jobs where runnable = 1) or exists (select 1 from jobs where wake_at is not null and "
          "wake_at "
          "<= :now) or exists (select 1 from job_batches where state = 'in_progress' and lease_until <= :now)",
          {{"now", store_.now()}})
      .has_value();
}

std::optional<WallTime> JobClaims::next_due() {
  auto session = store_.read();
  const auto due = session.query_one<std::optional<Integer>, std::optional<Integer>>(
      "select (select min(wake_at) from jobs where wake_at is not null), (select min(lease_until) from job_batches where state = "
      "'in_progress')");
  const auto& [wake, lease] = due.value();
  if (!wake && !lease) return std::nullopt;
  return from_microseconds(std::min(wake.value_or(lease.value_or(0)), lease.value_or(wake.value_or(0))));
}

}  // namespace switchgear

#include "claim_run.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include "dialect.hpp"

namespace switchgear::store_detail {
namespace {

using Text = std::string;
using Integer = std::int64_t;

// How much is done on the way, so that a claim stays short when very much becomes due at once; the next claim goes on.
constexpr const char* most_expired = "50";
constexpr const char* most_woken_jobs = "20";
constexpr const char* most_woken_batches = "100";

Error interrupted(const Text& worker) {
  return Error(Category::internal, "interrupted", "the worker " + worker + " stopped without a word: its lease ran out")
      .with_hint("see why it ended; whether these records reached the source is not known, look there or retry with unknown")
      .with_retry(true);
}

}  // namespace

void ClaimRun::run() {
  take_back_expired();
  wake_jobs();
  std::optional<Integer> rank;
  while (wanted() > 0) {
    const auto first = first_of_rank_above(rank);
    if (!first) return;
    serve_rank(*first);
    rank = first->rank;
  }
}

void ClaimRun::take_back_expired() {
  // A lease that ends later than it could by now was given before the clock was moved back.
  session_->execute("update job_batches set lease_until = :now + lease where state = 'in_progress' and lease_until > :now + lease",
                    {{"now", now_}});
  static const DialectSql expired(
      "select id, job_id, connection_id, order_key, first_index, outcomes, attempts, holder from job_batches where state = 'in_progress' "
      "and "
      "lease_until <= :now order by lease_until limit " +
      Text(most_expired) + " {skip_locked}");
  for (auto& row :
       session_->query<Integer, Text, Text, std::optional<Text>, Integer, Text, Integer, Text>(expired(*session_), {{"now", now_}})) {
    BatchPlace place;
    Text holder;
    std::tie(place.id, place.job_id, place.connection_id, place.order_key, place.first_index, place.outcomes, place.attempts, holder) =
        std::move(row);
    const auto job =
        session_->query_one<Text, Integer, Integer>("select state, stopped, max_attempts from jobs where id = :id", {{"id", place.job_id}});
    if (!job) continue;
    const auto& [state, stopped, max_attempts] = *job;
    const Error why = interrupted(holder);
    note_reason(*session_, place.job_id, why);
    if (state == "cancelled" || stopped != 0 || place.attempts >= max_attempts) {
      enter_outcomes(*session_, place, for_all_pending(place, last_outcome(true, true, why)), "completed", now_);
    } else {
      session_->execute("update job_batches set state = 'queued', maybe_sent = 1 where id = :id", {{"id", place.id}});
      reschedule(*session_, place.job_id, now_);
    }
  }
}

void ClaimRun::wake_jobs() {
  static const DialectSql due("select id from jobs where wake_at is not null and wake_at <= :now order by wake_at limit " +
                              Text(most_woken_jobs) + " {skip_locked}");
  for (const auto& [job] : session_->query<Text>(due(*session_), {{"now", now_}})) {
    session_->execute(
        "update job_batches set state = 'queued' where state = 'waiting' and id in (select id from job_batches where job_id = :job and "
        "state = 'waiting' and not_before <= :now order by not_before limit " +
            Text(most_woken_batches) + ")",
        {{"job", job}, {"now", now_}});
    reschedule(*session_, job, now_);
  }
}

std::optional<ClaimRun::Place> ClaimRun::first_of_rank_above(std::optional<Integer> rank) {
  auto row = session_->query_one<Integer, Text>(
      "select rank, connection_id from jobs where runnable = 1 and rank > :rank order by rank, connection_id limit 1",
      {{"rank", rank.value_or(std::numeric_limits<Integer>::min())}});
  if (!row) return std::nullopt;
  return Place{std::get<0>(*row), std::move(std::get<1>(*row))};
}

std::optional<ClaimRun::Place> ClaimRun::next_in_rank(const Place& place) {
  auto row = session_->query_one<Text>(
      "select connection_id from jobs where runnable = 1 and rank = :rank and connection_id > :connection order by connection_id limit 1",
      {{"rank", place.rank}, {"connection", place.connection_id}});
  if (!row) return std::nullopt;
  return Place{place.rank, std::move(std::get<0>(*row))};
}

/// Round the connections, beginning behind the one that was served last.
void ClaimRun::serve_rank(const Place& first) {
  const Text start = turn_;
  std::optional<Place> place = start < first.connection_id ? first : next_in_rank({first.rank, start});
  for (; place && wanted() > 0; place = next_in_rank(*place)) serve(*place);
  if (start < first.connection_id) return;
  for (place = first; place && place->connection_id <= start && wanted() > 0; place = next_in_rank(*place)) serve(*place);
}

void ClaimRun::serve(const Place& place) {
  auto room = std::min(room_of(place.connection_id), wanted());
  Text after;
  while (room > 0) {
    const auto jobs =
        find_jobs(*session_, "where runnable = 1 and rank = :rank and connection_id = :connection and id > :after order by id limit 1",
                  {{"rank", place.rank}, {"connection", place.connection_id}, {"after", after}});
    if (jobs.empty()) return;
    after = jobs.front().id;
    const auto claimed = claim_from(jobs.front(), room);
    room -= claimed;
    if (claimed != 0) turn_ = place.connection_id;
    if (room > 0) rest(after);
  }
}

Integer ClaimRun::room_of(const Text& connection_id) {
  static const DialectSql limit_of("select max_running from job_limits where connection_id = :connection {for_update}");
  const auto limit = session_->query_one<Integer>(limit_of(*session_), {{"connection", connection_id}});
  if (!limit) return std::numeric_limits<Integer>::max();
  const auto running = session_->query_one<Integer>(
      "select count(*) from job_batches where connection_id = :connection and state = 'in_progress'", {{"connection", connection_id}});
  return std::get<0>(*limit) - std::get<0>(running.value());
}

Integer ClaimRun::claim_from(const Job& job, Integer most) {
  static const DialectSql claim(
      "with picked as materialized (select id as picked_id from job_batches where job_id = :job and state = 'queued' order by id limit "
      ":most "
      "{skip_locked}) update job_batches set state = 'in_progress', fence = fence + 1, attempts = attempts + 1, holder = :holder, "
      "lease = :lease, lease_until = :until from picked where id = picked_id returning id, fence, attempts, maybe_sent, first_index, "
      "outcomes");
  auto rows =
      session_->query<Integer, Integer, Integer, Integer, Integer, Text>(claim(*session_), {{"job", job.id},
                                                                                            {"most", most},
                                                                                            {"holder", options_->worker},
                                                                                            {"lease", options_->lease.count()},
                                                                                            {"until", now_ + options_->lease.count()}});
  std::sort(rows.begin(), rows.end());
  for (auto& row : rows) {
    ClaimedPlace claimed;
    Integer maybe_sent = 0;
    std::tie(claimed.batch.id, claimed.batch.fence, claimed.batch.attempt, maybe_sent, claimed.first_index, claimed.outcomes) =
        std::move(row);
    claimed.batch.maybe_sent = maybe_sent != 0;
    claimed.batch.worker = options_->worker;
    claimed.batch.job_id = job.id;
    claimed.batch.connection_id = job.spec.connection_id;
    claimed.batch.entity = job.spec.entity;
    claimed.batch.op = job.spec.op;
    claimed.batch.options_json = job.spec.options_json;
    batches_.push_back(std::move(claimed));
  }
  if (!rows.empty() && job.state == JobState::queued) {
    session_->execute("update jobs set state = 'in_progress', started_at = coalesce(started_at, :now) where id = :id and state = 'queued'",
                      {{"id", job.id}, {"now", now_}});
  }
  return static_cast<Integer>(rows.size());
}

/// Out of the index, if really nothing of it is queued: whoever queues something puts it back (reschedule), and waits for this row.
void ClaimRun::rest(const Text& job_id) {
  static const DialectSql lock("select id from jobs where id = :id {for_update}");
  session_->query<Text>(lock(*session_), {{"id", job_id}});
  session_->execute(
      "update jobs set runnable = 0 where id = :id and not exists (select 1 from job_batches where job_id = :id and state = 'queued')",
      {{"id", job_id}});
}

}  // namespace switchgear::store_detail

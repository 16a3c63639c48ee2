#include "switchgear/store/jobs.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "dialect.hpp"
#include "job_removal.hpp"
#include "job_tables.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using store_detail::find_job;
using store_detail::unknown_job;
using Text = std::string;
using Integer = std::int64_t;

Error wrong_state(const Job& job, const Text& what) {
  Error error(Category::conflict, "job_state", "job " + job.id + " is " + Text(to_string(job.state)) + ", " + what);
  error.connection_id = job.spec.connection_id;
  error.entity = job.spec.entity;
  return error;
}

/// Locked until the transaction ends.
Job locked(DatabaseSession& session, const Text& id) {
  static const store_detail::DialectSql lock("select id from jobs where id = :id {for_update}");
  session.query<Text>(lock(session), {{"id", id}});
  auto job = find_job(session, id);
  if (!job) throw unknown_job(id);
  return std::move(*job);
}

struct Failed {
  Integer index, batch_id;
  Text outcome;
};

/// A page of what a retry takes, by index: a batch's records follow each other.
std::vector<Failed> next_failed(DatabaseSession& session, const Text& job_id, const RetryChoice& choice, Integer after) {
  std::vector<Failed> page;
  for (auto& [index, batch, outcome] : session.query<Integer, Integer, Text>(
           "select record_index, batch_id, outcome from job_outcomes where job_id = :job and record_index > :after and "
           "(outcome = 'failed' or (outcome = 'unknown' and :unknown = 1)) and (retryable = 1 or :any = 1) order by record_index limit "
           "10000",
           {{"job", job_id}, {"after", after}, {"unknown", choice.unknown ? 1 : 0}, {"any", choice.only_retryable ? 0 : 1}})) {
    page.push_back({index, batch, std::move(outcome)});
  }
  return page;
}

/// Opens a batch again for those of its records. Returns false if it was open already: a page ended within it.
bool reopen(DatabaseSession& session, const Text& job_id, Integer batch_id, const std::vector<Failed>& records, std::set<Text>& keys) {
  auto row = session.query_one<Text, Integer, Text, std::optional<Text>, Integer>(
      "select state, first_index, outcomes, order_key, maybe_sent from job_batches where id = :id", {{"id", batch_id}});
  if (!row) return false;
  auto& [state, first_index, letters, order_key, maybe_sent] = *row;
  const bool was_closed = state == "completed" || state == "cancelled";
  if (was_closed) maybe_sent = 0;  // what failed is known not to be there
  for (const auto& record : records) {
    letters[static_cast<std::size_t>(record.index - first_index)] = static_cast<char>(RecordState::pending);
    if (record.outcome == "unknown") maybe_sent = 1;
    session.execute("delete from job_outcomes where job_id = :job and record_index = :index", {{"job", job_id}, {"index", record.index}});
  }
  if (order_key) keys.insert(*order_key);
  session.execute("update job_batches set outcomes = :letters, state = :state, attempts = 0, maybe_sent = :sent where id = :id",
                  {{"letters", letters}, {"state", order_key ? "blocked" : "queued"}, {"sent", maybe_sent}, {"id", batch_id}});
  return was_closed;
}

}  // namespace

std::optional<Job> JobStore::find(const Text& id) {
  auto session = store_.read();
  return find_job(session, id);
}

Job JobStore::get(const Text& id) {
  auto job = find(id);
  if (!job) throw unknown_job(id);
  return std::move(*job);
}

std::vector<Job> JobStore::list(const JobFilter& filter) {
  Text condition = "where accepting_until is null";
  SqlParameters parameters = {{"limit", filter.limit}};
  const auto where = [&](const char* text, const char* name, const Text& value) {
    condition += text;
    parameters.push_back({name, value});
  };
  if (!filter.connection_id.empty()) where(" and connection_id = :connection", "connection", filter.connection_id);
  if (filter.state) where(" and state = :state", "state", Text(to_string(*filter.state)));
  if (!filter.after.empty()) where(" and id < :after", "after", filter.after);
  auto session = store_.read();
  return store_detail::find_jobs(session, condition + " order by id desc limit :limit", parameters);
}

Job JobStore::pause(const Text& id) {
  return store_.write([&](DatabaseSession& session) {
    const Job job = locked(session, id);
    if (is_final(job.state)) throw wrong_state(job, "it cannot be paused any more");
    session.execute("update jobs set state = 'paused', runnable = 0, wake_at = null where id = :id", {{"id", id}});
    return find_job(session, id).value();
  });
}

Job JobStore::resume(const Text& id) {
  return store_.write([&](DatabaseSession& session) {
    const Job job = locked(session, id);
    if (is_final(job.state)) throw wrong_state(job, "it cannot be resumed any more");
    session.execute(
        "update jobs set state = case when started_at is null then 'queued' else 'in_progress' end where id = :id and state = 'paused'",
        {{"id", id}});
    store_detail::reschedule(session, id, store_.now());
    return find_job(session, id).value();
  });
}

Job JobStore::cancel(const Text& id) {
  return store_.write([&](DatabaseSession& session) {
    const auto job = find_job(session, id);
    if (!job) throw unknown_job(id);
    if (job->state == JobState::cancelled) return *job;
    if (is_final(job->state)) throw wrong_state(*job, "there is nothing left to cancel");
    const auto now = store_.now();
    // First the batches: who holds one of them may be waiting for the job.
    store_detail::skip_open_batches(session, id, now);
    session.execute("update jobs set state = 'cancelled', runnable = 0, wake_at = null, finished_at = :now where id = :id",
                    {{"now", now}, {"id", id}});
    return find_job(session, id).value();
  });
}

Job JobStore::retry(const Text& id, const RetryChoice& choice) {
  return store_.write([&](DatabaseSession& session) {
    const Job job = locked(session, id);
    if (!is_final(job.state)) throw wrong_state(job, "it can be retried once it has ended");
    if (job.open_batches != 0) throw wrong_state(job, "but some of it is under way still");
    const auto now = store_.now();
    JobCounts change;
    Integer opened = 0;
    std::set<Text> keys;
    for (Integer after = -1;;) {
      const auto page = next_failed(session, id, choice, after);
      if (page.empty()) break;
      after = page.back().index;
      std::map<Integer, std::vector<Failed>> batches;
      for (const auto& record : page) {
        --(record.outcome == "unknown" ? change.unknown : change.failed);
        batches[record.batch_id].push_back(record);
      }
      for (const auto& [batch, records] : batches) opened += reopen(session, id, batch, records, keys) ? 1 : 0;
    }
    if (opened == 0) throw wrong_state(job, "and none of its records is to be tried again");
    session.execute(
        "update jobs set state = 'queued', stopped = 0, failed = failed + :failed, unknown = unknown + :unknown, open_batches = :opened, "
        "finished_at = null, error_code = '', error = '' where id = :id",
        {{"failed", change.failed}, {"unknown", change.unknown}, {"opened", opened}, {"id", id}});
    for (const auto& key : keys) {
      store_detail::lock_order_key(session, job.spec.connection_id, key);
      store_detail::unblock(session, job.spec.connection_id, key, now);
    }
    store_detail::reschedule(session, id, now);
    return find_job(session, id).value();
  });
}

std::vector<JobOutcome> JobStore::outcomes(const Text& id, const OutcomeFilter& filter) {
  auto session = store_.read();
  if (!find_job(session, id)) throw unknown_job(id);
  Text condition = "where o.job_id = :job and o.record_index > :after";
  SqlParameters parameters = {{"job", id}, {"after", filter.after}, {"limit", filter.limit}};
  if (filter.state) {
    condition += " and o.outcome = :outcome";
    // Filled in its place: gcc 12 sees a variant that moves into a growing vector as uninitialised (-O3).
    SqlParameter& outcome = parameters.emplace_back();
    outcome.name = "outcome";
    outcome.value = Text(to_string(*filter.state));
  }
  std::vector<JobOutcome> outcomes;
  Integer payload_of = 0;
  Integer first_index = 0;
  Text payload;
  for (auto& row : session.query<Integer, Integer, Text, Text, Text, Text, Text, Integer, Integer, Integer>(
           "select o.record_index, o.batch_id, o.outcome, o.category, o.detail, o.message, o.hint, o.retryable, o.attempt, o.at from "
           "job_outcomes o " +
               condition + " order by o.record_index limit :limit",
           parameters)) {
    auto& [index, batch_id, outcome, category, detail, message, hint, retryable, attempt, at] = row;
    if (batch_id != payload_of) {
      auto batch = session.query_one<Integer, Text>(
          "select b.first_index, p.payload from job_batches b join job_payloads p on p.batch_id = b.id where b.id = :id",
          {{"id", batch_id}});
      if (!batch) break;  // it is being removed
      std::tie(first_index, payload) = std::move(*batch);
      payload_of = batch_id;
    }
    JobRecord record = unpack_one(payload, first_index, index);
    const RecordState state = outcome == "failed"    ? RecordState::failed
                              : outcome == "unknown" ? RecordState::unknown
                                                     : RecordState::skipped;
    auto key = idempotency_key(id, index, record.key);
    outcomes.push_back({index, std::move(record.key), std::move(record.json), std::move(key),
                        RecordOutcome{state, category_from(category).value_or(Category::internal), std::move(detail), std::move(message),
                                      std::move(hint), retryable != 0},
                        attempt, from_microseconds(at)});
  }
  return outcomes;
}

RecordState JobStore::outcome(const Text& id, Integer index) {
  auto session = store_.read();
  const auto batch = session.query_one<Integer, Text>(
      "select first_index, outcomes from job_batches where job_id = :job and first_index <= :index order by first_index desc limit 1",
      {{"job", id}, {"index", index}});
  const auto at = batch ? index - std::get<0>(*batch) : 0;
  if (!batch || at >= static_cast<Integer>(std::get<1>(*batch).size())) {
    if (!find_job(session, id)) throw unknown_job(id);
    throw Error(Category::not_found, "record", "job " + id + " has no record " + std::to_string(index));
  }
  return static_cast<RecordState>(std::get<1>(*batch)[static_cast<std::size_t>(at)]);
}

void JobStore::limit_connection(const Text& connection_id, Integer max_running) {
  store_.write([&](DatabaseSession& session) {
    if (max_running <= 0) {
      session.execute("delete from job_limits where connection_id = :id", {{"id", connection_id}});
      return;
    }
    session.execute(
        "insert into job_limits (connection_id, max_running) values (:id, :most) on conflict (connection_id) do update set max_running = "
        ":most",
        {{"id", connection_id}, {"most", max_running}});
  });
}

Integer JobStore::purge(WallTime before) {
  std::vector<std::tuple<Text>> old;
  {
    auto session = store_.read();
    old = session.query<Text>(
        "select id from jobs where (finished_at is not null and finished_at < :before and open_batches = 0) or "
        "(accepting_until is not null and accepting_until < :now) order by id",
        {{"before", to_microseconds(before)}, {"now", store_.now()}});
  }
  Integer removed = 0;
  for (const auto& [id] : old) {
    // It may have been retried, or gone on, since it was looked at.
    if (!store_detail::mark_for_removal(store_, id, to_microseconds(before), store_.now())) continue;
    store_detail::remove_job(store_, id);
    ++removed;
  }
  return removed;
}

}  // namespace switchgear

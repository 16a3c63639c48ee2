#include "job_tables.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "dialect.hpp"
#include "sealed_box.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear::store_detail {
namespace {

using Text = std::string;
using Integer = std::int64_t;
using Time = std::optional<std::int64_t>;

constexpr std::array<std::string_view, 7> state_words = {"queued", "in_progress", "paused", "completed", "failed", "partial", "cancelled"};

constexpr const char* columns =
    "select id, connection_id, entity, op, options, rank, not_before, max_attempts, state, records, ok, failed, unknown, skipped, batches, "
    "open_batches, error_code, error, created_at, started_at, finished_at from jobs ";

std::optional<WallTime> time_of(const Time& microseconds) {
  if (!microseconds) return std::nullopt;
  return from_microseconds(*microseconds);
}

void enter_reason(DatabaseSession& session, const BatchPlace& batch, const IndexedOutcome& entry, Integer now) {
  session.execute(
      "insert into job_outcomes (job_id, record_index, batch_id, outcome, category, detail, message, hint, retryable, attempt, at) values "
      "(:job, :index, :batch, :outcome, :category, :detail, :message, :hint, :retryable, :attempt, :now) on conflict (job_id, "
      "record_index) "
      "do update set outcome = :outcome, category = :category, detail = :detail, message = :message, hint = :hint, "
      "retryable = :retryable, attempt = :attempt, at = :now",
      {{"job", batch.job_id},
       {"index", entry.index},
       {"batch", batch.id},
       {"outcome", Text(to_string(entry.outcome.state))},
       {"category", Text(to_string(entry.outcome.category))},
       {"detail", entry.outcome.detail},
       {"message", entry.outcome.message},
       {"hint", entry.outcome.hint},
       {"retryable", entry.outcome.retryable ? 1 : 0},
       {"attempt", batch.attempts},
       {"now", now}});
}

}  // namespace

std::string new_job_id(Integer now) {
  // A UUID of version 7 without its dashes (RFC 9562, 6.2, method 3): milliseconds, the fraction of one, then chance.
  constexpr std::string_view digits = "0123456789abcdef";
  std::string bytes = random_bytes(16);
  const auto milliseconds = static_cast<std::uint64_t>(now / 1000);
  for (unsigned i = 0; i < 6; ++i) bytes[i] = static_cast<char>(milliseconds >> (40U - 8U * i));
  const auto fraction = static_cast<std::uint64_t>(now % 1000) * 4096 / 1000;
  bytes[6] = static_cast<char>(0x70U | (fraction >> 8U));
  bytes[7] = static_cast<char>(fraction & 0xffU);
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3fU) | 0x80U);
  std::string id;
  for (const char byte : bytes) {
    id += digits[static_cast<unsigned char>(byte) >> 4U];
    id += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return id;
}

Error unknown_job(const std::string& id) {
  return Error(Category::not_found, "job", "there is no job '" + id + "'")
      .with_hint("it may have been removed after its time; list the jobs");
}

std::vector<Job> find_jobs(DatabaseSession& session, const std::string& condition, const SqlParameters& parameters) {
  std::vector<Job> jobs;
  for (auto& row : session.query<Text, Text, Text, Text, Text, Integer, Integer, Integer, Text, Integer, Integer, Integer, Integer, Integer,
                                 Integer, Integer, Text, Text, Integer, Time, Time>(columns + condition, parameters)) {
    Job job;
    Integer rank = 0;
    Integer not_before = 0;
    Integer created_at = 0;
    Text state;
    Time started_at;
    Time finished_at;
    std::tie(job.id, job.spec.connection_id, job.spec.entity, job.spec.op, job.spec.options_json, rank, not_before, job.spec.max_attempts,
             state, job.counts.records, job.counts.ok, job.counts.failed, job.counts.unknown, job.counts.skipped, job.batches,
             job.open_batches, job.error_code, job.error, created_at, started_at, finished_at) = std::move(row);
    job.spec.priority = -rank;
    if (not_before != 0) job.spec.not_before = from_microseconds(not_before);
    job.state = static_cast<JobState>(std::find(state_words.begin(), state_words.end(), state) - state_words.begin());
    job.created_at = from_microseconds(created_at);
    job.started_at = time_of(started_at);
    job.finished_at = time_of(finished_at);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::optional<Job> find_job(DatabaseSession& session, const std::string& id) {
  auto jobs = find_jobs(session, "where id = :id and accepting_until is null", {{"id", id}});
  if (jobs.empty()) return std::nullopt;
  return std::move(jobs.front());
}

void reschedule(DatabaseSession& session, const std::string& job_id, Integer now) {
  session.execute(
      "update jobs set runnable = case when not_before <= :now then 1 else 0 end, wake_at = case when not_before > :now then not_before "
      "else "
      "(select min(b.not_before) from job_batches b where b.job_id = :id and b.state = 'waiting') end where id = :id and "
      "state in ('queued', 'in_progress') and accepting_until is null and stopped = 0",
      {{"id", job_id}, {"now", now}});
}

void lock_order_key(DatabaseSession& session, const std::string& connection_id, const std::string& order_key) {
  if (session.kind() == DatabaseKind::sqlite) return;  // one writer at a time
  session.query<Text>("select cast(pg_advisory_xact_lock(731140620, hashtext(:key)) as text)", {{"key", connection_id + "\n" + order_key}});
}

void unblock(DatabaseSession& session, const std::string& connection_id, const std::string& order_key, Integer now) {
  const auto job = session.query_one<Text>(
      "update job_batches set state = 'queued' where id = (select min(id) from job_batches where connection_id = :connection and "
      "order_key = :key and state = 'blocked') and not exists (select 1 from job_batches where connection_id = :connection and "
      "order_key = :key and order_key is not null and state in ('queued', 'waiting', 'in_progress')) returning job_id",
      {{"connection", connection_id}, {"key", order_key}});
  if (job) reschedule(session, std::get<0>(*job), now);
}

JobCounts change_of_counts(std::string_view before, std::string_view after) {
  const auto change = [&](RecordState state) {
    const auto letter = static_cast<char>(state);
    return static_cast<Integer>(std::count(after.begin(), after.end(), letter) - std::count(before.begin(), before.end(), letter));
  };
  return {0, change(RecordState::ok), change(RecordState::failed), change(RecordState::unknown), change(RecordState::skipped)};
}

Integer enter_outcomes(DatabaseSession& session, const BatchPlace& batch, const std::vector<IndexedOutcome>& outcomes,
                       std::string_view state, Integer now) {
  const bool closes = state == "completed" || state == "cancelled";
  if (closes && batch.order_key) lock_order_key(session, batch.connection_id, *batch.order_key);
  std::string letters = batch.outcomes;
  for (const auto& entry : outcomes) {
    const auto at = entry.index - batch.first_index;
    if (at < 0 || at >= static_cast<Integer>(letters.size()) || entry.outcome.state == RecordState::pending) {
      throw Error(Category::internal, "ledger",
                  "an outcome for record " + std::to_string(entry.index) + " does not belong to batch " + std::to_string(batch.id) +
                      " of job " + batch.job_id);
    }
    char& letter = letters[static_cast<std::size_t>(at)];
    if (entry.outcome.state != RecordState::ok) {
      enter_reason(session, batch, entry, now);
    } else if (letter != static_cast<char>(RecordState::pending)) {
      session.execute("delete from job_outcomes where job_id = :job and record_index = :index",
                      {{"job", batch.job_id}, {"index", entry.index}});
    }
    letter = static_cast<char>(entry.outcome.state);
  }
  session.execute("update job_batches set outcomes = :letters, state = :state where id = :id",
                  {{"letters", letters}, {"state", Text(state)}, {"id", batch.id}});
  if (closes && batch.order_key) unblock(session, batch.connection_id, *batch.order_key, now);
  count(session, batch.job_id, change_of_counts(batch.outcomes, letters), closes ? 1 : 0, now);
  return std::count(letters.begin(), letters.end(), static_cast<char>(RecordState::pending));
}

std::vector<IndexedOutcome> for_all_pending(const BatchPlace& batch, const RecordOutcome& outcome) {
  std::vector<IndexedOutcome> all;
  auto index = batch.first_index;
  for (const char letter : batch.outcomes) {
    if (letter == static_cast<char>(RecordState::pending)) all.push_back({index, outcome});
    ++index;
  }
  return all;
}

RecordOutcome last_outcome(bool maybe_sent, bool stopped, const std::optional<Error>& reason) {
  const Error stop(Category::cancelled, "", "the job was stopped before the fate of this record was known");
  return because_of(reason.value_or(stop), maybe_sent ? RecordState::unknown : stopped ? RecordState::skipped : RecordState::failed);
}

void note_reason(DatabaseSession& session, const Text& job_id, const Error& reason) {
  session.execute("update jobs set error_code = :code, error = :error where id = :job",
                  {{"code", reason.code()}, {"error", reason.message}, {"job", job_id}});
}

void skip_open_batches(DatabaseSession& session, const Text& job_id, Integer now) {
  static const DialectSql some(
      "select id, connection_id, order_key, outcomes from job_batches where job_id = :job and id > :after and "
      "state in ('queued', 'waiting', 'blocked') order by id limit 5000 {for_update}");
  std::set<std::pair<Text, Text>> keys;
  JobCounts skipped;
  Integer closed = 0;
  for (Integer after = 0;;) {
    const auto rows = session.query<Integer, Text, std::optional<Text>, Text>(some(session), {{"job", job_id}, {"after", after}});
    if (rows.empty()) break;
    for (const auto& [id, connection_id, order_key, outcomes] : rows) {
      skipped.skipped += std::count(outcomes.begin(), outcomes.end(), static_cast<char>(RecordState::pending));
      if (order_key) keys.emplace(connection_id, *order_key);
    }
    const Integer last = std::get<0>(rows.back());
    closed += session.execute(
        "update job_batches set state = 'cancelled', outcomes = replace(outcomes, '-', 's') where job_id = :job and id > :after and "
        "id <= :last and state in ('queued', 'waiting', 'blocked')",
        {{"job", job_id}, {"after", after}, {"last", last}});
    after = last;
  }
  for (const auto& [connection_id, order_key] : keys) {
    lock_order_key(session, connection_id, order_key);
    unblock(session, connection_id, order_key, now);
  }
  session.execute("update jobs set runnable = 0, wake_at = null where id = :job", {{"job", job_id}});
  count(session, job_id, skipped, closed, now);
}

void count(DatabaseSession& session, const std::string& job_id, const JobCounts& change, Integer closed, Integer now) {
  const auto open = session.query_one<Integer>(
      "update jobs set ok = ok + :ok, failed = failed + :failed, unknown = unknown + :unknown, skipped = skipped + :skipped, "
      "open_batches = open_batches - :closed where id = :job returning open_batches",
      {{"ok", change.ok},
       {"failed", change.failed},
       {"unknown", change.unknown},
       {"skipped", change.skipped},
       {"closed", closed},
       {"job", job_id}});
  if (closed == 0 || !open || std::get<0>(*open) != 0) return;
  session.execute(
      "update jobs set state = case when failed + unknown + skipped = 0 then 'completed' when ok = 0 then 'failed' else 'partial' end, "
      "runnable = 0, wake_at = null, finished_at = :now where id = :job and state in ('queued', 'in_progress', 'paused')",
      {{"job", job_id}, {"now", now}});
}

}  // namespace switchgear::store_detail

namespace switchgear {

std::string_view to_string(JobState state) noexcept { return store_detail::state_words.at(static_cast<std::size_t>(state)); }

}  // namespace switchgear

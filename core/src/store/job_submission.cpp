#include <algorithm>
#include <set>
#include <utility>

#include "job_removal.hpp"
#include "job_tables.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"
#include "switchgear/store/jobs.hpp"

namespace switchgear {
namespace {

using Integer = std::int64_t;

// Written together: enough to make a transaction worth its while, little enough to keep memory and the lock small.
constexpr std::size_t most_bytes_waiting = std::size_t{4} << 20U;
constexpr std::size_t most_batches_waiting = 256;

// A submission that says nothing for so long is taken for dead.
constexpr std::chrono::microseconds patience = std::chrono::hours(1);

struct NewBatch {
  std::string payload;
  std::string order_key;
  Integer first_index = 0;
  std::size_t records = 0;
};

Error too_much(const std::string& job_id, const std::string& what) {
  return Error(Category::data, "batch", "a batch for job " + job_id + " " + what)
      .with_hint("a batch holds 1 to " + std::to_string(most_records_in_batch) + " records of " +
                 std::to_string(most_bytes_in_batch >> 20U) + " MiB in all");
}

}  // namespace

struct JobSubmission::State {
  State(Store& where, JobSpec what) : store(where), spec(std::move(what)), id(store_detail::new_job_id(where.now())) {}

  void insert_job(DatabaseSession& session, Integer now) const;
  void insert_batches(DatabaseSession& session) const;
  void flush();

  Store& store;
  JobSpec spec;
  std::string id;
  std::vector<NewBatch> waiting;
  std::size_t bytes = 0;
  Integer records = 0;
  Integer batches = 0;
  bool in_store = false;  // some of it is
  bool failed = false;
  bool finished = false;
};

void JobSubmission::State::insert_job(DatabaseSession& session, Integer now) const {
  session.execute(
      "insert into jobs (id, connection_id, entity, op, options, rank, not_before, max_attempts, state, runnable, stopped, "
      "accepting_until, "
      "batches, open_batches, records, ok, failed, unknown, skipped, error_code, error, created_at) values (:id, :connection, :entity, "
      ":op, "
      ":options, :rank, :not_before, :max_attempts, 'queued', 0, 0, :until, 0, 0, 0, 0, 0, 0, 0, '', '', :now)",
      {{"id", id},
       {"connection", spec.connection_id},
       {"entity", spec.entity},
       {"op", spec.op},
       {"options", spec.options_json},
       {"rank", -spec.priority},
       {"not_before", spec.not_before ? to_microseconds(*spec.not_before) : 0},
       {"max_attempts", spec.max_attempts},
       {"until", now + patience.count()},
       {"now", now}});
}

void JobSubmission::State::insert_batches(DatabaseSession& session) const {
  std::set<std::string> keys;
  for (const auto& batch : waiting) {
    if (!batch.order_key.empty()) keys.insert(batch.order_key);
  }
  for (const auto& key : keys) store_detail::lock_order_key(session, spec.connection_id, key);
  for (const auto& batch : waiting) {
    const bool ordered = !batch.order_key.empty();
    const auto row = session.query_one<Integer>(
        "insert into job_batches (job_id, connection_id, order_key, state, first_index, outcomes, attempts, maybe_sent, fence, holder, "
        "lease, "
        "lease_until, not_before) values (:job, :connection, :key, :state, :first, :outcomes, 0, 0, 0, '', 0, 0, 0) returning id",
        {{"job", id},
         {"connection", spec.connection_id},
         {"key", ordered ? SqlValue(batch.order_key) : SqlValue()},
         {"state", ordered ? "blocked" : "queued"},
         {"first", batch.first_index},
         {"outcomes", std::string(batch.records, static_cast<char>(RecordState::pending))}});
    session.execute("insert into job_payloads (batch_id, payload) values (:id, :payload)",
                    {{"id", std::get<0>(row.value())}, {"payload", batch.payload}});
  }
  for (const auto& key : keys) store_detail::unblock(session, spec.connection_id, key, 0);
}

void JobSubmission::State::flush() {
  store.write([&](DatabaseSession& session) {
    const auto now = store.now();
    if (!in_store) insert_job(session, now);
    insert_batches(session);
    const auto alive = session.execute("update jobs set accepting_until = :until where id = :id and accepting_until > 0",
                                       {{"until", now + patience.count()}, {"id", id}});
    if (alive == 0) throw store_detail::unknown_job(id);
  });
  in_store = true;
  waiting.clear();
  bytes = 0;
}

JobSubmission::JobSubmission(std::unique_ptr<State> state) : state_(std::move(state)) {}
JobSubmission::JobSubmission(JobSubmission&&) noexcept = default;

JobSubmission::~JobSubmission() {
  if (!state_ || state_->finished || !state_->in_store) return;
  try {
    // If the answer to finish() was lost, the job may be there and under way: then it is left alone.
    const bool unfinished = store_detail::mark_for_removal(state_->store, state_->id, 0, state_->store.now() + 2 * patience.count());
    if (unfinished) store_detail::remove_job(state_->store, state_->id);
  } catch (const std::exception& error) {
    log(LogLevel::warning, "store", "what was submitted of job " + state_->id + " could not be removed and will be later: " + error.what());
  }
}

const std::string& JobSubmission::job_id() const noexcept { return state_->id; }

void JobSubmission::add(std::span<const NewRecord> records, std::string_view order_key) {
  State& state = *state_;
  if (state.finished || state.failed) throw Error(Category::conflict, "job_state", "nothing can be added to job " + state.id + " any more");
  state.failed = true;  // until it went well
  if (records.empty()) throw too_much(state.id, "has no record");
  if (records.size() > most_records_in_batch) throw too_much(state.id, "has " + std::to_string(records.size()) + " records");
  NewBatch batch{pack_records(records, state.records), std::string(order_key), state.records, records.size()};
  if (batch.payload.size() > most_bytes_in_batch) throw too_much(state.id, "has " + std::to_string(batch.payload.size()) + " bytes");
  state.bytes += batch.payload.size();
  state.records += static_cast<Integer>(records.size());
  ++state.batches;
  state.waiting.push_back(std::move(batch));
  if (state.bytes >= most_bytes_waiting || state.waiting.size() >= most_batches_waiting) state.flush();
  state.failed = false;
}

Job JobSubmission::finish() {
  State& state = *state_;
  if (state.finished || state.failed) {
    throw Error(Category::conflict, "job_state",
                "job " + state.id + (state.finished ? " is finished already" : " cannot be finished, because a part of it was not taken"));
  }
  state.failed = true;
  auto job = state.store.write([&](DatabaseSession& session) {
    const auto now = state.store.now();
    if (!state.in_store) state.insert_job(session, now);
    state.insert_batches(session);
    const auto alive = session.execute(
        "update jobs set accepting_until = null, records = :records, batches = :batches, open_batches = :batches where id = :id and "
        "accepting_until > 0",
        {{"records", state.records}, {"batches", state.batches}, {"id", state.id}});
    if (alive == 0) throw store_detail::unknown_job(state.id);
    if (state.batches == 0) {
      session.execute("update jobs set state = 'completed', finished_at = :now where id = :id", {{"now", now}, {"id", state.id}});
    } else {
      store_detail::reschedule(session, state.id, now);
    }
    return store_detail::find_job(session, state.id).value();
  });
  state.failed = false;
  state.finished = true;
  state.waiting.clear();
  return job;
}

JobSubmission JobStore::submit(const JobSpec& spec) {
  constexpr std::array<std::string_view, 4> ops = {"create", "update", "upsert", "delete"};
  if (std::find(ops.begin(), ops.end(), spec.op) == ops.end()) {
    throw Error(Category::config, "job", "a job cannot '" + spec.op + "' records" + did_you_mean(spec.op, ops))
        .with_hint("create, update, upsert or delete");
  }
  if (spec.max_attempts < 1) throw Error(Category::config, "job", "max_attempts must be at least 1");
  auto session = store_.read();
  if (!session.query_one<std::string>("select id from connections where id = :id", {{"id", spec.connection_id}})) {
    Error error(Category::not_found, "connection", "there is no connection '" + spec.connection_id + "' to queue records for");
    error.connection_id = spec.connection_id;
    throw error;
  }
  return JobSubmission(std::make_unique<JobSubmission::State>(store_, spec));
}

}  // namespace switchgear

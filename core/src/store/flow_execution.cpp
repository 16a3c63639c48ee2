#include "switchgear/store/flow_execution.hpp"

#include <utility>

#include "dialect.hpp"
#include "flow_rows.hpp"
#include "job_tables.hpp"
#include "run_rows.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using store_detail::add_flow_message;
using store_detail::DialectSql;
using store_detail::flow_runs_where;
using store_detail::time_from;
using store_detail::time_value;

using Text = std::string;
using Number = std::int64_t;
using MaybeNumber = std::optional<std::int64_t>;

/// Nobody else begins or takes up an execution of this flow until the transaction ends. A flow that is run by hand need not be planned.
void lock_flow(DatabaseSession& session, const Text& name, Number now) {
  static const DialectSql locked("select name from flows where name = :name {for_update}");
  session.execute(
      "insert into flows (name, event_type, schedule, timezone, source, events_since, events_after) values (:name, '', '', 'UTC', '', "
      ":now, 0) on conflict "
      "(name) do nothing",
      {{"name", name}, {"now", now}});
  session.query<Text>(locked(session), {{"name", name}});
}

/// Nothing, or why there may be no further one.
std::optional<Error> busy(DatabaseSession& session, const FlowStart& start) {
  const auto under_way =
      session.query<Text, Text>("select id, holder from flow_runs where flow = :flow and state = 'in_progress'", {{"flow", start.flow}});
  if (static_cast<Number>(under_way.size()) < start.concurrency) return std::nullopt;
  const auto& [id, holder] = under_way.front();
  return Error(Category::conflict, "flow_busy",
               "flow '" + start.flow + "' is under way already (run " + id + " of " + holder + "), and its concurrency is " +
                   std::to_string(start.concurrency))
      .with_hint("wait for its end; a process that died is noticed when its lease runs out")
      .with_retry(true);
}

/// False: another process has claimed this time.
bool claim_time(DatabaseSession& session, const FlowStart& start) {
  if (!start.due) return true;
  return session.execute("update flows set next_at = :next where name = :name and next_at = :due",
                         {{"name", start.flow}, {"due", to_microseconds(*start.due)}, {"next", time_value(start.next)}}) != 0;
}

void insert(DatabaseSession& session, const FlowRun& run, std::chrono::microseconds lease) {
  SqlValue event_id;
  if (!run.event_id.empty()) event_id = run.event_id;
  const Number now = to_microseconds(run.started_at);
  session.execute(
      "insert into flow_runs (id, flow, state, cause, params, event_id, event, holder, token, lease, lease_until, interrupted, started_at, "
      "error) values (:id, :flow, 'in_progress', :cause, :params, :event_id, :event, :holder, 1, :lease, :until, 0, :now, '')",
      {{"id", run.id},
       {"flow", run.flow},
       {"cause", run.cause},
       {"params", run.params_json},
       {"event_id", event_id},
       {"event", run.event_json},
       {"holder", run.holder},
       {"lease", lease.count()},
       {"until", now + lease.count()},
       {"now", now}});
}

Error lease_lost(const Text& id) {
  return Error(Category::conflict, "lease_lost", "the run " + id + " was taken for dead, and ended or taken up by another process")
      .with_hint("it stood still for longer than its lease; what it had finished is kept");
}

}  // namespace

std::optional<FlowExecution> FlowExecution::begin(Store& store, const FlowStart& start) {
  FlowRun run;
  run.flow = start.flow;
  run.state = RunState::in_progress;
  run.cause = start.cause;
  run.params_json = start.params_json;
  run.event_id = start.event_id;
  run.event_json = start.event_json;
  run.holder = start.holder;
  run.token = 1;
  std::optional<Error> refused;
  const bool begun = store.write([&](DatabaseSession& session) {
    refused.reset();
    const Number now = store.now();
    run.started_at = from_microseconds(now);
    run.id = store_detail::new_job_id(now);
    lock_flow(session, start.flow, now);
    store_detail::settle_interrupted_flows(session, now);
    if (!start.event_id.empty() && session.query_one<Text>("select id from flow_runs where flow = :flow and event_id = :event",
                                                           {{"flow", start.flow}, {"event", start.event_id}}))
      return false;
    if (!claim_time(session, start)) return false;
    refused = busy(session, start);
    if (refused) return false;
    // Who begins the same anew by hand does not want the old one to go on behind it.
    if (start.cause == "manual")
      session.execute(
          "update flow_runs set interrupted = 0 where flow = :flow and interrupted = 1 and event_id is null and params = :params",
          {{"flow", start.flow}, {"params", start.params_json}});
    insert(session, run, start.lease);
    add_flow_message(session, run.id, now, {run.started_at, "info", "", "begun (" + start.cause + ") by " + start.holder, "{}"});
    return true;
  });
  if (refused) throw std::move(*refused);
  if (!begun) return std::nullopt;
  return FlowExecution(store, std::move(run), start.lease);
}

FlowExecution FlowExecution::resume(Store& store, const std::string& id, const FlowStart& start) {
  return store.write([&](DatabaseSession& session) {
    const Number now = store.now();
    lock_flow(session, start.flow, now);
    store_detail::settle_interrupted_flows(session, now);
    auto found = flow_runs_where(session, "where id = :id and flow = :flow", {{"id", id}, {"flow", start.flow}});
    if (found.empty()) throw store_detail::unknown_flow_run(id);
    FlowRun run = std::move(found.front());
    if (run.state == RunState::completed || run.state == RunState::partial)
      throw Error(Category::conflict, "flow_ended", "the run " + id + " of flow '" + run.flow + "' has come to its end")
          .with_hint("run the flow without resume to begin anew");
    if (auto refused = busy(session, start)) throw std::move(*refused);
    run.state = RunState::in_progress;
    run.holder = start.holder;
    run.interrupted = false;
    run.finished_at.reset();
    run.error.clear();
    ++run.token;
    session.execute(
        "update flow_runs set state = 'in_progress', holder = :holder, token = :token, lease = :lease, lease_until = :until, interrupted = "
        "0, finished_at = null, error = '' where id = :id",
        {{"id", id}, {"holder", run.holder}, {"token", run.token}, {"lease", start.lease.count()}, {"until", now + start.lease.count()}});
    const auto done = session.query_one<Number>("select count(*) from flow_steps where run_id = :id and state = 'completed'", {{"id", id}});
    add_flow_message(
        session, id, now,
        {from_microseconds(now), "info", "",
         "taken up again by " + start.holder + ", with " + std::to_string(std::get<0>(done.value())) + " steps finished", "{}"});
    return FlowExecution(store, std::move(run), start.lease);
  });
}

void FlowExecution::hold(DatabaseSession& session) {
  // As long as nobody has ended it, it goes on, be its lease over: a laptop that slept.
  const auto held = session.execute("update flow_runs set lease_until = :until where id = :id and token = :token and state = 'in_progress'",
                                    {{"until", store_->now() + lease_.count()}, {"id", run_.id}, {"token", run_.token}});
  if (held == 0) throw lease_lost(run_.id);
}

bool FlowExecution::renew() {
  try {
    store_->write([&](DatabaseSession& session) { hold(session); });
  } catch (const Error& error) {
    if (error.category == Category::conflict) return false;
    throw;
  }
  return true;
}

std::optional<FlowStep> FlowExecution::step(const std::string& name) {
  auto session = store_->read();
  auto row = session.query_one<Text, Number, Number, MaybeNumber, Text, Text>(
      "select state, attempts, started_at, finished_at, result, error from flow_steps where run_id = :id and name = :name",
      {{"id", run_.id}, {"name", name}});
  if (!row) return std::nullopt;
  auto& [state, attempts, started, finished, result, error] = *row;
  return FlowStep{name,
                  store_detail::run_state_from(state),
                  attempts,
                  from_microseconds(started),
                  time_from(finished),
                  std::move(result),
                  std::move(error)};
}

void FlowExecution::step_started(const std::string& name) {
  store_->write([&](DatabaseSession& session) {
    hold(session);
    session.execute(
        "insert into flow_steps (run_id, name, number, state, attempts, started_at, result, error) values (:id, :name, (select "
        "coalesce(max(number), 0) + 1 from flow_steps where run_id = :id), 'in_progress', 1, :now, '', '') on conflict (run_id, name) do "
        "update set state = 'in_progress', attempts = flow_steps.attempts + 1, finished_at = null, error = ''",
        {{"id", run_.id}, {"name", name}, {"now", store_->now()}});
  });
}

void FlowExecution::step_finished(const std::string& name, const std::string& result_json) {
  store_->write([&](DatabaseSession& session) {
    hold(session);
    session.execute("update flow_steps set state = 'completed', finished_at = :now, result = :result where run_id = :id and name = :name",
                    {{"id", run_.id}, {"name", name}, {"now", store_->now()}, {"result", result_json}});
  });
}

void FlowExecution::step_failed(const std::string& name, const std::string& error) {
  store_->write([&](DatabaseSession& session) {
    hold(session);
    session.execute("update flow_steps set state = 'failed', finished_at = :now, error = :error where run_id = :id and name = :name",
                    {{"id", run_.id}, {"name", name}, {"now", store_->now()}, {"error", error}});
  });
}

std::optional<FlowBatches> FlowExecution::batches(const std::string& step, std::int64_t number) {
  auto session = store_->read();
  auto row = session.query_one<Number, Number, Text, Text, Number, Number, Number, Number>(
      "select position, in_flight, digest, left_over, ok, failed, unknown, skipped from flow_batches where run_id = :id and step = :step "
      "and "
      "number = :number",
      {{"id", run_.id}, {"step", step}, {"number", number}});
  if (!row) return std::nullopt;
  auto& [position, in_flight, digest, left, ok, failed, unknown, skipped] = *row;
  return FlowBatches{position, in_flight, std::move(digest), std::move(left), {ok, failed, unknown, skipped}};
}

void FlowExecution::keep_batches(const std::string& step, std::int64_t number, const FlowBatches& batches) {
  store_->write([&](DatabaseSession& session) {
    hold(session);
    session.execute(
        "insert into flow_batches (run_id, step, number, position, in_flight, digest, left_over, ok, failed, unknown, skipped) values "
        "(:id, "
        ":step, :number, :position, :in_flight, :digest, :left, :ok, :failed, :unknown, :skipped) on conflict (run_id, step, number) do "
        "update set position = :position, in_flight = :in_flight, digest = :digest, left_over = :left, ok = :ok, failed = :failed, unknown "
        "= :unknown, skipped = :skipped",
        {{"id", run_.id},
         {"step", step},
         {"number", number},
         {"position", batches.position},
         {"in_flight", batches.in_flight},
         {"digest", batches.digest},
         {"left", batches.left_json},
         {"ok", batches.counts.ok},
         {"failed", batches.counts.failed},
         {"unknown", batches.counts.unknown},
         {"skipped", batches.counts.skipped}});
  });
}

void FlowExecution::add_message(const std::string& level, const std::string& step, const std::string& text,
                                const std::string& detail_json) {
  store_->write([&](DatabaseSession& session) {
    hold(session);
    const auto count = session.query_one<Number>("select count(*) from flow_messages where run_id = :id", {{"id", run_.id}});
    const Number before = std::get<0>(count.value());
    if (before > max_messages) return;
    const Number now = store_->now();
    if (before == max_messages)
      add_flow_message(session, run_.id, now,
                       {from_microseconds(now), "warning", "", "there were more messages, which are left out", "{}"});
    else
      add_flow_message(session, run_.id, now, {from_microseconds(now), level, step, text, detail_json});
  });
}

void FlowExecution::finished(RunState state, const std::string& error, bool interrupted) {
  store_->write([&](DatabaseSession& session) {
    hold(session);
    const Number now = store_->now();
    session.execute(
        "update flow_runs set state = :state, finished_at = :now, error = :error, interrupted = :interrupted where id = :id",
        {{"id", run_.id}, {"state", Text(to_string(state))}, {"now", now}, {"error", error}, {"interrupted", Number{interrupted}}});
    add_flow_message(session, run_.id, now,
                     {from_microseconds(now), state == RunState::failed ? "error" : "info", "", "ended: " + Text(to_string(state)), "{}"});
  });
  run_.state = state;
  run_.error = error;
}

}  // namespace switchgear

#include "switchgear/store/runs.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "event_rows.hpp"
#include "job_tables.hpp"
#include "run_rows.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using store_detail::run_state_from;
using store_detail::time_from;
using store_detail::time_value;

using Text = std::string;
using Number = std::int64_t;
using MaybeNumber = std::optional<std::int64_t>;

Text word(RunState state) { return Text(to_string(state)); }

/// Somebody else has ended it: what is told of it now would contradict what was shown.
void require_under_way(DatabaseSession& session, const std::string& run_id) {
  if (session.query_one<Text>("select id from runs where id = :id and state = 'in_progress'", {{"id", run_id}})) return;
  throw Error(Category::conflict, "lease_lost", "the run " + run_id + " was taken for dead, and ended by another process")
      .with_hint("it stood still for longer than its lease; the next sync goes on from what it has committed");
}

void keep_error(DatabaseSession& session, const Text& connection_id, const Text& entity, const Text& run_id, const Text& error,
                Number now) {
  if (error.empty()) return;
  const Text code = nlohmann::json::parse(error).value("code", "internal");
  session.execute(
      "insert into errors (connection_id, entity, code, error, count, first_at, last_at, run_id) values (:connection, :entity, :code, "
      ":error, 1, :now, :now, :run) on conflict (connection_id, entity, code) do update set error = :error, count = errors.count + 1, "
      "last_at = :now, run_id = :run",
      {{"connection", connection_id}, {"entity", entity}, {"code", code}, {"error", error}, {"now", now}, {"run", run_id}});
}

Text connection_of(DatabaseSession& session, const Text& run_id) {
  return std::get<0>(session.query_one<Text>("select connection_id from runs where id = :id", {{"id", run_id}}).value());
}

std::vector<RunEntity> entities_of(DatabaseSession& session, const Text& run_id) {
  std::vector<RunEntity> entities;
  for (auto& [entity, state, started, finished, mode, watermark, initial, counts, error] :
       session.query<Text, Text, MaybeNumber, MaybeNumber, Text, Text, Number, Text, Text>(
           "select entity, state, started_at, finished_at, mode, watermark, initial, counts, error from run_entities where run_id = :id "
           "order by entity",
           {{"id", run_id}})) {
    entities.push_back({std::move(entity), run_state_from(state), time_from(started), time_from(finished), counts_from_json(counts),
                        std::move(mode), std::move(watermark), initial != 0, std::move(error)});
  }
  return entities;
}

std::vector<Run> runs_where(DatabaseSession& session, const Text& condition, const SqlParameters& parameters) {
  std::vector<Run> runs;
  for (auto& [id, connection_id, state, cause, full, holder, destination, started, finished, error] :
       session.query<Text, Text, Text, Text, Number, Text, Text, Number, MaybeNumber, Text>(
           "select id, connection_id, state, cause, is_full, holder, destination, started_at, finished_at, error from runs " + condition,
           parameters)) {
    Run run;
    run.id = std::move(id);
    run.connection_id = std::move(connection_id);
    run.state = run_state_from(state);
    run.cause = std::move(cause);
    run.full = full != 0;
    run.holder = std::move(holder);
    run.destination = std::move(destination);
    run.started_at = from_microseconds(started);
    run.finished_at = time_from(finished);
    run.error = std::move(error);
    runs.push_back(std::move(run));
  }
  for (Run& run : runs) run.entities = entities_of(session, run.id);
  return runs;
}

}  // namespace

std::string RunStore::new_id() { return store_detail::new_job_id(store_.now()); }

namespace {

void begin_in(DatabaseSession& session, const Run& run) {
  const Number started = to_microseconds(run.started_at);
  session.execute(
      "insert into runs (id, connection_id, state, cause, is_full, holder, destination, started_at, error) values (:id, :connection, "
      "'in_progress', :cause, :full, :holder, :destination, :started, '')",
      {{"id", run.id},
       {"connection", run.connection_id},
       {"cause", run.cause},
       {"full", Number{run.full}},
       {"holder", run.holder},
       {"destination", run.destination},
       {"started", started}});
  session.execute(
      "insert into sync_connections (connection_id, run_id, state, last_started_at, failures, error) values (:connection, :id, "
      "'in_progress', :started, 0, '') on conflict (connection_id) do update set run_id = :id, state = 'in_progress', last_started_at = "
      ":started",
      {{"connection", run.connection_id}, {"id", run.id}, {"started", started}});
  for (const RunEntity& each : run.entities) {
    session.execute(
        "insert into run_entities (run_id, entity, state, mode, watermark, initial, counts, error) values (:id, :entity, 'queued', "
        ":mode, "
        "'', 0, '{}', '')",
        {{"id", run.id}, {"entity", each.entity}, {"mode", each.mode}});
    session.execute(
        "insert into sync_entities (connection_id, entity, run_id, state, watermark, counts, error) values (:connection, :entity, :id, "
        "'queued', '', '{}', '') on conflict (connection_id, entity) do update set run_id = :id, state = 'queued'",
        {{"connection", run.connection_id}, {"entity", each.entity}, {"id", run.id}});
  }
}

void finish_in(DatabaseSession& session, const Text& run_id, RunState state, const Text& error, const std::optional<SeenReach>& seen,
               Number now) {
  const SqlParameters values = {{"state", word(state)}, {"now", now}, {"error", error}, {"id", run_id}};
  session.execute("update runs set state = :state, finished_at = :now, error = :error where id = :id", values);
  const bool good = state == RunState::completed;
  const bool bad = state == RunState::failed;
  const Text connection_id = connection_of(session, run_id);
  session.execute(
      "update sync_connections set state = :state, last_finished_at = :now, error = :error, last_success_at = case when 1 = :good then "
      ":now "
      "else last_success_at end, failures = case when 1 = :bad then failures + 1 when :state = 'cancelled' then failures else 0 end "
      "where "
      "connection_id = :connection and run_id = :id",
      {{"state", word(state)},
       {"now", now},
       {"error", error},
       {"good", Number{good}},
       {"bad", Number{bad}},
       {"connection", connection_id},
       {"id", run_id}});
  const auto of_entities =
      session.query_one<Number>("select count(*) from run_entities where run_id = :id and error <> ''", {{"id", run_id}});
  if (std::get<0>(of_entities.value()) == 0) keep_error(session, connection_id, "", run_id, error, now);
  store_detail::record_run(session, run_id, now);
  if (seen) store_detail::note_reach(session, connection_id, seen->reach, seen->error, now);
}

}  // namespace

void RunStore::begin(const Run& run) {
  store_.write([&](DatabaseSession& session) { begin_in(session, run); });
}

void RunStore::finished(const std::string& run_id, RunState state, const std::string& error, const std::optional<SeenReach>& seen) {
  store_.write([&](DatabaseSession& session) {
    require_under_way(session, run_id);
    finish_in(session, run_id, state, error, seen, store_.now());
  });
}

void RunStore::failed_to_begin(const Run& run, const std::optional<SeenReach>& seen) {
  store_.write([&](DatabaseSession& session) {
    begin_in(session, run);
    finish_in(session, run.id, RunState::failed, run.error, seen, store_.now());
  });
}

void RunStore::entity_started(const std::string& run_id, const RunEntity& entity) {
  store_.write([&](DatabaseSession& session) {
    require_under_way(session, run_id);
    session.execute(
        "update run_entities set state = 'in_progress', started_at = :at, mode = :mode, watermark = :watermark, initial = :initial where "
        "run_id = :id and entity = :entity",
        {{"at", time_value(entity.started_at)},
         {"mode", entity.mode},
         {"watermark", entity.watermark},
         {"initial", Number{entity.initial}},
         {"id", run_id},
         {"entity", entity.entity}});
    session.execute("update sync_entities set state = 'in_progress', watermark = :watermark where run_id = :id and entity = :entity",
                    {{"watermark", entity.watermark}, {"id", run_id}, {"entity", entity.entity}});
  });
}

void RunStore::entity_progress(const std::string& run_id, const RunEntity& entity) {
  store_.write([&](DatabaseSession& session) {
    require_under_way(session, run_id);
    const SqlParameters values = {
        {"counts", counts_json(entity.counts)}, {"watermark", entity.watermark}, {"id", run_id}, {"entity", entity.entity}};
    session.execute("update run_entities set counts = :counts, watermark = :watermark where run_id = :id and entity = :entity", values);
    session.execute("update sync_entities set counts = :counts, watermark = :watermark where run_id = :id and entity = :entity", values);
  });
}

void RunStore::entity_finished(const std::string& run_id, const RunEntity& entity) {
  store_.write([&](DatabaseSession& session) {
    require_under_way(session, run_id);
    const Number now = store_.now();
    const bool good = entity.state == RunState::completed;
    session.execute(
        "update run_entities set state = :state, finished_at = :at, counts = :counts, watermark = :watermark, error = :error where run_id "
        "= "
        ":id and entity = :entity",
        {{"state", word(entity.state)},
         {"at", time_value(entity.finished_at)},
         {"counts", counts_json(entity.counts)},
         {"watermark", entity.watermark},
         {"error", entity.error},
         {"id", run_id},
         {"entity", entity.entity}});
    session.execute(
        "update sync_entities set state = :state, counts = :counts, watermark = :watermark, error = :error, last_success_at = case when "
        "1 = :good then :now else last_success_at end where run_id = :id and entity = :entity",
        {{"state", word(entity.state)},
         {"counts", counts_json(entity.counts)},
         {"watermark", entity.watermark},
         {"error", entity.error},
         {"good", Number{good}},
         {"now", now},
         {"id", run_id},
         {"entity", entity.entity}});
    keep_error(session, connection_of(session, run_id), entity.entity, run_id, entity.error, now);
  });
}

void RunStore::replay(const std::string& run_id, const std::string& connection_id, const std::string& entity, const RunCounts& counts,
                      const std::string& watermark) {
  const Text text = counts_json(counts);
  {  // mostly it is known
    auto session = store_.read();
    const auto known = session.query_one<Text>("select counts from run_entities where run_id = :id and entity = :entity",
                                               {{"id", run_id}, {"entity", entity}});
    if (!known || std::get<0>(*known) == text || counts_from_json(std::get<0>(*known)).checkpoints >= counts.checkpoints) return;
  }
  store_.write([&](DatabaseSession& session) {
    session.execute("update run_entities set counts = :counts, watermark = :watermark where run_id = :id and entity = :entity",
                    {{"counts", text}, {"watermark", watermark}, {"id", run_id}, {"entity", entity}});
    session.execute("update sync_entities set watermark = :watermark where connection_id = :connection and entity = :entity",
                    {{"watermark", watermark}, {"connection", connection_id}, {"entity", entity}});
  });
}

void RunStore::add_message(const std::string& run_id, std::int64_t number, const RunMessage& message) {
  if (number > max_messages) return;
  store_.write([&](DatabaseSession& session) {
    session.execute(
        "insert into run_messages (run_id, number, at, level, entity, message, detail) values (:id, :number, :at, :level, :entity, "
        ":message, "
        ":detail) on conflict (run_id, number) do nothing",
        {{"id", run_id},
         {"number", number},
         {"at", to_microseconds(message.at)},
         {"level", message.level},
         {"entity", message.entity},
         {"message", message.text},
         {"detail", message.detail_json}});
  });
}

Run RunStore::get(const std::string& id) {
  settle_interrupted();
  auto session = store_.read();
  auto found = runs_where(session, "where id = :id", {{"id", id}});
  if (found.empty())
    throw Error(Category::not_found, "run", "there is no run '" + id + "'")
        .with_hint("hub.runs() lists them; old ones are removed after a while");
  return std::move(found.front());
}

std::vector<Run> RunStore::list(const std::string& connection_id, std::int64_t limit) {
  settle_interrupted();
  auto session = store_.read();
  if (connection_id.empty()) return runs_where(session, "order by id desc limit :limit", {{"limit", limit}});
  return runs_where(session, "where connection_id = :connection order by id desc limit :limit",
                    {{"connection", connection_id}, {"limit", limit}});
}

std::vector<RunMessage> RunStore::messages(const std::string& run_id) {
  auto session = store_.read();
  std::vector<RunMessage> messages;
  for (auto& [at, level, entity, text, detail] : session.query<Number, Text, Text, Text, Text>(
           "select at, level, entity, message, detail from run_messages where run_id = :id order by number", {{"id", run_id}}))
    messages.push_back({from_microseconds(at), std::move(level), std::move(entity), std::move(text), std::move(detail)});
  return messages;
}

std::vector<StoredErrorEntry> RunStore::errors(const std::string& connection_id, const std::string& entity, std::optional<WallTime> since) {
  auto session = store_.read();
  Text condition = "where last_at >= :since";
  SqlParameters parameters = {{"since", since ? to_microseconds(*since) : Number{0}}};
  if (!connection_id.empty()) {
    condition += " and connection_id = :connection";
    parameters.push_back({"connection", connection_id});
  }
  if (!entity.empty()) {
    condition += " and entity = :entity";
    parameters.push_back({"entity", entity});
  }
  std::vector<StoredErrorEntry> errors;
  for (auto& [connection, of, error, count, first, last, run_id] : session.query<Text, Text, Text, Number, Number, Number, Text>(
           "select connection_id, entity, error, count, first_at, last_at, run_id from errors " + condition + " order by last_at desc",
           parameters))
    errors.push_back({std::move(connection), std::move(of), std::move(error), count, from_microseconds(first), from_microseconds(last),
                      std::move(run_id)});
  return errors;
}

std::int64_t RunStore::settle_interrupted() {
  {  // mostly there is none, and nothing to write
    auto session = store_.read();
    const auto died = session.query_one<Text>(
        "select id from runs where state = 'in_progress' and not exists (select 1 from leases where leases.name = 'run/' || runs.id and "
        "leases.expires_at > :now and leases.expires_at <= :now + leases.ttl) limit 1",
        {{"now", store_.now()}});
    if (!died) return 0;
  }
  return store_.write([&](DatabaseSession& session) { return store_detail::settle_interrupted(session, store_.now()); });
}

std::int64_t RunStore::remove_before(WallTime runs, WallTime errors) {
  return store_.write([&](DatabaseSession& session) {
    session.execute("delete from errors where last_at < :before", {{"before", to_microseconds(errors)}});
    return session.execute("delete from runs where finished_at < :before", {{"before", to_microseconds(runs)}});
  });
}

}  // namespace switchgear

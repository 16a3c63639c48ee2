#include "flow_rows.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "run_rows.hpp"

namespace switchgear::store_detail {
namespace {

using Text = std::string;
using Number = std::int64_t;
using MaybeNumber = std::optional<std::int64_t>;

FlowCounts counts_of(DatabaseSession& session, const Text& run_id) {
  const auto row = session.query_one<Number, Number, Number, Number>(
      "select cast(coalesce(sum(ok), 0) as bigint), cast(coalesce(sum(failed), 0) as bigint), cast(coalesce(sum(unknown), 0) as bigint), "
      "cast(coalesce(sum(skipped), 0) as bigint) from flow_batches where run_id = :id",
      {{"id", run_id}});
  const auto [ok, failed, unknown, skipped] = row.value();
  return {ok, failed, unknown, skipped};
}

}  // namespace

std::vector<FlowRun> flow_runs_where(DatabaseSession& session, const std::string& condition, const SqlParameters& parameters) {
  std::vector<FlowRun> runs;
  for (auto& [id, flow, state, cause, params, event_id, event, holder, token, interrupted, started, finished, error] :
       session.query<Text, Text, Text, Text, Text, std::optional<Text>, Text, Text, Number, Number, Number, MaybeNumber, Text>(
           "select id, flow, state, cause, params, event_id, event, holder, token, interrupted, started_at, finished_at, error from "
           "flow_runs " +
               condition,
           parameters)) {
    FlowRun run;
    run.id = std::move(id);
    run.flow = std::move(flow);
    run.state = run_state_from(state);
    run.cause = std::move(cause);
    run.params_json = std::move(params);
    run.event_id = event_id.value_or("");
    run.event_json = std::move(event);
    run.holder = std::move(holder);
    run.token = token;
    run.interrupted = interrupted != 0;
    run.started_at = from_microseconds(started);
    run.finished_at = time_from(finished);
    run.error = std::move(error);
    runs.push_back(std::move(run));
  }
  for (FlowRun& run : runs) run.counts = counts_of(session, run.id);
  return runs;
}

std::int64_t settle_interrupted_flows(DatabaseSession& session, std::int64_t now) {
  // A lease given in what is now the future: the clock was moved back. Counted from now, it ends when its time would have.
  session.execute("update flow_runs set lease_until = :now + lease where state = 'in_progress' and lease_until > :now + lease",
                  {{"now", now}});
  const auto died = session.query<Text, Text, Text>(
      "select id, flow, holder from flow_runs where state = 'in_progress' and lease_until <= :now", {{"now", now}});
  std::int64_t settled = 0;
  for (const auto& [id, flow, holder] : died) {
    // `failed.interrupted` is a run's own word: of no category of what went wrong, because nobody was left to see it.
    const nlohmann::json said = {{"category", "internal"},
                                 {"code", "failed.interrupted"},
                                 {"message", "the process that ran it (" + holder + ") ended in the middle"},
                                 {"hint", "steps that were finished stay so; run '" + flow + "' again, and it goes on behind them"}};
    const auto changed = session.execute(
        "update flow_runs set state = 'failed', interrupted = 1, finished_at = :now, error = :error where id = :id and state = "
        "'in_progress' and lease_until <= :now",
        {{"id", id}, {"now", now}, {"error", said.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)}});
    if (changed == 0) continue;
    add_flow_message(session, id, now, {from_microseconds(now), "error", "", "interrupted: " + said["message"].get<std::string>(), "{}"});
    ++settled;
  }
  return settled;
}

void add_flow_message(DatabaseSession& session, const std::string& run_id, std::int64_t now, const RunMessage& message) {
  session.execute(
      "insert into flow_messages (run_id, number, at, level, step, message, detail) values (:id, (select coalesce(max(number), 0) + 1 "
      "from flow_messages where run_id = :id), :at, :level, :step, :message, :detail)",
      {{"id", run_id},
       {"at", now},
       {"level", message.level},
       {"step", message.entity},
       {"message", message.text},
       {"detail", message.detail_json}});
}

Error unknown_flow_run(const std::string& id) {
  return Error(Category::not_found, "run", "there is no run '" + id + "'")
      .with_hint("hub.runs() lists them; old ones are removed after a while");
}

}  // namespace switchgear::store_detail

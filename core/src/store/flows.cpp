#include "switchgear/store/flows.hpp"

#include <utility>

#include "flow_rows.hpp"
#include "run_rows.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using store_detail::flow_runs_where;
using store_detail::time_from;
using store_detail::time_value;

using Text = std::string;
using Number = std::int64_t;
using MaybeNumber = std::optional<std::int64_t>;

/// What of a flow `f` and an event `e` makes it one that the flow is to begin with. What is not after `events_after` was looked through.
constexpr std::string_view pending =
    "e.type = f.event_type and e.number > f.events_after and e.recorded_at >= f.events_since and e.test = 0 and not exists (select 1 from "
    "flow_runs r where r.flow = f.name and r.event_id = e.id)";

/// An event is seen later than others with greater numbers by as much as its transaction took; nobody's takes so long.
constexpr Number settled_after = 600'000'000;  // microseconds
constexpr Number worth_moving = 100;           // numbers

/// Lets what was looked through not be looked at again.
void pass_by(Store& store, const Text& flow) {
  const SqlParameters of = {{"name", flow}, {"before", store.now() - settled_after}};
  {  // mostly it is not worth a write
    auto session = store.read();
    const auto row = session.query_one<MaybeNumber>(
        "select (select max(number) from events where recorded_at < :before) - events_after from flows where name = :name", of);
    if (!row || std::get<0>(*row).value_or(0) < worth_moving) return;
  }
  store.write([&](DatabaseSession& session) {
    const auto last = session.query_one<MaybeNumber>("select max(number) from events where recorded_at < :before",
                                                     {{"before", store.now() - settled_after}});
    const Number until = std::get<0>(last.value()).value_or(0);
    session.execute(
        "update flows set events_after = :until where name = :name and events_after < :until and not exists (select 1 from "
        "flows f, events e where f.name = :name and e.number <= :until and " +
            Text(pending) + ")",
        {{"name", flow}, {"until", until}});
  });
}

}  // namespace

void FlowStore::plan(const FlowPlan& flow) {
  {  // mostly it is known
    auto session = store_.read();
    const auto known = session.query_one<Text, Text, Text, Text>(
        "select event_type, schedule, timezone, source from flows where name = :name", {{"name", flow.name}});
    if (known && *known == std::make_tuple(flow.event_type, flow.schedule, flow.timezone, flow.source)) return;
  }
  store_.write([&](DatabaseSession& session) {
    session.execute(
        "insert into flows (name, event_type, schedule, timezone, source, next_at, events_since, events_after) values (:name, :event, "
        ":schedule, "
        ":timezone, :source, :next, :now, 0) on conflict (name) do update set event_type = :event, schedule = :schedule, timezone = "
        ":timezone, source = :source, next_at = case when flows.schedule = :schedule and flows.timezone = :timezone then flows.next_at "
        "else :next end, events_since = case when flows.event_type = :event then flows.events_since else :now end",
        {{"name", flow.name},
         {"event", flow.event_type},
         {"schedule", flow.schedule},
         {"timezone", flow.timezone},
         {"source", flow.source},
         {"next", time_value(flow.next_at)},
         {"now", store_.now()}});
  });
}

std::vector<FlowPlan> FlowStore::plans() {
  auto session = store_.read();
  std::vector<FlowPlan> plans;
  for (auto& [name, event_type, schedule, timezone, source, next, since] : session.query<Text, Text, Text, Text, Text, MaybeNumber, Number>(
           "select name, event_type, schedule, timezone, source, next_at, events_since from flows order by name"))
    plans.push_back({std::move(name), std::move(event_type), std::move(schedule), std::move(timezone), std::move(source), time_from(next),
                     from_microseconds(since)});
  return plans;
}

std::vector<std::string> FlowStore::pending_events(const std::string& flow, std::int64_t limit) {
  std::vector<std::string> ids;
  {
    auto session = store_.read();
    for (auto& [id] : session.query<Text>(
             "select e.id from flows f, events e where f.name = :name and " + Text(pending) + " order by e.number limit :limit",
             {{"name", flow}, {"limit", limit}}))
      ids.push_back(std::move(id));
  }
  if (ids.empty()) pass_by(store_, flow);
  return ids;
}

FlowRun FlowStore::get(const std::string& id) {
  settle_interrupted();
  auto session = store_.read();
  auto found = flow_runs_where(session, "where id = :id", {{"id", id}});
  if (found.empty()) throw store_detail::unknown_flow_run(id);
  return std::move(found.front());
}

std::vector<FlowRun> FlowStore::list(const std::string& flow, std::int64_t limit) {
  settle_interrupted();
  auto session = store_.read();
  if (flow.empty()) return flow_runs_where(session, "order by id desc limit :limit", {{"limit", limit}});
  return flow_runs_where(session, "where flow = :flow order by id desc limit :limit", {{"flow", flow}, {"limit", limit}});
}

std::vector<FlowStep> FlowStore::steps(const std::string& run_id) {
  auto session = store_.read();
  std::vector<FlowStep> steps;
  for (auto& [name, state, attempts, started, finished, result, error] : session.query<Text, Text, Number, Number, MaybeNumber, Text, Text>(
           "select name, state, attempts, started_at, finished_at, result, error from flow_steps where run_id = :id order by number",
           {{"id", run_id}}))
    steps.push_back({std::move(name), store_detail::run_state_from(state), attempts, from_microseconds(started), time_from(finished),
                     std::move(result), std::move(error)});
  return steps;
}

std::vector<RunMessage> FlowStore::messages(const std::string& run_id) {
  auto session = store_.read();
  std::vector<RunMessage> messages;
  for (auto& [at, level, step, text, detail] : session.query<Number, Text, Text, Text, Text>(
           "select at, level, step, message, detail from flow_messages where run_id = :id order by number", {{"id", run_id}}))
    messages.push_back({from_microseconds(at), std::move(level), std::move(step), std::move(text), std::move(detail)});
  return messages;
}

std::vector<FlowRun> FlowStore::interrupted() {
  settle_interrupted();
  auto session = store_.read();
  return flow_runs_where(session, "where interrupted = 1 order by id", {});
}

std::int64_t FlowStore::settle_interrupted() {
  {  // mostly there is none, and nothing to write
    auto session = store_.read();
    const auto died = session.query_one<Text>(
        "select id from flow_runs where state = 'in_progress' and (lease_until <= :now or lease_until > :now + lease) limit 1",
        {{"now", store_.now()}});
    if (!died) return 0;
  }
  return store_.write([&](DatabaseSession& session) { return store_detail::settle_interrupted_flows(session, store_.now()); });
}

std::int64_t FlowStore::remove_before(WallTime before) {
  return store_.write([&](DatabaseSession& session) {
    const SqlParameters when = {{"before", to_microseconds(before)}};
    // An event whose run is forgotten must not begin another one.
    session.execute("update flows set events_since = :before where events_since < :before", when);
    return session.execute("delete from flow_runs where finished_at < :before", when);
  });
}

}  // namespace switchgear

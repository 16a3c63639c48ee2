#include "switchgear/store/sync_status.hpp"

#include <unordered_map>
#include <utility>

#include "run_rows.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/store/connections.hpp"

namespace switchgear {
namespace {

using store_detail::time_from;

using Text = std::string;
using Number = std::int64_t;
using MaybeNumber = std::optional<std::int64_t>;
using MaybeText = std::optional<std::string>;

Text freshness(MaybeNumber last_success, MaybeNumber period, Number now) {
  if (!period || *period <= 0) return "unscheduled";
  if (!last_success) return "stale";
  const Number age = now - *last_success;
  return age <= *period + *period / 2 ? "on_time" : age <= 3 * *period ? "late" : "stale";
}

}  // namespace

std::vector<SyncStatus> SyncStatusStore::all() { return read(""); }

SyncStatus SyncStatusStore::get(const std::string& connection_id) {
  ConnectionStore(store_).get(connection_id);  // or it says which is nearest
  return std::move(read(connection_id).at(0));
}

std::vector<SyncStatus> SyncStatusStore::read(const std::string& connection_id) {
  RunStore(store_).settle_interrupted();
  const Number now = store_.now();
  const Text only = connection_id.empty() ? "" : " where c.id = :id";
  const SqlParameters parameters = connection_id.empty() ? SqlParameters{} : SqlParameters{{"id", connection_id}};
  std::vector<SyncStatus> found;
  std::unordered_map<Text, std::size_t> places;
  auto session = store_.read();
  for (auto& [id, kept, schedule, run_id, state, started, finished, success, next, period, error] :
       session.query<Text, Text, Text, MaybeText, MaybeText, MaybeNumber, MaybeNumber, MaybeNumber, MaybeNumber, MaybeNumber, MaybeText>(
           "select c.id, c.state, c.schedule, s.run_id, s.state, s.last_started_at, s.last_finished_at, s.last_success_at, s.next_sync_at, "
           "s.period, s.error from connections c left join sync_connections s on s.connection_id = c.id" +
               only + " order by c.id",
           parameters)) {
    SyncStatus status;
    const bool active = kept == "active";
    status.connection_id = id;
    status.run_id = run_id.value_or("");
    status.status = state.value_or("never");
    if (status.status.empty()) status.status = "never";  // a schedule was worked out, no run has been
    if (!active && status.status != "in_progress") status.status = "paused";
    status.last_started_at = time_from(started);
    status.last_finished_at = time_from(finished);
    status.last_success_at = time_from(success);
    if (active && !schedule.empty()) status.next_sync_at = time_from(next);
    status.freshness = schedule.empty() ? "unscheduled" : freshness(success, period, now);
    status.error = error.value_or("");
    places.emplace(std::move(id), found.size());
    found.push_back(std::move(status));
  }
  const Text entities_only = connection_id.empty() ? "" : " where connection_id = :id";
  for (auto& [id, entity, state, success, watermark, counts, error] : session.query<Text, Text, Text, MaybeNumber, Text, Text, Text>(
           "select connection_id, entity, state, last_success_at, watermark, counts, error from sync_entities" + entities_only +
               " order by connection_id, entity",
           parameters)) {
    const auto place = places.find(id);
    if (place == places.end()) continue;
    found[place->second].entities.push_back(
        {std::move(entity), std::move(state), time_from(success), std::move(watermark), counts_from_json(counts), std::move(error)});
  }
  for (SyncStatus& status : found) {
    status.is_initial = status.entities.empty();
    for (const EntitySyncStatus& each : status.entities) status.is_initial = status.is_initial || !each.last_success_at;
  }
  return found;
}

void SyncStatusStore::set_next(const std::string& connection_id, std::optional<WallTime> next,
                               std::optional<std::chrono::microseconds> period) {
  store_.write([&](DatabaseSession& session) {
    SqlValue usual;
    if (period) usual = Number{period->count()};
    session.execute(
        "insert into sync_connections (connection_id, run_id, state, next_sync_at, period, failures, error) values (:id, '', '', :next, "
        ":period, 0, '') on conflict (connection_id) do update set next_sync_at = :next, period = :period",
        {{"id", connection_id}, {"next", store_detail::time_value(next)}, {"period", usual}});
  });
}

std::vector<SyncDue> SyncStatusStore::due() {
  auto session = store_.read();
  std::vector<SyncDue> due;
  for (auto& [id, schedule, timezone, next, failures] : session.query<Text, Text, Text, MaybeNumber, MaybeNumber>(
           "select c.id, c.schedule, c.timezone, s.next_sync_at, s.failures from connections c left join sync_connections s on "
           "s.connection_id = c.id where c.state = 'active' and c.schedule <> '' and (s.next_sync_at is null or s.next_sync_at <= :now) "
           "order by s.next_sync_at, c.id",
           {{"now", store_.now()}}))
    due.push_back({std::move(id), std::move(schedule), std::move(timezone), time_from(next), failures.value_or(0)});
  return due;
}

std::optional<WallTime> SyncStatusStore::next_due() {
  auto session = store_.read();
  const auto row = session.query_one<MaybeNumber>(
      "select min(s.next_sync_at) from connections c join sync_connections s on s.connection_id = c.id where c.state = 'active' and "
      "c.schedule "
      "<> ''");
  return row ? time_from(std::get<0>(*row)) : std::nullopt;
}

}  // namespace switchgear

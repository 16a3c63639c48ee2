#include "switchgear/store/events.hpp"

#include <array>
#include <utility>

#include "event_rows.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using Text = std::string;
using Number = std::int64_t;

std::vector<StoredEvent> events_where(DatabaseSession& session, const Text& condition, const SqlParameters& parameters) {
  std::vector<StoredEvent> events;
  for (auto& [number, id, type, connection, occurred, recorded, body, test] :
       session.query<Number, Text, Text, Text, Number, Number, Text, Number>(
           "select number, id, type, connection_id, occurred_at, recorded_at, body, test from events " + condition, parameters)) {
    StoredEvent event;
    event.number = number;
    event.id = std::move(id);
    event.type = std::move(type);
    event.connection_id = std::move(connection);
    event.occurred_at = from_microseconds(occurred);
    event.recorded_at = from_microseconds(recorded);
    event.body = std::move(body);
    event.test = test != 0;
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace

std::string_view to_string(Reach reach) noexcept {
  constexpr std::array<std::string_view, 3> words = {"online", "offline", "auth_required"};
  return words[static_cast<std::size_t>(reach)];
}

std::string EventStore::record(const NewEvent& event) {
  return store_.write([&](DatabaseSession& session) { return store_detail::record_event(session, event, store_.now()); });
}

std::vector<StoredEvent> EventStore::list(const EventFilter& filter) {
  Text condition = "where number > :after";
  SqlParameters parameters = {{"after", filter.after.value_or(0)}, {"limit", filter.limit}};
  const auto add = [&](const char* sql, const char* name, SqlValue value) {
    condition += sql;
    parameters.push_back({name, std::move(value)});
  };
  if (!filter.tests) condition += " and test = 0";
  if (!filter.connection_id.empty()) add(" and connection_id = :connection", "connection", filter.connection_id);
  if (filter.since) add(" and recorded_at >= :since", "since", to_microseconds(*filter.since));
  if (!filter.type.empty() && filter.type != "*") {
    if (!is_event_pattern(filter.type))
      throw Error(Category::config, "event", "'" + filter.type + "' is no type of an event").with_hint("such as sync.failed, or sync.*");
    if (filter.type.ends_with(".*")) {
      const Text start = filter.type.substr(0, filter.type.size() - 1);
      add(" and substr(type, 1, :length) = :start", "start", start);
      parameters.push_back({"length", static_cast<Number>(start.size())});
    } else {
      add(" and type = :type", "type", filter.type);
    }
  }
  auto session = store_.read();
  return events_where(session, condition + " order by number " + (filter.after ? "" : "desc ") + "limit :limit", parameters);
}

StoredEvent EventStore::get(const std::string& id) {
  auto session = store_.read();
  auto found = events_where(session, "where id = :id", {{"id", id}});
  if (found.empty())
    throw Error(Category::not_found, "event", "there is no event '" + id + "'").with_hint("old ones are removed after a while");
  return std::move(found.front());
}

bool EventStore::connection_seen(const std::string& connection_id, Reach reach, const std::string& error_json) {
  {  // mostly it is as it was
    auto session = store_.read();
    const auto known = session.query_one<Text>("select reach from connection_reach where connection_id = :id", {{"id", connection_id}});
    if (known && std::get<0>(*known) == to_string(reach)) return false;
  }
  return store_.write(
      [&](DatabaseSession& session) { return store_detail::note_reach(session, connection_id, reach, error_json, store_.now()); });
}

std::int64_t EventStore::remove_before(WallTime before) {
  return store_.write([&](DatabaseSession& session) {
    return session.execute(
        "delete from events where recorded_at < :before and not exists (select 1 from deliveries where deliveries.event_id = events.id)",
        {{"before", to_microseconds(before)}});
  });
}

}  // namespace switchgear

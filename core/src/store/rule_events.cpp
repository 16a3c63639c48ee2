#include "switchgear/store/rule_events.hpp"

#include "event_rows.hpp"

namespace switchgear {
namespace {

using Text = std::string;
using Number = std::int64_t;

SqlParameters whose(const Text& connection_id, const Text& entity) { return {{"connection", connection_id}, {"entity", entity}}; }

}  // namespace

void RuleEventStore::stage(const std::string& connection_id, const std::string& entity, std::int64_t sequence,
                           const std::vector<NewEvent>& events) {
  if (events.empty()) return;
  store_.write([&](DatabaseSession& session) {
    for (const NewEvent& event : events) {
      // An id that was staged for a commit which never came is this one's now.
      session.execute(
          "insert into rule_events (connection_id, entity, id, sequence, type, data) select :connection, :entity, :id, :sequence, :type, "
          ":data where not exists (select 1 from events where events.id = :id) on conflict (connection_id, entity, id) do update set "
          "sequence "
          "= :sequence, type = :type, data = :data",
          {{"connection", connection_id},
           {"entity", entity},
           {"id", event.id},
           {"sequence", sequence},
           {"type", event.type},
           {"data", event.data_json}});
    }
  });
}

std::int64_t RuleEventStore::settle(const std::string& connection_id, const std::string& entity, std::int64_t sequence) {
  {  // mostly there is none, and nothing to write
    auto session = store_.read();
    if (!session.query_one<Text>("select id from rule_events where connection_id = :connection and entity = :entity limit 1",
                                 whose(connection_id, entity)))
      return 0;
  }
  return store_.write([&](DatabaseSession& session) {
    SqlParameters parameters = whose(connection_id, entity);
    parameters.push_back({"sequence", sequence});
    const auto staged = session.query<Text, Text, Text>(
        "select id, type, data from rule_events where connection_id = :connection and entity = :entity and sequence <= :sequence order by "
        "sequence, id",
        parameters);
    for (const auto& [id, type, data] : staged) store_detail::record_event(session, {type, data, connection_id, id, {}}, store_.now());
    session.execute("delete from rule_events where connection_id = :connection and entity = :entity", whose(connection_id, entity));
    return static_cast<Number>(staged.size());
  });
}

}  // namespace switchgear

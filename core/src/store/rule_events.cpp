#include "switchgear/store/rule_events.hpp"

#include "event_rows.hpp"

namespace switchgear {
namespace {

using Text = std::string;
using Number = std::int64_t;

constexpr Number most_at_once = 500;  // whoever else has an event to record waits for so many

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
  Number settled = 0;
  for (;;) {
    const Number some = settle_some(connection_id, entity, sequence);
    settled += some;
    if (some < most_at_once) return settled;
  }
}

std::int64_t RuleEventStore::settle_some(const std::string& connection_id, const std::string& entity, std::int64_t sequence) {
  return store_.write([&](DatabaseSession& session) {
    SqlParameters parameters = whose(connection_id, entity);
    parameters.push_back({"sequence", sequence});
    parameters.push_back({"limit", most_at_once});
    const auto staged = session.query<Text, Number, Text, Text>(
        "select id, sequence, type, data from rule_events where connection_id = :connection and entity = :entity and sequence <= :sequence "
        "order by sequence, id limit :limit",
        parameters);
    for (const auto& [id, number, type, data] : staged)
      store_detail::record_event(session, {type, data, connection_id, id, {}}, store_.now());
    SqlParameters done = whose(connection_id, entity);
    Text which = "delete from rule_events where connection_id = :connection and entity = :entity";
    if (static_cast<Number>(staged.size()) == most_at_once) {  // else there are only those of commits that never came
      which += " and (sequence < :last or (sequence = :last and id <= :id))";
      done.push_back({"last", std::get<1>(staged.back())});
      done.push_back({"id", std::get<0>(staged.back())});
    }
    session.execute(which, done);
    return static_cast<Number>(staged.size());
  });
}

}  // namespace switchgear

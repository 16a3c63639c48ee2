#include <algorithm>
#include <tuple>

#include "dialect.hpp"
#include "event_rows.hpp"
#include "run_rows.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/store/deliveries.hpp"

namespace switchgear {
namespace {

using store_detail::DialectSql;
using store_detail::time_value;
using Text = std::string;
using Number = std::int64_t;

constexpr Number second = 1'000'000;

/// An endpoint that something is due for.
struct Due {
  Text id;
  bool ordered = false;
  double rate = 0;
  Number paced_until = 0, version = 0;
};

bool is_final(DeliveryState state) { return state == DeliveryState::delivered || state == DeliveryState::dead; }

void disable(DatabaseSession& session, const DeliveryResult& result, Number now) {
  const auto changed = session.execute(
      "update endpoints set state = 'disabled', reason = :reason, version = version + 1, updated_at = :now where id = :id and state = "
      "'enabled'",
      {{"reason", result.disable}, {"now", now}, {"id", result.endpoint_id}});
  if (changed == 0) return;
  const Error error = Error(Category::gone, "the endpoint '" + result.endpoint_id + "' was disabled: " + result.disable)
                          .with_hint("it gets nothing until it is enabled again: switchgear endpoints enable " + result.endpoint_id);
  store_detail::record_trouble(session,
                               "endpoint/" + result.endpoint_id + "/" + std::to_string(result.id) + "/" + std::to_string(result.fence), "",
                               error_json(error), now);
}

void settle(DatabaseSession& session, const DeliveryResult& result, Number now) {
  const bool tried = result.state != DeliveryState::pending;
  SqlValue finished;
  if (is_final(result.state)) finished = now;
  SqlValue due = time_value(result.due_at);
  if (result.state == DeliveryState::pending && !result.due_at) due = now;
  Number changed = 0;
  if (tried) {
    changed = session.execute(
        "update deliveries set state = :state, attempts = attempts + 1, due_at = :due, lease_until = null, last_at = :now, status = "
        ":status, error = :error, response = :response, finished_at = :finished where id = :id and fence = :fence and state = 'sending'",
        {{"state", Text(to_string(result.state))},
         {"due", due},
         {"now", now},
         {"status", result.status},
         {"error", result.error},
         {"response", result.response},
         {"finished", finished},
         {"id", result.id},
         {"fence", result.fence}});
  } else {
    changed = session.execute(
        "update deliveries set state = 'pending', due_at = :due, lease_until = null where id = :id and fence = :fence and state = "
        "'sending'",
        {{"due", due}, {"id", result.id}, {"fence", result.fence}});
  }
  if (changed == 0) return;  // its lease ran out, and another sender has it
  if (result.throttle_until) {
    session.execute("update endpoints set throttled_until = :until where id = :id and throttled_until < :until",
                    {{"until", to_microseconds(*result.throttle_until)}, {"id", result.endpoint_id}});
  }
  if (!result.disable.empty()) disable(session, result, now);
}

/// What a sender had that was killed.
void take_back_expired(DatabaseSession& session, Number now) {
  session.execute("update deliveries set state = 'pending', due_at = :now, lease_until = null where lease_until <= :now", {{"now", now}});
}

std::vector<Due> due_endpoints(DatabaseSession& session, Number now) {
  static const DialectSql sql(
      "select e.id, e.ordered, e.rate, e.paced_until, e.version from endpoints e where e.state = 'enabled' and e.throttled_until <= :now "
      "and "
      "e.paced_until <= :now and exists (select 1 from deliveries d where d.endpoint_id = e.id and d.due_at <= :now) order by e.id");
  std::vector<Due> due;
  for (auto& [id, ordered, rate, paced, version] : session.query<Text, Number, double, Number, Number>(sql(session), {{"now", now}}))
    due.push_back({std::move(id), ordered != 0, rate, paced, version});
  return due;
}

/// How many its rate lets through now, counted in the store, so that all senders keep to it together: one at a time, or as many as a tenth
/// of a second has.
Number paced_room(const Due& endpoint, Number room) {
  if (endpoint.rate <= 0) return room;
  return std::min(room, std::max<Number>(1, static_cast<Number>(endpoint.rate / 10)));
}

void pace(DatabaseSession& session, const Due& endpoint, Number claimed, Number now) {
  if (endpoint.rate <= 0 || claimed == 0) return;
  const auto takes = static_cast<Number>(static_cast<double>(claimed) * second / endpoint.rate);
  session.execute("update endpoints set paced_until = :until where id = :id",
                  {{"until", std::max(endpoint.paced_until, now - second / 10) + takes}, {"id", endpoint.id}});
}

/// The first that is open, if it is due and nobody has it; nobody else claims of this endpoint meanwhile.
bool first_is_due(DatabaseSession& session, const Due& endpoint, Number now) {
  const auto first = session.query_one<std::optional<Number>>(
      "select due_at from deliveries where endpoint_id = :id and finished_at is null order by id limit 1", {{"id", endpoint.id}});
  return first && std::get<0>(*first) && *std::get<0>(*first) <= now;
}

std::vector<ClaimedDelivery> claim_from(DatabaseSession& session, const Due& endpoint, Number most, const DeliveryClaim& how, Number now) {
  // The lock of one row makes senders take turns where they must know what the others do.
  static const DialectSql lock("select id from endpoints where id = :id {for_update}");
  static const DialectSql by_time(
      "with picked as materialized (select id as picked_id from deliveries where endpoint_id = :endpoint and due_at <= :now order by "
      "due_at, "
      "id limit :most {skip_locked}) update deliveries set state = 'sending', due_at = null, fence = fence + 1, sender = :sender, "
      "lease_until "
      "= :until from picked where id = picked_id returning id, event_id, attempts, fence");
  static const DialectSql in_order(
      "with picked as materialized (select id as picked_id from deliveries where endpoint_id = :endpoint and finished_at is null order by "
      "id "
      "limit :most {for_update}) update deliveries set state = 'sending', due_at = null, fence = fence + 1, sender = :sender, lease_until "
      "= "
      ":until from picked where id = picked_id and due_at <= :now returning id, event_id, attempts, fence");
  if (endpoint.ordered || endpoint.rate > 0) session.query<Text>(lock(session), {{"id", endpoint.id}});
  if (endpoint.ordered && !first_is_due(session, endpoint, now)) return {};
  auto rows = session.query<Number, Text, Number, Number>((endpoint.ordered ? in_order : by_time)(session),
                                                          {{"endpoint", endpoint.id},
                                                           {"now", now},
                                                           {"most", endpoint.ordered ? Number{1} : most},
                                                           {"sender", how.sender},
                                                           {"until", now + how.lease.count()}});
  std::sort(rows.begin(), rows.end());
  std::vector<ClaimedDelivery> claimed;
  for (auto& [id, event_id, attempts, fence] : rows)
    claimed.push_back({id, fence, std::move(event_id), endpoint.id, attempts, "", endpoint.version});
  pace(session, endpoint, static_cast<Number>(claimed.size()), now);
  return claimed;
}

std::vector<ClaimedDelivery> claim_due(DatabaseSession& session, const DeliveryClaim& how, Number now) {
  std::vector<ClaimedDelivery> claimed;
  const auto due = due_endpoints(session, now);
  // Each gets its share, so that no backlog takes what there is before the others have their turn; what is left over, the next claim has.
  const Number share = due.empty() ? 0 : (how.most + static_cast<Number>(due.size()) - 1) / static_cast<Number>(due.size());
  for (const Due& endpoint : due) {
    const Number left = std::min(share, how.most - static_cast<Number>(claimed.size()));
    if (left <= 0) break;
    const Number room = paced_room(endpoint, std::min(how.room ? how.room(endpoint.id) : left, left));
    if (room <= 0) continue;
    for (ClaimedDelivery& each : claim_from(session, endpoint, room, how, now)) claimed.push_back(std::move(each));
  }
  return claimed;
}

}  // namespace

std::vector<ClaimedDelivery> DeliveryStore::settle_and_claim(const std::vector<DeliveryResult>& results, const DeliveryClaim& claim) {
  if (claim.lease.count() <= 0) throw Error(Category::config, "sender", "the lease of a claim must be longer than 0 s");
  auto claimed = store_.write([&](DatabaseSession& session) {
    const Number now = store_.now();
    for (const DeliveryResult& result : results) settle(session, result, now);
    if (claim.most <= 0) return std::vector<ClaimedDelivery>();
    take_back_expired(session, now);
    return claim_due(session, claim, now);
  });
  // Events never change, so they are read once the lock is given back.
  auto session = store_.read();
  for (ClaimedDelivery& each : claimed) {
    const auto body = session.query_one<Text>("select body from events where id = :id", {{"id", each.event_id}});
    if (body) each.body = std::get<0>(*body);
  }
  return claimed;
}

}  // namespace switchgear

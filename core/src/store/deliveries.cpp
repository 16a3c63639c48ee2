#include "switchgear/store/deliveries.hpp"

#include <array>
#include <utility>

#include "event_rows.hpp"
#include "run_rows.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using store_detail::time_from;
using Text = std::string;
using Number = std::int64_t;
using MaybeNumber = std::optional<std::int64_t>;
using MaybeText = std::optional<std::string>;

constexpr std::array<std::string_view, 5> state_words = {"pending", "sending", "delivered", "retry", "dead"};

DeliveryState state_from(const Text& word) {
  for (std::size_t i = 0; i < state_words.size(); ++i) {
    if (word == state_words.at(i)) return static_cast<DeliveryState>(i);
  }
  throw Error(Category::store, "corrupt", "a delivery in the store can't be read: its state is '" + word + "'")
      .with_hint("restore the store from a backup");
}

std::vector<Delivery> deliveries_where(DatabaseSession& session, const Text& condition, const SqlParameters& parameters) {
  std::vector<Delivery> deliveries;
  for (auto& [id, event_id, type, connection, endpoint, state, attempts, due, last, status, error, response, created, finished] :
       session.query<Number, Text, MaybeText, MaybeText, Text, Text, Number, MaybeNumber, MaybeNumber, Number, Text, Text, Number,
                     MaybeNumber>(
           "select d.id, d.event_id, e.type, e.connection_id, d.endpoint_id, d.state, d.attempts, d.due_at, d.last_at, d.status, d.error, "
           "d.response, d.created_at, d.finished_at from deliveries d left join events e on e.id = d.event_id " +
               condition,
           parameters)) {
    Delivery delivery;
    delivery.id = id;
    delivery.event_id = std::move(event_id);
    delivery.type = std::move(type).value_or("");
    delivery.connection_id = std::move(connection).value_or("");
    delivery.endpoint_id = std::move(endpoint);
    delivery.state = state_from(state);
    delivery.attempts = attempts;
    delivery.due_at = time_from(due);
    delivery.last_at = time_from(last);
    delivery.status = status;
    delivery.error = std::move(error);
    delivery.response = std::move(response);
    delivery.created_at = from_microseconds(created);
    delivery.finished_at = time_from(finished);
    deliveries.push_back(std::move(delivery));
  }
  return deliveries;
}

Delivery existing(DatabaseSession& session, Number id) {
  auto found = deliveries_where(session, "where d.id = :id", {{"id", id}});
  if (found.empty()) {
    throw Error(Category::not_found, "delivery", "there is no delivery " + std::to_string(id))
        .with_hint("hub.deliveries() lists them; old ones are removed after a while");
  }
  return std::move(found.front());
}

/// The endpoint takes deliveries.
void require_enabled(DatabaseSession& session, const Text& endpoint_id) {
  const auto endpoint = session.query_one<Text, Text>("select state, reason from endpoints where id = :id", {{"id", endpoint_id}});
  if (!endpoint) throw Error(Category::not_found, "endpoint", "there is no endpoint '" + endpoint_id + "' any more");
  if (std::get<0>(*endpoint) == "enabled") return;
  throw Error(Category::conflict, "delivery_state", "the endpoint '" + endpoint_id + "' is disabled: " + std::get<1>(*endpoint))
      .with_hint("enable it first: hub.endpoints.enable('" + endpoint_id + "')");
}

}  // namespace

std::string_view to_string(DeliveryState state) noexcept { return state_words.at(static_cast<std::size_t>(state)); }

std::vector<Delivery> DeliveryStore::list(const DeliveryFilter& filter) {
  Text condition = "where 1 = 1";
  SqlParameters parameters = {{"limit", filter.limit}};
  const auto add = [&](const char* sql, const char* name, SqlValue value) {
    condition += sql;
    parameters.push_back({name, std::move(value)});
  };
  if (filter.before > 0) add(" and d.id < :before", "before", filter.before);
  if (filter.state) add(" and d.state = :state", "state", Text(to_string(*filter.state)));
  if (!filter.endpoint_id.empty()) add(" and d.endpoint_id = :endpoint", "endpoint", filter.endpoint_id);
  if (!filter.event_id.empty()) add(" and d.event_id = :event", "event", filter.event_id);
  auto session = store_.read();
  return deliveries_where(session, condition + " order by d.id desc limit :limit", parameters);
}

Delivery DeliveryStore::get(std::int64_t id) {
  auto session = store_.read();
  return existing(session, id);
}

Delivery DeliveryStore::redeliver(std::int64_t id) {
  return store_.write([&](DatabaseSession& session) {
    const Delivery before = existing(session, id);
    require_enabled(session, before.endpoint_id);
    if (before.type.empty())
      throw Error(Category::not_found, "event", "the event of delivery " + std::to_string(id) + " was removed after its time");
    const auto changed = session.execute(
        "update deliveries set state = 'pending', attempts = 0, due_at = :now, finished_at = null, fence = fence + 1 where id = :id and "
        "state <> 'sending'",
        {{"now", store_.now()}, {"id", id}});
    if (changed == 0) {
      throw Error(Category::conflict, "delivery_state", "delivery " + std::to_string(id) + " is under way at the moment")
          .with_hint("look at it again in some seconds");
    }
    return existing(session, id);
  });
}

std::int64_t DeliveryStore::test(const std::string& endpoint_id, const std::string& type, const std::string& data_json) {
  return store_.write([&](DatabaseSession& session) {
    require_enabled(session, endpoint_id);
    NewEvent event;
    event.type = type;
    event.data_json = data_json;
    return store_detail::record_test(session, event, endpoint_id, store_.now());
  });
}

std::int64_t DeliveryStore::remove_before(WallTime before) {
  return store_.write([&](DatabaseSession& session) {
    return session.execute("delete from deliveries where finished_at < :before", {{"before", to_microseconds(before)}});
  });
}

bool DeliveryStore::anything_due() {
  auto session = store_.read();
  return session
      .query_one<Number>(
          "select 1 where exists (select 1 from endpoints e where e.state = 'enabled' and e.throttled_until <= :now and e.paced_until <= "
          ":now and exists (select 1 from deliveries d where d.endpoint_id = e.id and d.due_at <= :now)) or exists (select 1 from "
          "deliveries where lease_until <= :now)",
          {{"now", store_.now()}})
      .has_value();
}

std::optional<WallTime> DeliveryStore::next_due() {
  auto session = store_.read();
  std::optional<Number> next;
  const auto sooner = [&](Number at) { next = std::min(next.value_or(at), at); };
  for (const auto& [throttled, paced, due] : session.query<Number, Number, MaybeNumber>(
           "select e.throttled_until, e.paced_until, (select min(d.due_at) from deliveries d where d.endpoint_id = e.id and d.due_at is "
           "not null) from endpoints e where e.state = 'enabled'")) {
    if (due) sooner(std::max({throttled, paced, *due}));
  }
  const auto lease = session.query_one<MaybeNumber>("select min(lease_until) from deliveries where lease_until is not null").value();
  if (std::get<0>(lease)) sooner(*std::get<0>(lease));
  return time_from(next);
}

}  // namespace switchgear

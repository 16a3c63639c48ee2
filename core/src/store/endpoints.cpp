#include "switchgear/store/endpoints.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "event_match.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/secret.hpp"

namespace switchgear {
namespace {

using nlohmann::json;
using Text = std::string;
using Number = std::int64_t;

constexpr std::size_t most_keys = 5;  // that sign at once

[[noreturn]] void refuse(Text what, Text hint) { throw Error(Category::config, "endpoint", std::move(what)).with_hint(std::move(hint)); }

Text secret_name(const Text& id) { return "endpoint/" + id; }

Error unknown(DatabaseSession& session, const Text& id) {
  std::vector<Text> ids;
  for (auto& [each] : session.query<Text>("select id from endpoints order by id")) ids.push_back(std::move(each));
  Error error(Category::not_found, "endpoint", "there is no endpoint '" + id + "'" + did_you_mean(id, ids));
  error.hint = "hub.endpoints.list() has them";
  return error;
}

void check_schedule(const Text& text) {
  const json schedule = json::parse(text, nullptr, false);
  if (schedule == "default" || schedule == "standard") return;
  const bool good = schedule.is_array() && schedule.size() <= 100 && std::all_of(schedule.begin(), schedule.end(), [](const json& seconds) {
                      return seconds.is_number() && seconds.get<double>() >= 0 && seconds.get<double>() <= 30 * 86400.0;
                    });
  if (!good) {
    refuse("an endpoint's schedule is " + schedule.dump(-1, ' ', false, json::error_handler_t::replace),
           R"("default", "standard", or a list of the seconds before each further attempt: [30, 60, 600])");
  }
}

bool is_id(const Text& id) {
  return !id.empty() && id.size() <= 100 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// As it is stored.
StoredEndpoint checked(StoredEndpoint endpoint) {
  if (!is_id(endpoint.id)) refuse("'" + endpoint.id + "' can't be an endpoint's id", "letters, digits, '_' and '-'");
  endpoint.events_json = store_detail::checked_events(endpoint.events_json);
  endpoint.filter_json = store_detail::checked_filter(endpoint.filter_json);
  check_schedule(endpoint.schedule_json);
  if (!(endpoint.rate >= 0 && endpoint.rate <= 1e6)) refuse("an endpoint's rate is not from 0 to 1,000,000 a second", "0 is no limit");
  const json subnets = json::parse(endpoint.subnets_json, nullptr, false);
  if (!subnets.is_array()) refuse("the subnets of an endpoint are no list", R"(such as ["10.1.0.0/16"])");
  return endpoint;
}

SqlParameters values_of(const StoredEndpoint& endpoint, Number now) {
  return {{"id", endpoint.id},
          {"url", endpoint.url},
          {"events", endpoint.events_json},
          {"filter", endpoint.filter_json},
          {"schedule", endpoint.schedule_json},
          {"ordered", Number{endpoint.ordered}},
          {"rate", endpoint.rate},
          {"subnets", endpoint.subnets_json},
          {"ca_file", endpoint.ca_file},
          {"owner", Text(to_string(endpoint.owner))},
          {"now", now}};
}

std::vector<StoredEndpoint> endpoints_where(DatabaseSession& session, const Text& condition, const SqlParameters& parameters, Number now) {
  std::vector<StoredEndpoint> endpoints;
  for (auto& [id, url, events, filter, schedule, ordered, rate, subnets, ca_file, owner, state, reason, throttled, version, created,
              updated] :
       session.query<Text, Text, Text, Text, Text, Number, double, Text, Text, Text, Text, Text, Number, Number, Number, Number>(
           "select id, url, events, filter, schedule, ordered, rate, subnets, ca_file, owner, state, reason, throttled_until, version, "
           "created_at, updated_at from endpoints " +
               condition,
           parameters)) {
    StoredEndpoint endpoint;
    endpoint.id = std::move(id);
    endpoint.url = std::move(url);
    endpoint.events_json = std::move(events);
    endpoint.filter_json = std::move(filter);
    endpoint.schedule_json = std::move(schedule);
    endpoint.ordered = ordered != 0;
    endpoint.rate = rate;
    endpoint.subnets_json = std::move(subnets);
    endpoint.ca_file = std::move(ca_file);
    endpoint.owner = owner == "file" ? ConnectionOwner::file : ConnectionOwner::hub;
    endpoint.enabled = state == "enabled";
    endpoint.reason = std::move(reason);
    if (throttled > now) endpoint.throttled_until = from_microseconds(throttled);
    endpoint.version = version;
    endpoint.created_at = from_microseconds(created);
    endpoint.updated_at = from_microseconds(updated);
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

StoredEndpoint existing(DatabaseSession& session, const Text& id, Number now) {
  auto found = endpoints_where(session, "where id = :id", {{"id", id}}, now);
  if (found.empty()) throw unknown(session, id);
  return std::move(found.front());
}

}  // namespace

void EndpointStore::put_keys(const std::string& id, const std::vector<EndpointKey>& keys) {
  json all = json::array();
  for (const EndpointKey& key : keys) {
    json each = {{"key", key.text}};
    if (key.until) each["until"] = to_microseconds(*key.until);
    all.push_back(std::move(each));
  }
  secrets_.put(secret_name(id), all.dump());
}

StoredEndpoint EndpointStore::add(const StoredEndpoint& given, const std::string& key) {
  const StoredEndpoint endpoint = checked(given);
  if (find(endpoint.id)) {
    throw Error(Category::conflict, "exists", "there is an endpoint '" + endpoint.id + "' already")
        .with_hint("hub.endpoints.update() changes it");
  }
  put_keys(endpoint.id, {{key, std::nullopt}});  // before it can be sent to
  return store_.write([&](DatabaseSession& session) {
    const Number now = store_.now();
    const auto added = session.execute(
        "insert into endpoints (id, url, events, filter, schedule, ordered, rate, subnets, ca_file, owner, state, reason, throttled_until, "
        "paced_until, version, created_at, updated_at) values (:id, :url, :events, :filter, :schedule, :ordered, :rate, :subnets, "
        ":ca_file, :owner, 'enabled', '', 0, 0, 1, :now, :now) on conflict (id) do nothing",
        values_of(endpoint, now));
    if (added == 0) throw Error(Category::conflict, "exists", "there is an endpoint '" + endpoint.id + "' already");
    return existing(session, endpoint.id, now);
  });
}

StoredEndpoint EndpointStore::update(const StoredEndpoint& given) {
  const StoredEndpoint endpoint = checked(given);
  return store_.write([&](DatabaseSession& session) {
    const Number now = store_.now();
    auto values = values_of(endpoint, now);
    values.push_back({"version", endpoint.version});
    const auto changed = session.execute(
        "update endpoints set url = :url, events = :events, filter = :filter, schedule = :schedule, ordered = :ordered, rate = :rate, "
        "subnets = :subnets, ca_file = :ca_file, owner = :owner, version = version + 1, updated_at = :now where id = :id and version = "
        ":version",
        values);
    if (changed != 0) return existing(session, endpoint.id, now);
    existing(session, endpoint.id, now);
    throw Error(Category::conflict, "precondition", "the endpoint '" + endpoint.id + "' was changed meanwhile").with_hint("read it again");
  });
}

StoredEndpoint EndpointStore::rotate(const std::string& id, const std::string& key, std::chrono::microseconds keep) {
  get(id);
  const WallTime now = store_.clock().wall();
  std::vector<EndpointKey> all = {{key, std::nullopt}};
  for (EndpointKey& before : keys(id)) {
    if (!before.until) before.until = now + keep;
    if (*before.until > now && before.text != key && all.size() < most_keys) all.push_back(std::move(before));
  }
  put_keys(id, all);
  return store_.write([&](DatabaseSession& session) {
    session.execute("update endpoints set version = version + 1, updated_at = :now where id = :id", {{"now", store_.now()}, {"id", id}});
    return existing(session, id, store_.now());
  });
}

void EndpointStore::remove(const std::string& id) {
  store_.write([&](DatabaseSession& session) {
    if (session.execute("delete from endpoints where id = :id", {{"id", id}}) == 0) throw unknown(session, id);
    session.execute("delete from deliveries where endpoint_id = :id", {{"id", id}});
  });
  secrets_.erase(secret_name(id));
}

StoredEndpoint EndpointStore::enable(const std::string& id) {
  return store_.write([&](DatabaseSession& session) {
    const Number now = store_.now();
    session.execute(
        "update endpoints set state = 'enabled', reason = '', throttled_until = 0, version = version + 1, updated_at = :now where id = :id",
        {{"now", now}, {"id", id}});
    return existing(session, id, now);
  });
}

StoredEndpoint EndpointStore::disable(const std::string& id, const std::string& reason) {
  return store_.write([&](DatabaseSession& session) {
    const Number now = store_.now();
    session.execute("update endpoints set state = 'disabled', reason = :reason, version = version + 1, updated_at = :now where id = :id",
                    {{"reason", reason}, {"now", now}, {"id", id}});
    return existing(session, id, now);
  });
}

std::optional<StoredEndpoint> EndpointStore::find(const std::string& id) {
  auto session = store_.read();
  auto found = endpoints_where(session, "where id = :id", {{"id", id}}, store_.now());
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

StoredEndpoint EndpointStore::get(const std::string& id) {
  auto session = store_.read();
  return existing(session, id, store_.now());
}

std::vector<StoredEndpoint> EndpointStore::list() {
  auto session = store_.read();
  return endpoints_where(session, "order by id", {}, store_.now());
}

std::vector<EndpointKey> EndpointStore::keys(const std::string& id) {
  const auto text = secrets_.find(secret_name(id));
  const json all = json::parse(text.value_or("[]"), nullptr, false);
  std::vector<EndpointKey> keys;
  if (!all.is_array()) return keys;
  const Number now = store_.now();
  for (const json& each : all) {
    EndpointKey key{each.value("key", ""), std::nullopt};
    if (const auto until = each.find("until"); until != each.end()) {
      if (until->get<Number>() <= now) continue;
      key.until = from_microseconds(until->get<Number>());
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace switchgear

#include "switchgear/store/connections.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <tuple>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> state_words = {"active", "paused", "disconnected"};
constexpr std::array<std::string_view, 2> owner_words = {"hub", "file"};

constexpr std::string_view columns =
    "id, connector, config, secrets, auth, network, policies, entities, schedule, timezone, destination, owner, state, version, "
    "created_at, updated_at";

using Text = std::string;
using Row =
    std::tuple<Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, std::int64_t, std::int64_t, std::int64_t>;

std::vector<Row> rows_where(DatabaseSession& session, std::string_view condition, const SqlParameters& parameters = {}) {
  return session
      .query<Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, std::int64_t, std::int64_t, std::int64_t>(
          "select " + Text(columns) + " from connections " + Text(condition), parameters);
}

Error bad(const std::string& id, const std::string& why) {
  Error error(Category::config, "connection", "the connection '" + id + "' cannot be stored: " + why);
  error.connection_id = id;
  return error;
}

void check_object(const std::string& id, const char* name, const std::string& text) {
  if (!json::parse(text, nullptr, false).is_object()) throw bad(id, std::string(name) + " is no JSON object");
}

Error literal_secret(const std::string& id, const std::string& name) {
  Error error = Error(Category::config, "secret", "the secret '" + name + "' of connection '" + id + "' is a literal, which is not stored")
                    .with_hint("give it as a reference: env:NAME, file:PATH or keyring:SERVICE/NAME");
  error.connection_id = id;
  return error;
}

json references(const std::string& id, const std::map<std::string, Secret>& secrets) {
  json named = json::object();
  for (const auto& [name, secret] : secrets) {
    if (secret.is_literal()) throw literal_secret(id, name);
    named[name] = secret.display();
  }
  return named;
}

std::map<std::string, Secret> from_references(const json& named) {
  std::map<std::string, Secret> secrets;
  for (const auto& [name, reference] : named.items()) secrets.emplace(name, Secret::from_reference(reference.get<std::string>()));
  return secrets;
}

std::string auth_text(const StoredConnection& connection) {
  if (!connection.auth) return "";
  check_object(connection.id, "the settings of its authentication", connection.auth->settings_json);
  return json{{"type", connection.auth->type},
              {"settings", json::parse(connection.auth->settings_json)},
              {"secrets", references(connection.id, connection.auth->secrets)}}
      .dump();
}

template <std::size_t size>
std::size_t index_of(const std::array<std::string_view, size>& words, std::string_view word) {
  return static_cast<std::size_t>(std::find(words.begin(), words.end(), word) - words.begin());
}

/// Checks the texts and gives those columns that both add() and update() write.
SqlParameters values_of(const StoredConnection& c) {
  if (c.id.empty()) throw bad(c.id, "its id is empty");
  if (c.connector.empty()) throw bad(c.id, "it names no connector");
  check_object(c.id, "its configuration", c.config_json);
  check_object(c.id, "its network settings", c.network_json);
  check_object(c.id, "its policies", c.policies_json);
  check_object(c.id, "its list of entities", c.entities_json);
  return {{"id", c.id},
          {"connector", c.connector},
          {"config", c.config_json},
          {"secrets", references(c.id, c.secrets).dump()},
          {"auth", auth_text(c)},
          {"network", c.network_json},
          {"policies", c.policies_json},
          {"entities", c.entities_json},
          {"schedule", c.schedule},
          {"timezone", c.timezone},
          {"destination", c.destination},
          {"owner", Text(to_string(c.owner))},
          {"state", Text(to_string(c.state))}};
}

StoredConnection from_row(Row row) {
  StoredConnection c;
  std::string secrets;
  std::string auth;
  std::string owner;
  std::string state;
  std::int64_t created_at = 0;
  std::int64_t updated_at = 0;
  std::tie(c.id, c.connector, c.config_json, secrets, auth, c.network_json, c.policies_json, c.entities_json, c.schedule, c.timezone,
           c.destination, owner, state, c.version, created_at, updated_at) = std::move(row);
  c.secrets = from_references(json::parse(secrets));
  if (!auth.empty()) {
    const json parsed = json::parse(auth);
    c.auth = StoredAuth{parsed.at("type"), parsed.at("settings").dump(), from_references(parsed.at("secrets"))};
  }
  c.owner = static_cast<ConnectionOwner>(index_of(owner_words, owner));
  c.state = static_cast<ConnectionState>(index_of(state_words, state));
  c.created_at = from_microseconds(created_at);
  c.updated_at = from_microseconds(updated_at);
  return c;
}

std::optional<StoredConnection> found(DatabaseSession& session, const std::string& id) {
  auto rows = rows_where(session, "where id = :id", {{"id", id}});
  if (rows.empty()) return std::nullopt;
  try {
    return from_row(std::move(rows.front()));
  } catch (const json::exception& error) {
    throw Error(Category::store, "corrupt", "the connection '" + id + "' in the store cannot be read: " + error.what())
        .with_hint("restore the store from a backup, or add the connection again");
  }
}

}  // namespace

std::string_view to_string(ConnectionState state) noexcept { return state_words.at(static_cast<std::size_t>(state)); }
std::string_view to_string(ConnectionOwner owner) noexcept { return owner_words.at(static_cast<std::size_t>(owner)); }

bool StoredAuth::operator==(const StoredAuth& other) const {
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first && a.second.display() == b.second.display(); };
  return type == other.type && json::parse(settings_json, nullptr, false) == json::parse(other.settings_json, nullptr, false) &&
         std::equal(secrets.begin(), secrets.end(), other.secrets.begin(), other.secrets.end(), same);
}

StoredConnection ConnectionStore::add(const StoredConnection& connection) {
  SqlParameters values = values_of(connection);
  const auto now = store_.now();
  values.push_back({"now", now});
  return store_.write([&](DatabaseSession& session) {
    const auto added = session.execute(
        "insert into connections (id, connector, config, secrets, auth, network, policies, entities, schedule, timezone, destination, "
        "owner, "
        "state, version, created_at, updated_at) values (:id, :connector, :config, :secrets, :auth, :network, :policies, :entities, "
        ":schedule, :timezone, :destination, :owner, :state, 1, :now, :now) on conflict (id) do nothing",
        values);
    if (added == 0) {
      Error error = Error(Category::conflict, "exists", "there is a connection '" + connection.id + "' already")
                        .with_hint("change it with update, or choose another id");
      error.connection_id = connection.id;
      throw error;
    }
    return found(session, connection.id).value();
  });
}

StoredConnection ConnectionStore::update(const StoredConnection& connection) {
  SqlParameters values = values_of(connection);
  values.push_back({"now", store_.now()});
  values.push_back({"version", connection.version});
  return store_.write([&](DatabaseSession& session) {
    const auto changed = session.execute(
        "update connections set connector = :connector, config = :config, secrets = :secrets, auth = :auth, network = :network, "
        "policies = :policies, entities = :entities, schedule = :schedule, timezone = :timezone, destination = :destination, owner = "
        ":owner, "
        "state = :state, version = version + 1, updated_at = :now where id = :id and version = :version",
        values);
    auto stored = found(session, connection.id);
    if (!stored) throw unknown(session, connection.id);
    if (changed == 0) {
      Error error = Error(Category::conflict, "precondition",
                          "the connection '" + connection.id + "' was changed by somebody else: it has version " +
                              std::to_string(stored->version) + ", the change was made to version " + std::to_string(connection.version))
                        .with_hint("read it again and repeat the change");
      error.connection_id = connection.id;
      throw error;
    }
    return std::move(*stored);
  });
}

std::optional<StoredConnection> ConnectionStore::find(const std::string& id) {
  auto session = store_.read();
  return found(session, id);
}

StoredConnection ConnectionStore::get(const std::string& id) {
  auto session = store_.read();
  auto connection = found(session, id);
  if (!connection) throw unknown(session, id);
  return std::move(*connection);
}

std::vector<StoredConnection> ConnectionStore::list() {
  auto session = store_.read();
  std::vector<StoredConnection> connections;
  for (auto& row : rows_where(session, "order by id")) connections.push_back(from_row(std::move(row)));
  return connections;
}

Error ConnectionStore::unknown(DatabaseSession& session, const std::string& id) {
  std::vector<std::string> ids;
  for (auto& [known] : session.query<std::string>("select id from connections order by id")) ids.push_back(std::move(known));
  Error error(Category::not_found, "connection", "there is no connection '" + id + "'" + did_you_mean(id, ids));
  error.connection_id = id;
  return error;
}

}  // namespace switchgear

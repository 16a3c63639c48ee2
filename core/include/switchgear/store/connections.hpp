// Connections as the store keeps them: what a worker in another process needs to open one, and no secret, only where it is.
//
// ConnectionStore holds no state of its own; any thread may use it, as long as the Store lives. It checks that texts are JSON objects and
// that secrets are references; what is in them is the business of those who open the connection.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/base/secret.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

/// How requests are authenticated: `type` as in the project file ("basic", "oauth2_client_credentials"), what is public, and the secrets.
struct StoredAuth {
  std::string type;
  std::string settings_json = "{}";
  std::map<std::string, Secret> secrets;  ///< references only

  bool operator==(const StoredAuth& other) const;
};

enum class ConnectionState { active, paused, disconnected };

/// Who decides about it: calls of the hub, or the project file, which is then the only place to change it.
enum class ConnectionOwner { hub, file };

struct StoredConnection {
  std::string id;
  std::string connector;
  std::string config_json = "{}";         ///< the connector's own settings
  std::map<std::string, Secret> secrets;  ///< the connector's own, by the names in its manifest; references only
  std::optional<StoredAuth> auth;
  std::string network_json = "{}";   ///< timeouts, TLS, proxy
  std::string policies_json = "{}";  ///< rate limit, breaker, retry
  std::string entities_json = "{}";  ///< by name: cursor, mode, window; empty: all
  std::string schedule;              ///< cron or an interval; empty: by hand
  std::string timezone = "UTC";
  std::string destination;
  ConnectionOwner owner = ConnectionOwner::hub;
  ConnectionState state = ConnectionState::active;
  std::int64_t version = 0;  ///< counts changes; update() takes it to see that nobody else's is overwritten
  WallTime created_at;
  WallTime updated_at;
};

std::string_view to_string(ConnectionState state) noexcept;
std::string_view to_string(ConnectionOwner owner) noexcept;

class ConnectionStore {
 public:
  explicit ConnectionStore(Store& store) : store_(store) {}

  /// Returns it as it is stored, with version 1. Throws Error(conflict, "exists") for an id that is taken; Error(config, "connection")
  /// naming what is empty or no JSON object; Error(config, "secret") for a secret that is not a reference.
  StoredConnection add(const StoredConnection& connection);

  /// Replaces the one with this id. Throws what add() throws, Error(not_found, "connection"), and Error(conflict, "precondition") when the
  /// stored version is another than `connection.version`.
  StoredConnection update(const StoredConnection& connection);

  std::optional<StoredConnection> find(const std::string& id);

  /// Throws Error(not_found, "connection") with the nearest id.
  StoredConnection get(const std::string& id);

  /// By id.
  std::vector<StoredConnection> list();

 private:
  Error unknown(DatabaseSession& session, const std::string& id);

  Store& store_;
};

}  // namespace switchgear

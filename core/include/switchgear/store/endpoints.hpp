// Endpoints: URLs that events are sent to, which events, and how.
//
// Secrets are not in the row but sealed beside it (SecretStore, `endpoint/<id>`): several while one replaces another, each as it was given,
// a key or a reference to one. Whoever reads an endpoint sees no secret. EndpointStore holds no state of its own; any thread may use it, as
// long as Store and SecretStore live. Throws Error(config, "endpoint") naming what can't be meant, Error(not_found, "endpoint") with the
// nearest id, Error(conflict, "exists"|"precondition"), and what Store and SecretStore throw.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/store/connections.hpp"
#include "switchgear/store/secrets.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

struct StoredEndpoint {
  std::string id;
  std::string url;
  /// By connection, "*" for every one and for none: types and patterns. An event goes out if either of them has it.
  std::string events_json = R"({"*":["*"]})";
  /// By place in the data ("error.category", "counts.rejected"): a value, a list of values, or {">": 0}; all must hold.
  std::string filter_json = "{}";
  std::string schedule_json = R"("default")";  ///< "default", "standard", or the seconds before each further attempt
  bool ordered = false;                        ///< one after the other: one that fails keeps back those behind it
  double rate = 0;                             ///< deliveries per second at most, of all processes; 0: any
  std::string subnets_json = "[]";             ///< that it may lie in though they are not public: ["10.1.0.0/16"]
  std::string ca_file;                         ///< PEM; "": the system's
  ConnectionOwner owner = ConnectionOwner::hub;
  bool enabled = true;
  std::string reason;                       ///< why it is not enabled
  std::optional<WallTime> throttled_until;  ///< it asked for a pause
  std::int64_t version = 0;                 ///< counts changes, also of its secrets
  WallTime created_at, updated_at;
};

struct EndpointKey {
  std::string text;               ///< a key, or a reference: "env:OPS_WEBHOOK_KEY"
  std::optional<WallTime> until;  ///< it signs no longer then; nothing: it is the present one
};

class EndpointStore {
 public:
  EndpointStore(Store& store, SecretStore& secrets) : store_(store), secrets_(secrets) {}

  /// Returns it as it is stored. `key`: what signs.
  StoredEndpoint add(const StoredEndpoint& endpoint, const std::string& key);

  /// Replaces all but its keys. Throws Error(conflict, "precondition") when the stored version is another.
  StoredEndpoint update(const StoredEndpoint& endpoint);

  /// From now on `key` signs, and beside it until then those that signed before.
  StoredEndpoint rotate(const std::string& id, const std::string& key, std::chrono::microseconds keep);

  /// With what is still to be sent to it.
  void remove(const std::string& id);

  /// Takes deliveries again, if it was disabled; whatever throttles it is forgotten.
  StoredEndpoint enable(const std::string& id);
  StoredEndpoint disable(const std::string& id, const std::string& reason);

  std::optional<StoredEndpoint> find(const std::string& id);
  StoredEndpoint get(const std::string& id);
  std::vector<StoredEndpoint> list();

  /// Those that sign now, the present one first.
  std::vector<EndpointKey> keys(const std::string& id);

 private:
  void put_keys(const std::string& id, const std::vector<EndpointKey>& keys);

  Store& store_;
  SecretStore& secrets_;
};

}  // namespace switchgear

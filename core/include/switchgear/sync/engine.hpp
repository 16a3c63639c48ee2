// A sync: one run over the entities of a connection, with its leases, its row in the store, and its end.
//
// An entity is synced by one run at a time, whichever process it is in: each has a lease, `sync/<connection>/<entity>`, and an entity that
// another run has is a conflict of its own. Where the destination bears it, entities run side by side on threads of the engine; else in the
// thread that calls run(). Leases are renewed by a thread of the engine; a run that loses one stops and commits nothing more.
// SyncEngine may be used from several threads. run() returns what the source and the destination did wrong; it throws what the store does.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/connection/connection.hpp"
#include "switchgear/store/events.hpp"
#include "switchgear/store/runs.hpp"
#include "switchgear/store/store.hpp"
#include "switchgear/sync/destination.hpp"
#include "switchgear/sync/entity_sync.hpp"

namespace switchgear {

/// A destination that is opened when its turn has come, and closed when the run ends.
struct DestinationSource {
  std::string display;      ///< for people to read; without a password
  bool one_writer = false;  ///< runs that write to it take turns, by the lease `destination/<display>`
  std::function<std::shared_ptr<Destination>()> open;
};

struct SyncRequest {
  std::vector<EntityPlan> entities;
  bool full = false;
  std::string cause = "manual";
  std::string schema;                                                ///< where tables land; empty: schema_name() of the connection's id
  std::size_t concurrency = 4;                                       ///< entities at once
  std::chrono::microseconds lease{60'000'000};                       ///< after which another process may take over what a dead one had
  std::function<std::string(const std::string& entity)> table_name;  ///< nothing: the entity's own name
  bool snake_case = false;  ///< columns, and tables that table_name does not name, are called so; see naming.hpp
};

/// What a run asks of whoever runs it. All are called by the thread that called run(), but `judge` and `passed` by any.
struct SyncHost {
  /// Ten times a second.
  std::function<StopWish()> wish = [] { return StopWish::none; };
  std::function<void(const RunEntity&)> progress = [](const RunEntity&) {};
  /// Which events the records of an entity make, each with an id; by any thread. It throws what the entity is to fail with.
  std::function<std::vector<NewEvent>(const std::string& entity, const std::vector<RecordBatch>& batches)> judge = nullptr;
  /// See EntitySyncHost; what a crash test hooks into.
  std::function<void(std::string_view place)> passed = [](std::string_view) {};
};

/// Letters in lower case, digits and _: what a connection's schema is called.
std::string schema_name(std::string_view connection_id);

class SyncEngine {
 public:
  explicit SyncEngine(Store& store) : store_(store) {}

  Run run(const std::shared_ptr<Connection>& connection, const DestinationSource& destination, const SyncRequest& request,
          const SyncHost& host);

  /// A run that came to nothing, because the source could not be asked what it has. `error_json`: why, as error_json() writes it.
  Run failed_to_begin(const Connection& connection, const std::string& destination, const SyncRequest& request,
                      const std::string& error_json);

 private:
  Store& store_;
};

}  // namespace switchgear

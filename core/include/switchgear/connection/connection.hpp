// A configured connector: its id, secrets, transport and policies, and the sessions that run on them.
//
// Made by Connection::open, which runs no request. Any thread may use it; calls on one session are serial, so each reader or writer
// leases a session of its own, and returns it for the next one. What goes out passes CallServices (call_services.hpp).
// Throws Error with this connection's id in it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/process_stamp.hpp"
#include "switchgear/base/secret.hpp"
#include "switchgear/connection/error_log.hpp"
#include "switchgear/connection/status.hpp"
#include "switchgear/connector/manifest.hpp"
#include "switchgear/connector/plugin.hpp"
#include "switchgear/http/auth.hpp"
#include "switchgear/http/transport.hpp"
#include "switchgear/policy/guard.hpp"

namespace switchgear {

struct ConnectionConfig {
  std::string id;                         ///< empty: the connector's name
  std::string config_json = "{}";         ///< checked against the connector's manifest
  std::map<std::string, Secret> secrets;  ///< by the names in the manifest
  std::shared_ptr<Authenticator> auth;    ///< nothing: requests go out as the connector makes them
  std::shared_ptr<Redactor> redactor;     ///< the one that `auth` knows; nothing: a new one
  TransportOptions transport_options;
  GuardOptions guard;
  std::shared_ptr<Transport> transport;  ///< nothing: libcurl with `transport_options`
};

class Connection;

/// A session for one user at a time; given back when destroyed.
class SessionLease {
 public:
  SessionLease(std::shared_ptr<Connection> connection, std::unique_ptr<Session> session);
  ~SessionLease();
  SessionLease(SessionLease&&) noexcept = default;
  SessionLease& operator=(SessionLease&&) noexcept = delete;

  Session& operator*() const noexcept { return *session_; }
  Session* operator->() const noexcept { return session_.get(); }

  /// Closes the session instead of giving it back: what it knows can't be relied on.
  void discard() noexcept { session_.reset(); }

 private:
  std::shared_ptr<Connection> connection_;
  std::unique_ptr<Session> session_;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static std::shared_ptr<Connection> open(std::shared_ptr<Plugin> plugin, ConnectionConfig config, Clock& clock = Clock::system());

  const std::string& id() const noexcept { return config_.id; }
  const Plugin& plugin() const noexcept { return *plugin_; }
  const Manifest& manifest() const noexcept { return plugin_->manifest(); }
  const Properties& settings() const noexcept { return settings_; }        ///< the checked configuration
  const std::vector<std::string>& urls() const noexcept { return urls_; }  ///< those of the settings, where the source is
  Clock& clock() const noexcept { return clock_; }
  Guard& guard() noexcept { return guard_; }
  Transport& transport() const noexcept { return *config_.transport; }
  Authenticator* auth() const noexcept { return config_.auth.get(); }
  Redactor& redactor() const noexcept { return *config_.redactor; }
  ErrorLog& errors() noexcept { return errors_; }

  /// How it is, and since when.
  ConnectionStatus status() const;
  StatusTracker& tracker() noexcept { return tracker_; }

  /// While it is paused every call is refused with Error(circuit_open, "paused"), and nothing is sent.
  void pause() { tracker_.pause(); }
  void resume() { tracker_.resume(); }

  /// The value of one of the manifest's secrets. Throws Error(config, "secret") naming one that was not given.
  std::string secret(const std::string& name) const;

  /// Whether credentials of this connection may go to `url`: it has the origin of one of the settings of type url.
  bool is_own_origin(const std::string& url) const;

  /// Whether any setting of type url says where the source is; without one every host is the connector's own affair.
  bool names_origins() const noexcept { return !origins_.empty(); }

  /// All entities, from the manifest or asked from the source once; `refresh` asks again.
  std::vector<EntityInfo> entities(std::stop_token stop = {}, bool refresh = false);

  /// Asks the source for its entities by services of the caller's; nothing is kept.
  std::vector<EntityInfo> discover(HostServices& services, std::stop_token stop);

  /// Throws Error(not_found, "entity") with the nearest name for one that there is not.
  EntityInfo entity(const std::string& name, std::stop_token stop = {});

  /// The same without asking: nothing where the source would have to be asked first.
  std::optional<EntityInfo> known_entity(const std::string& name) const;

  SessionLease lease(std::stop_token stop = {});

  Connection(std::shared_ptr<Plugin> plugin, ConnectionConfig config, Clock& clock);  // used by open()

 private:
  friend class SessionLease;
  void give_back(std::unique_ptr<Session> session);
  template <class Function>
  auto named(Function function);

  static constexpr std::size_t max_idle_sessions = 8;

  ProcessStamp process_;
  std::shared_ptr<Plugin> plugin_;
  ConnectionConfig config_;
  Properties settings_;
  std::vector<std::string> urls_, origins_;
  Clock& clock_;
  ErrorLog errors_;
  StatusTracker tracker_;
  Guard guard_;  // its breakers' events go to the tracker

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;
  std::optional<std::vector<EntityInfo>> entities_;
};

}  // namespace switchgear

#include "switchgear/connection/connection.hpp"

#include <algorithm>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/connection/call_services.hpp"

namespace switchgear {
namespace {

std::vector<std::string> entity_names(const std::vector<EntityInfo>& entities) {
  std::vector<std::string> names;
  for (const EntityInfo& entity : entities) names.push_back(entity.name);
  return names;
}

}  // namespace

SessionLease::SessionLease(std::shared_ptr<Connection> connection, std::unique_ptr<Session> session)
    : connection_(std::move(connection)), session_(std::move(session)) {}

SessionLease::~SessionLease() {
  if (session_ != nullptr) connection_->give_back(std::move(session_));
}

std::shared_ptr<Connection> Connection::open(std::shared_ptr<Plugin> plugin, ConnectionConfig config, Clock& clock) {
  return std::make_shared<Connection>(std::move(plugin), std::move(config), clock);
}

Connection::Connection(std::shared_ptr<Plugin> plugin, ConnectionConfig config, Clock& clock)
    : plugin_(std::move(plugin)),
      config_(std::move(config)),
      clock_(clock),
      errors_(clock),
      tracker_(config_.id.empty() ? plugin_->manifest().name : config_.id, clock),
      guard_(config_.id.empty() ? plugin_->manifest().name : config_.id, config_.guard, clock) {
  const Manifest& manifest = plugin_->manifest();
  if (config_.id.empty()) config_.id = manifest.name;
  if (config_.redactor == nullptr) config_.redactor = std::make_shared<Redactor>();
  settings_ = manifest.checked_config(config_.config_json);
  for (const auto& [name, secret] : config_.secrets) {
    if (std::find(manifest.secrets.begin(), manifest.secrets.end(), name) == manifest.secrets.end()) {
      throw Error(Category::config, "secret",
                  "connector '" + manifest.name + "' has no secret '" + name + "'" + did_you_mean(name, manifest.secrets))
          .with_hint("switchgear connectors shows what each connector takes");
    }
  }
  for (const ConfigKey& key : manifest.config) {
    if (key.type != "url") continue;
    for (const auto& [name, value] : settings_) {
      if (name != key.name || value.empty()) continue;
      urls_.push_back(value);
      origins_.push_back(Url::parse(value).origin());
    }
  }
  guard_.on_event([this](const BreakerEvent& event) { tracker_.breaker_changed(event, event.breaker == id()); });
  if (config_.transport == nullptr) config_.transport = make_curl_transport(config_.transport_options);
}

std::string Connection::secret(const std::string& name) const {
  const auto found = config_.secrets.find(name);
  if (found == config_.secrets.end()) {
    Error error = Error(Category::config, "secret", "connection '" + id() + "' was given no secret '" + name + "'")
                      .with_hint("pass " + name + "=sg.Secret.env(\"…\") to connect()");
    error.connection_id = id();
    throw error;
  }
  return found->second.reveal();
}

bool Connection::is_own_origin(const std::string& url) const {
  return std::find(origins_.begin(), origins_.end(), Url::parse(url).origin()) != origins_.end();
}

// Errors come out of a connector without a name on them: it does not know whose they are.
template <class Function>
auto Connection::named(Function function) {
  try {
    return function();
  } catch (Error& error) {
    error.connection_id = id();
    throw;
  }
}

ConnectionStatus Connection::status() const {
  ConnectionStatus status = tracker_.status();
  status.breakers = guard_.breakers();
  if (const RateLimiter* rate = guard_.rate_limiter(); rate != nullptr) status.rate = rate->metrics();
  if (const ConcurrencyLimiter* concurrency = guard_.concurrency(); concurrency != nullptr) status.concurrency = concurrency->metrics();
  return status;
}

std::vector<EntityInfo> Connection::entities(std::stop_token stop, bool refresh) {
  if (!manifest().entities.empty()) return manifest().entities;
  {
    const std::lock_guard lock(mutex_);
    if (entities_ && !refresh) return *entities_;
  }
  CallServices services(shared_from_this(), "", "discover");
  try {
    auto found = discover(services, stop);
    const std::lock_guard lock(mutex_);
    entities_ = found;
    return found;
  } catch (const Error& error) {
    services.report(error);
    throw;
  }
}

std::vector<EntityInfo> Connection::discover(HostServices& services, std::stop_token stop) {
  return named([&] {
    CallContext call{services, stop, clock_, {}};
    const SessionLease session = lease(stop);
    return parse_catalog(session->discover(call), "connector '" + manifest().name + "'");
  });
}

EntityInfo Connection::entity(const std::string& name, std::stop_token stop) {
  const std::vector<EntityInfo> all = entities(stop);
  const auto found = std::find_if(all.begin(), all.end(), [&](const EntityInfo& entity) { return entity.name == name; });
  if (found != all.end()) return *found;
  const std::vector<std::string> names = entity_names(all);
  std::string some;
  for (const std::string& known : names) {
    if (some.size() > 200) {
      some += ", …";
      break;
    }
    some += (some.empty() ? "" : ", ") + known;
  }
  Error error = Error(Category::not_found, "entity", "'" + id() + "' has no entity '" + name + "'" + did_you_mean(name, names))
                    .with_hint(names.empty() ? "the source names no entities at all" : "there are: " + some);
  error.connection_id = id();
  error.entity = name;
  throw error;
}

std::optional<EntityInfo> Connection::known_entity(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const std::vector<EntityInfo>* all = !manifest().entities.empty() ? &manifest().entities : entities_ ? &*entities_ : nullptr;
  if (all == nullptr) return std::nullopt;
  const auto found = std::find_if(all->begin(), all->end(), [&](const EntityInfo& entity) { return entity.name == name; });
  return found == all->end() ? std::nullopt : std::optional(*found);
}

SessionLease Connection::lease(std::stop_token stop) {
  process_.check("connection '" + id() + "'");
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Session> session = std::move(idle_.back());
      idle_.pop_back();
      return {shared_from_this(), std::move(session)};
    }
  }
  return named([&] {
    CallServices services(shared_from_this(), "", "open");
    CallContext call{services, stop, clock_, {}};
    return SessionLease(shared_from_this(), plugin_->open(id(), settings_, call));
  });
}

void Connection::give_back(std::unique_ptr<Session> session) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < max_idle_sessions) idle_.push_back(std::move(session));
}

}  // namespace switchgear

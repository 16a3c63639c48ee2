// Is the source there, and if not, what stands in the way: a check in stages, each of which is timed on its own and names its failure.
//
// It looks at the source as it is: retries, breakers and the rate limiter of the connection don't come between, but a paused connection
// sends nothing. It reads one record of each of some entities, because a user who may sign in may still not see everything. It is over as
// soon as something stands in the way of everything, so it lasts no longer than the timeouts of a few requests.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/http/endpoint.hpp"

namespace switchgear {

struct HealthStep {
  std::string name;  ///< "config", "dns", "proxy", "connect", "tls", "http", "auth", "permission"
  enum class State { ok, failed, skipped } state = State::skipped;
  double latency_ms = 0;  ///< of this stage alone; 0 where there was nothing to measure
  std::string detail;
};

/// What became of reading one record.
struct EntityHealth {
  std::string entity;
  HealthStep::State state = HealthStep::State::skipped;
  double latency_ms = 0;
  std::optional<Error> error;
};

struct Health {
  bool online = false;    ///< the source is there, takes the credentials, and lets at least one entity be read
  double latency_ms = 0;  ///< of the whole check
  std::vector<HealthStep> steps;
  std::vector<EntityHealth> entities;      ///< those that were looked at, in the source's order
  std::optional<Certificate> certificate;  ///< what the source shows, also when it is refused
  std::optional<Error> error;              ///< the first thing that is wrong; when online: about some entities

  const HealthStep* failed_step() const noexcept;
  std::string cause() const { return error ? error->message : std::string(); }
  std::string next_step() const { return error ? error->hint : std::string(); }
};

struct CheckOptions {
  /// Unset: the first `most_entities`; empty: none.
  std::optional<std::vector<std::string>> entities;
  std::size_t most_entities = 20;
  std::size_t parallel = 4;
};

std::string_view to_string(HealthStep::State state) noexcept;

/// The stage that an error belongs to.
std::string_view stage_of(const Error& error);

/// Never throws what the source did wrong: it is in the result. Throws Error(cancelled), and Error(unsupported, "fork") in a fork.
Health check(const std::shared_ptr<Connection>& connection, const CheckOptions& options, std::stop_token stop = {});
Health check(const std::shared_ptr<Connection>& connection, std::stop_token stop = {});

}  // namespace switchgear

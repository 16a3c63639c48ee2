// Is the source there, and if not, what stands in the way: a check in stages, each of which names its own failure.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/connection/connection.hpp"

namespace switchgear {

struct HealthStep {
  std::string name;  ///< "config", "dns", "proxy", "connect", "tls", "http", "auth", "permission"
  enum class State { ok, failed, skipped } state = State::skipped;
  double latency_ms = 0;  ///< since the stage before; 0 where it was not measured
  std::string detail;
};

struct Health {
  bool online = false;
  double latency_ms = 0;  ///< of the whole check
  std::vector<HealthStep> steps;
  std::optional<Error> error;  ///< why it is not online

  std::string cause() const { return error ? error->message : std::string(); }
  std::string next_step() const { return error ? error->hint : std::string(); }
};

/// Asks the connector to check the source. Never throws what the source did wrong: it is in the result.
Health check(const std::shared_ptr<Connection>& connection, std::stop_token stop = {});

}  // namespace switchgear

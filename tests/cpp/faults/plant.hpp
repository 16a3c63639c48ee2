// AcmeCmms' source on a port of this machine, behind libcurl and every policy; waits between attempts pass at once.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "switchgear/base/clock.hpp"
#include "switchgear/connection/call_services.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/connector/loader.hpp"

namespace switchgear::testing {

/// Past any proxy of the environment.
inline TransportOptions direct(Timeouts timeouts = {}) {
  TransportOptions options;
  options.proxy = "none";
  options.timeouts = timeouts;
  return options;
}

/// `base` is the origin of the source. The clock is the policies'; libcurl's timeouts run in real time.
inline std::shared_ptr<Connection> plant(const std::string& base, Clock& clock, TransportOptions options = direct(),
                                         GuardOptions guard = {}) {
  ConnectionConfig config;
  config.id = "plant";
  config.config_json = R"({"base_url": ")" + base + R"("})";
  config.secrets = {{"api_key", Secret("k-123456")}};
  config.transport_options = std::move(options);
  config.guard = std::move(guard);
  return Connection::open(load_connector(ACME_CONNECTOR), std::move(config), clock);
}

}  // namespace switchgear::testing

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

/// What a test does not wait for in earnest; a fault that ends by a timeout ends by these.
inline TransportOptions impatient() {
  TransportOptions options;
  options.proxy = "none";
  options.timeouts = {std::chrono::milliseconds(500), std::chrono::milliseconds(150), std::chrono::milliseconds(600)};
  return options;
}

/// `base` is the origin of the source. The clock is the policies'; libcurl's timeouts run in real time.
inline std::shared_ptr<Connection> plant(const std::string& base, Clock& clock, TransportOptions options = impatient(),
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

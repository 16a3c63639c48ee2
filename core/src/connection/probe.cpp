#include "switchgear/connection/probe.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "switchgear/connection/call_services.hpp"

namespace switchgear {
namespace {

constexpr std::array<std::string_view, 8> stages = {"config", "dns", "proxy", "connect", "tls", "http", "auth", "permission"};

double milliseconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

/// The stage at which a check with this error ended.
std::string_view stage_of(const Error& error) {
  switch (error.category) {
    case Category::config:
    case Category::plugin:
    case Category::unsupported:
      return "config";
    case Category::offline:
      if (error.detail == "dns" || error.detail == "proxy" || error.detail == "connect" || error.detail == "tls") {
        return *std::find(stages.begin(), stages.end(), error.detail);
      }
      return "http";
    case Category::timeout:
      return error.detail == "connect" ? "connect" : "http";
    case Category::auth_expired:
    case Category::auth_invalid:
    case Category::csrf:
      return "auth";
    case Category::permission:
      return "permission";
    default:
      return "http";
  }
}

void set_timings(Health& health, const HttpTiming& timing) {
  const auto set = [&health](std::string_view name, std::chrono::microseconds from, std::chrono::microseconds to) {
    for (HealthStep& step : health.steps) {
      if (step.name == name && to > from) step.latency_ms = milliseconds(to - from);
    }
  };
  set("dns", std::chrono::microseconds(0), timing.dns);
  set("connect", timing.dns, timing.connect);
  set("tls", timing.connect, timing.tls);
  set("http", std::max(timing.connect, timing.tls), timing.total);
}

}  // namespace

Health check(const std::shared_ptr<Connection>& connection, std::stop_token stop) {
  Health health;
  CallServices services(connection, "", "check", CallServices::Mode::unguarded);
  const SteadyTime begin = connection->clock().now();
  try {
    CallContext call{services, stop, connection->clock(), {}};
    const SessionLease session = connection->lease(stop);
    session->check(call);
    health.online = true;
  } catch (const Error& error) {
    if (error.category == Category::cancelled || error.code() == "unsupported.fork") throw;  // no fault of the source
    health.error = error;
  }
  health.latency_ms = milliseconds(connection->clock().now() - begin);
  const std::string_view failed_at = health.error ? stage_of(*health.error) : std::string_view();
  bool passed = true;
  for (const std::string_view name : stages) {
    HealthStep step;
    step.name = name;
    if (name == failed_at) {
      passed = false;
      step.state = HealthStep::State::failed;
      step.detail = health.error->message;
    } else if (passed) {
      step.state = HealthStep::State::ok;
    }
    health.steps.push_back(step);
  }
  if (const auto timing = services.last_timing()) set_timings(health, *timing);
  return health;
}

}  // namespace switchgear

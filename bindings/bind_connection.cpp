// connection/: a configured connector, and whether its source is there.
#include <pybind11/stl.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "errors.hpp"
#include "gil.hpp"
#include "module.hpp"
#include "policy_objects.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/connection/probe.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

std::shared_ptr<Connection> open_connection(std::shared_ptr<Plugin> plugin, std::string id, std::string config_json,
                                            std::map<std::string, Secret> secrets,
                                            const std::optional<std::shared_ptr<Authenticator>>& auth, std::shared_ptr<Redactor> redactor,
                                            std::shared_ptr<Transport> transport, GuardOptions guard, const py::object& clock) {
  ConnectionConfig config;
  config.id = std::move(id);
  config.config_json = std::move(config_json);
  config.secrets = std::move(secrets);
  config.auth = auth.value_or(nullptr);
  config.redactor = std::move(redactor);
  config.transport = std::move(transport);
  config.guard = std::move(guard);
  return Connection::open(std::move(plugin), std::move(config), ClockReference(clock).clock);
}

/// What templates say; nothing: that policy is off.
GuardOptions guard_from(std::optional<RetryObject*> retry, std::optional<BreakerObject*> breaker,
                        std::optional<RateLimiterObject*> rate_limit) {
  GuardOptions options;
  options.retry.reset();
  options.connection_breaker.reset();
  options.operation_breaker.reset();
  options.rate_limiter.reset();
  if (retry) options.retry = (*retry)->retry.options();
  if (rate_limit) options.rate_limiter = (*rate_limit)->limiter.options();
  if (!breaker) return options;
  CircuitBreakerOptions of_breakers = (*breaker)->breaker.options();
  if (of_breakers.open_for.function) {
    // The connection's threads never take the GIL, so Python was asked ahead.
    of_breakers.open_for.function = [waits = (*breaker)->waits_asked_ahead](std::uint32_t n) {
      return waits.at(std::min<std::size_t>(n, waits.size()) - 1);
    };
  }
  options.connection_breaker = of_breakers;
  options.operation_breaker = std::move(of_breakers);
  return options;
}

void bind_health(py::module_& module) {
  py::class_<HealthStep>(module, "HealthStep", "One stage of a check.")
      .def_readonly("name", &HealthStep::name, "config, dns, proxy, connect, tls, http, auth or permission.")
      .def_property_readonly(
          "state",
          [](const HealthStep& step) {
            return step.state == HealthStep::State::ok ? "ok" : step.state == HealthStep::State::failed ? "failed" : "skipped";
          },
          "ok, failed or skipped.")
      .def_readonly("latency_ms", &HealthStep::latency_ms)
      .def_readonly("detail", &HealthStep::detail);
  py::class_<Health>(module, "Health", "What a check found.")
      .def_readonly("online", &Health::online)
      .def_readonly("latency_ms", &Health::latency_ms)
      .def_readonly("steps", &Health::steps)
      .def_property_readonly("cause", &Health::cause)
      .def_property_readonly("next_step", &Health::next_step)
      .def("_repr_html_", [](const Health& health) { return py::module_::import("switchgear.display").attr("health_html")(health); })
      .def("__repr__",
           [](const Health& health) {
             return health.online ? "<Health online, " + std::to_string(static_cast<int>(health.latency_ms)) + " ms>"
                                  : "<Health not online: " + health.error->describe() + ">";
           })
      .def_property_readonly("error",
                             [](const Health& health) { return health.error ? to_python(*health.error) : py::object(py::none()); });
}

}  // namespace

void bind_connection(py::module_& module) {
  bind_health(module);
  py::class_<GuardOptions>(module, "GuardOptions", "A connection's policies; None: off.")
      .def(py::init(&guard_from), py::kw_only(), py::arg("retry"), py::arg("breaker"), py::arg("rate_limit"));
  py::class_<Connection, std::shared_ptr<Connection>>(module, "Connection", "A configured connector.")
      .def(py::init(&open_connection), py::kw_only(), py::arg("plugin"), py::arg("id"), py::arg("config_json"), py::arg("secrets"),
           py::arg("auth"), py::arg("redactor"), py::arg("transport"), py::arg("guard"), py::arg("clock") = py::none(),
           py::keep_alive<1, 10>())
      .def_property_readonly("id", &Connection::id)
      .def_property_readonly("manifest", &Connection::manifest)
      .def(
          "explain", [](const std::shared_ptr<Connection>& connection) { return connection->guard().explain(); },
          "The order of the policies and their parameters.")
      .def(
          "check",
          [](const std::shared_ptr<Connection>& connection) {
            return run_interruptibly([connection](std::stop_token stop) { return check(connection, stop); });
          },
          "Health of the source; what is wrong with it is in the result, not raised.")
      .def(
          "entities",
          [](const std::shared_ptr<Connection>& connection, bool refresh) {
            return run_interruptibly([connection, refresh](std::stop_token stop) { return connection->entities(stop, refresh); });
          },
          py::arg("refresh") = false);
}

}  // namespace switchgear::bindings

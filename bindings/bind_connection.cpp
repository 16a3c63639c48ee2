// connection/: a configured connector, and whether its source is there.
#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "errors.hpp"
#include "gil.hpp"
#include "module.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/connection/probe.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

std::shared_ptr<Connection> open_connection(std::shared_ptr<Plugin> plugin, std::string id, std::string config_json,
                                            std::map<std::string, Secret> secrets,
                                            const std::optional<std::shared_ptr<Authenticator>>& auth, std::shared_ptr<Redactor> redactor,
                                            std::shared_ptr<Transport> transport) {
  ConnectionConfig config;
  config.id = std::move(id);
  config.config_json = std::move(config_json);
  config.secrets = std::move(secrets);
  config.auth = auth.value_or(nullptr);
  config.redactor = std::move(redactor);
  config.transport = std::move(transport);
  return Connection::open(std::move(plugin), std::move(config));
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
  py::class_<Connection, std::shared_ptr<Connection>>(module, "Connection", "A configured connector.")
      .def(py::init(&open_connection), py::kw_only(), py::arg("plugin"), py::arg("id"), py::arg("config_json"), py::arg("secrets"),
           py::arg("auth"), py::arg("redactor"), py::arg("transport"))
      .def_property_readonly("id", &Connection::id)
      .def_property_readonly("manifest", &Connection::manifest)
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

// connection/: a configured connector and what it can be asked. What it answers is bound in bind_diagnosis.cpp.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gil.hpp"
#include "module.hpp"
#include "news.hpp"
#include "pending_call.hpp"
#include "policy_objects.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/connection/diagnosis.hpp"
#include "switchgear/connection/policy_memory.hpp"
#include "switchgear/connection/probe.hpp"
#include "wall_time.hpp"

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

/// What these change is heard before they return.
auto told(void (Connection::*method)()) {
  return [method](Connection& connection) {
    (connection.*method)();
    hand_over_news();
  };
}

CheckOptions check_options(std::optional<std::vector<std::string>> entities) {
  CheckOptions options;
  options.entities = std::move(entities);
  return options;
}

Diagnosis diagnose_connection(const std::shared_ptr<Connection>& connection, std::optional<bool> probe,
                              std::optional<std::vector<std::string>> entities) {
  DiagnoseOptions options;
  options.probe = probe;
  options.check = check_options(std::move(entities));
  return run_interruptibly([connection, options](std::stop_token stop) { return diagnose(connection, options, stop); });
}

/// What another process has kept.
void restore_error(Connection& connection, std::string entity, std::string operation, const std::string& category, std::string detail,
                   std::string message, std::string hint, std::uint64_t count, std::uint64_t recovered, double first_seen, double last_seen,
                   int http_status, std::string request_id) {
  Error error(category_from(category).value_or(Category::internal), std::move(detail), std::move(message));
  error.hint = std::move(hint);
  error.connection_id = connection.id();
  error.entity = std::move(entity);
  error.http_status = http_status;
  error.request_id = std::move(request_id);
  connection.errors().restore(LoggedError{std::move(operation), std::move(error), count, recovered, from_seconds(first_seen),
                                          from_seconds(last_seen), std::nullopt});
}

}  // namespace

void bind_connection(py::module_& module) {
  py::class_<PendingCall, PendingCallHolder>(module, "PendingCall", "A call that runs on a thread of the core, for an event loop.")
      .def("ready_fd", &PendingCall::ready_fd, "A descriptor, the call's own, that is readable when result() is there.")
      .def("result", &PendingCall::result, "What the call returned, or raises what it threw. Only once.")
      .def("cancel", &PendingCall::cancel, "Asks the call to stop, and does not wait for its end as close() does.")
      .def("close", &PendingCall::close, "Asks the call to stop and waits for its end. Idempotent.");
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
          [](const std::shared_ptr<Connection>& connection, std::optional<std::vector<std::string>> entities) {
            const CheckOptions options = check_options(std::move(entities));
            return run_interruptibly([connection, options](std::stop_token stop) { return check(connection, options, stop); });
          },
          py::arg("entities") = py::none(), "Health of the source; what is wrong with it is in the result, not raised.")
      .def(
          "start_check",
          [](const std::shared_ptr<Connection>& connection, std::optional<std::vector<std::string>> entities) {
            return PendingCallHolder(new PendingCall([connection, options = check_options(std::move(entities))](
                                                         std::stop_token stop) { return check(connection, options, std::move(stop)); },
                                                     [](Health health) { return py::cast(std::move(health)); }));
          },
          py::arg("entities") = py::none(), py::keep_alive<0, 1>(), "check() for an event loop.")
      .def(
          "start_entities",
          [](const std::shared_ptr<Connection>& connection, bool refresh) {
            return PendingCallHolder(
                new PendingCall([connection, refresh](std::stop_token stop) { return connection->entities(std::move(stop), refresh); },
                                [](std::vector<EntityInfo> entities) { return py::cast(std::move(entities)); }));
          },
          py::arg("refresh") = false, py::keep_alive<0, 1>(), "entities() for an event loop.")
      .def("status", &Connection::status)
      .def("listen", &listen, py::arg("number"), "From now on what happens to it is told to switchgear.core_news, under this number.")
      .def(
          "policy_memory", [](Connection& connection) { return policy_memory(connection.guard(), connection.clock()); },
          "What open breakers and a throttled limiter have learnt, as JSON; '': nothing.")
      .def(
          "restore_policies",
          [](Connection& connection, const std::string& memory) { restore_policies(connection.guard(), connection.clock(), memory); },
          py::arg("memory"), "Before anything is sent: goes on with what policy_memory() gave, in whichever process.")
      .def("pause", told(&Connection::pause))
      .def("resume", told(&Connection::resume))
      .def("diagnose", &diagnose_connection, py::arg("probe") = py::none(), py::arg("entities") = py::none())
      .def("errors", [](Connection& connection) { return connection.errors().entries(); })
      .def("restore_error", &restore_error, py::kw_only(), py::arg("entity"), py::arg("operation"), py::arg("category"), py::arg("detail"),
           py::arg("message"), py::arg("hint"), py::arg("count"), py::arg("recovered"), py::arg("first_seen"), py::arg("last_seen"),
           py::arg("http_status"), py::arg("request_id"), "Takes up what an earlier process met; times in seconds since 1970.")
      .def(
          "restore_success",
          [](Connection& connection, std::string entity, std::string operation, double last_success) {
            connection.errors().restore(OperationSuccess{std::move(entity), std::move(operation), from_seconds(last_success)});
          },
          py::arg("entity"), py::arg("operation"), py::arg("last_success"))
      .def(
          "successes",
          [](Connection& connection) {
            py::typing::List<py::typing::Tuple<py::str, py::str, py::float_>> result;
            for (const OperationSuccess& success : connection.errors().successes()) {
              const std::chrono::duration<double> seconds = success.last_success.time_since_epoch();
              result.append(py::make_tuple(success.entity, success.operation, seconds.count()));
            }
            return result;
          },
          "(entity, operation, seconds since 1970) of each operation that went well.")
      .def(
          "entities",
          [](const std::shared_ptr<Connection>& connection, bool refresh) {
            return run_interruptibly([connection, refresh](std::stop_token stop) { return connection->entities(stop, refresh); });
          },
          py::arg("refresh") = false);
}

}  // namespace switchgear::bindings

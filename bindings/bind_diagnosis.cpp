// connection/: how a connection is, what it met, and why it is not well. What these show and turn into JSON is Python
// (switchgear/diagnosis.py, switchgear/display.py).
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <optional>
#include <string>

#include "errors.hpp"
#include "module.hpp"
#include "switchgear/connection/diagnosis.hpp"
#include "switchgear/connection/error_log.hpp"
#include "switchgear/connection/probe.hpp"
#include "switchgear/connection/status.hpp"
#include "wall_time.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using Json = py::typing::Dict<py::str, py::object>;

template <class Value>
Json to_dict(const char* function, const Value& value) {
  return py::module_::import("switchgear.diagnosis").attr(function)(value).template cast<Json>();
}

template <class Value>
std::string shown(const char* function, const Value& value) {
  return py::module_::import("switchgear.diagnosis").attr(function)(value).template cast<std::string>();
}

template <class Value>
std::string html(const char* function, const Value& value) {
  return py::module_::import("switchgear.display").attr(function)(value).template cast<std::string>();
}

py::object error_or_none(const std::optional<Error>& error) { return error ? to_python(*error) : py::object(py::none()); }

void bind_health(py::module_& module) {
  py::class_<HealthStep>(module, "HealthStep", "One stage of a check.")
      .def_readonly("name", &HealthStep::name, "config, dns, proxy, connect, tls, http, auth or permission.")
      .def_property_readonly(
          "state", [](const HealthStep& step) { return std::string(to_string(step.state)); }, "ok, failed or skipped.")
      .def_readonly("latency_ms", &HealthStep::latency_ms, "Of this stage alone; 0 where there was nothing to measure.")
      .def_readonly("detail", &HealthStep::detail);
  py::class_<EntityHealth>(module, "EntityHealth", "What became of reading one record of an entity.")
      .def_readonly("entity", &EntityHealth::entity)
      .def_property_readonly(
          "state", [](const EntityHealth& each) { return std::string(to_string(each.state)); }, "ok, failed or skipped.")
      .def_readonly("latency_ms", &EntityHealth::latency_ms)
      .def_property_readonly("error", [](const EntityHealth& each) { return error_or_none(each.error); }, "None where it was read.");
  py::class_<Certificate>(module, "Certificate", "What a server shows of itself.")
      .def_readonly("subject", &Certificate::subject)
      .def_readonly("issuer", &Certificate::issuer)
      .def_property_readonly("valid_from", [](const Certificate& certificate) { return to_datetime(certificate.valid_from); })
      .def_property_readonly("valid_until", [](const Certificate& certificate) { return to_datetime(certificate.valid_until); })
      .def_readonly("names", &Certificate::names, "Host names and addresses that it is for.")
      .def("__repr__", [](const Certificate& certificate) { return "<Certificate " + certificate.describe() + ">"; });
  py::class_<Health>(module, "Health", "What a check found.")
      .def_readonly("online", &Health::online, "The source is there, takes the credentials, and lets at least one entity be read.")
      .def_readonly("latency_ms", &Health::latency_ms, "Of the whole check.")
      .def_readonly("steps", &Health::steps, "The stages in their order.")
      .def_readonly("entities", &Health::entities, "The entities of which one record was read.")
      .def_readonly("certificate", &Health::certificate, "What the source shows, also when it is refused; None without TLS.")
      .def_property_readonly("cause", &Health::cause, "The first thing that is wrong; empty: nothing.")
      .def_property_readonly("next_step", &Health::next_step, "What to do about it.")
      .def_property_readonly("error", [](const Health& health) { return error_or_none(health.error); })
      .def("to_dict", [](const Health& health) { return to_dict("health_dict", health); })
      .def("_repr_html_", [](const Health& health) { return html("health_html", health); })
      .def("__repr__", [](const Health& health) { return shown("health_repr", health); });
}

void bind_status(py::module_& module) {
  const auto metric = [](auto BreakerMetrics::* member) {
    return [member](const BreakerStatus& status) { return status.metrics.*member; };
  };
  py::class_<BreakerStatus>(module, "BreakerStatus", "A circuit breaker of a connection: its own, or one of an operation on an entity.")
      .def_readonly("name", &BreakerStatus::name)
      .def_readonly("entity", &BreakerStatus::entity, "Empty: the connection's own.")
      .def_readonly("operation", &BreakerStatus::operation)
      .def_property_readonly(
          "state", [](const BreakerStatus& status) { return std::string(to_string(status.metrics.state)); },
          "closed, open, half_open, forced_open, disabled or metrics_only.")
      .def_property_readonly("calls", metric(&BreakerMetrics::calls), "In its window.")
      .def_property_readonly("failures", metric(&BreakerMetrics::failures))
      .def_property_readonly("slow_calls", metric(&BreakerMetrics::slow_calls))
      .def_property_readonly("refused", metric(&BreakerMetrics::refused), "Since it was made.")
      .def_property_readonly(
          "retry_after",
          [](const BreakerStatus& status) {
            const auto& wait = status.metrics.retry_after;
            return wait ? std::optional(std::chrono::duration<double>(*wait).count()) : std::nullopt;
          },
          "Seconds until an open one lets a call through.");
  py::class_<ConnectionStatus>(module, "ConnectionStatus", "How a connection is, and since when.")
      .def_readonly("connection_id", &ConnectionStatus::connection_id)
      .def_property_readonly(
          "state", [](const ConnectionStatus& status) { return std::string(to_string(status.state)); },
          "unknown, online, degraded, offline, auth_required, paused or disconnected.")
      .def_property_readonly(
          "since", [](const ConnectionStatus& status) { return to_datetime(status.since); }, "UTC.")
      .def_property_readonly(
          "error", [](const ConnectionStatus& status) { return error_or_none(status.error); }, "Why it is not online.")
      .def_readonly("breakers", &ConnectionStatus::breakers)
      .def_property_readonly(
          "limits",
          [](const ConnectionStatus& status) {
            Json limits;
            if (status.rate) {
              limits["requests_per_second"] = status.rate->per_second;
              limits["throttles"] = status.rate->throttles;
              limits["slowed_down"] = status.rate->adapted;
            }
            if (status.concurrency) {
              limits["at_once"] = status.concurrency->limit;
              limits["in_flight"] = status.concurrency->in_flight;
              limits["waiting"] = status.concurrency->waiting;
            }
            return limits;
          },
          "requests_per_second (None: no limit), throttles, slowed_down, at_once, in_flight, waiting.")
      .def("to_dict", [](const ConnectionStatus& status) { return to_dict("status_dict", status); })
      .def("_repr_html_", [](const ConnectionStatus& status) { return html("status_html", status); })
      .def("__repr__", [](const ConnectionStatus& status) { return shown("status_repr", status); });
  py::class_<StatusChange>(module, "StatusChange", "A connection has come from one state into another.")
      .def_readonly("connection_id", &StatusChange::connection_id)
      .def_property_readonly("from_state", [](const StatusChange& change) { return std::string(to_string(change.from)); })
      .def_property_readonly("to_state", [](const StatusChange& change) { return std::string(to_string(change.to)); })
      .def_property_readonly(
          "at", [](const StatusChange& change) { return to_datetime(change.at); }, "UTC.")
      .def_property_readonly(
          "error", [](const StatusChange& change) { return error_or_none(change.error); }, "What brought it about; None where none did.")
      .def("to_dict", [](const StatusChange& change) { return to_dict("change_dict", change); })
      .def("__repr__", [](const StatusChange& change) { return shown("change_repr", change); });
}

void bind_log(py::module_& module) {
  py::class_<LoggedError>(module, "LoggedError", "What a connection met: one for each entity, operation and code.")
      .def_property_readonly("entity", [](const LoggedError& logged) { return logged.error.entity; })
      .def_readonly("operation", &LoggedError::operation)
      .def_property_readonly("code", [](const LoggedError& logged) { return logged.error.code(); })
      .def_property_readonly(
          "error", [](const LoggedError& logged) { return to_python(logged.error); },
          "The last one, with its message, hint and request id.")
      .def_readonly("count", &LoggedError::count, "Calls that met it.")
      .def_readonly("recovered", &LoggedError::recovered, "Of these: what another attempt got over.")
      .def_property_readonly("first_seen", [](const LoggedError& logged) { return to_datetime(logged.first_seen); })
      .def_property_readonly("last_seen", [](const LoggedError& logged) { return to_datetime(logged.last_seen); })
      .def_property_readonly(
          "last_success", [](const LoggedError& logged) { return to_datetime(logged.last_success); },
          "When this operation on this entity last went well; None: not as far as is known.")
      .def_property_readonly("stands", &LoggedError::stands, "It was not got over, and nothing has succeeded since.")
      .def("to_dict", [](const LoggedError& logged) { return to_dict("logged_dict", logged); })
      .def("_repr_html_", [](const LoggedError& logged) { return html("logged_html", logged); })
      .def("__repr__", [](const LoggedError& logged) { return shown("logged_repr", logged); });
}

void bind_verdict(py::module_& module) {
  py::class_<Diagnosis>(module, "Diagnosis", "Why a connection is not well, and what to do.")
      .def_readonly("connection_id", &Diagnosis::connection_id)
      .def_property_readonly(
          "scope", [](const Diagnosis& diagnosis) { return std::string(to_string(diagnosis.scope)); },
          "What is hit: connection, entity, operation or none.")
      .def_readonly("affected", &Diagnosis::affected, "What stands, the likely cause first.")
      .def_readonly("code", &Diagnosis::code, "Of the likely cause; empty: nothing is wrong.")
      .def_readonly("cause", &Diagnosis::cause)
      .def_readonly("evidence", &Diagnosis::evidence)
      .def_readonly("next_steps", &Diagnosis::next_steps)
      .def_readonly("probe", &Diagnosis::probe, "The check that was made for this; None: what was met said enough.")
      .def_readonly("status", &Diagnosis::status)
      .def("to_dict", [](const Diagnosis& diagnosis) { return to_dict("diagnosis_dict", diagnosis); })
      .def("_repr_html_", [](const Diagnosis& diagnosis) { return html("diagnosis_html", diagnosis); })
      .def("__repr__", [](const Diagnosis& diagnosis) { return shown("diagnosis_repr", diagnosis); });
}

}  // namespace

void bind_diagnosis(py::module_& module) {
  bind_health(module);
  bind_status(module);
  bind_log(module);
  bind_verdict(module);
}

}  // namespace switchgear::bindings

// policy/: the circuit breaker. python/switchgear/policy/breaker.py makes of it what users see.
#include <pybind11/stl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "errors.hpp"
#include "module.hpp"
#include "policy_objects.hpp"
#include "switchgear/policy/circuit_breaker.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

/// A permit with the breaker that it belongs to, which it keeps alive.
struct PermitObject {
  py::object owner;
  std::optional<Permit> permit;

  void succeed(const py::object& duration) {
    const auto took = optional_duration_from(duration, "duration");
    if (permit) std::exchange(permit, std::nullopt)->success(took);
  }
  void fail(const py::object& exception, const py::object& duration) {
    const auto took = optional_duration_from(duration, "duration");
    std::optional<Permit> ended = std::exchange(permit, std::nullopt);
    if (!ended) return;
    if (exception.is_none()) return ended->failure(took);
    end_by_exception(owner, std::move(*ended), exception, took);
  }
};

std::string word(BreakerState state) { return std::string(to_string(state)); }

/// The Python object of a breaker, to call its Python side.
py::object python_side(const BreakerObject* breaker) { return py::cast(breaker, py::return_value_policy::reference); }

std::variant<CountWindow, TimeWindow> window_from(const py::object& window) {
  if (!py::hasattr(window, "total_seconds")) return CountWindow{whole_from(window, "window", 1, 1'000'000)};
  const auto length = duration_from(window, "window");
  if (length % std::chrono::seconds(1) != std::chrono::nanoseconds(0)) {
    throw Error(Category::config, "window is " + std::to_string(seconds_of(length)) + " s; it must be whole seconds from 1 to 86400")
        .with_hint("a time window is kept in slices of one second");
  }
  return TimeWindow{std::chrono::duration_cast<std::chrono::seconds>(length)};
}

std::unique_ptr<BreakerObject> make_breaker(std::string name, const py::object& failure_rate, const py::object& slow_rate,
                                            const py::object& slow_call, const py::object& window, const py::object& min_calls,
                                            const py::object& open_initial, const py::object& open_factor, const py::object& open_cap,
                                            bool asks_for_wait, const py::object& half_open_calls, const py::object& half_open_max_wait,
                                            py::object clock) {
  CircuitBreakerOptions options;
  options.name = std::move(name);
  options.failure_rate = number_from(failure_rate, "failure_rate", "above 0 and at most 1");
  options.slow_rate = number_from(slow_rate, "slow_rate", "above 0 and at most 1");
  options.slow_call = duration_from(slow_call, "slow_call");
  options.window = window_from(window);
  const auto* count = std::get_if<CountWindow>(&options.window);
  options.min_calls = whole_from(min_calls, "min_calls", 1, count != nullptr ? count->calls : 1'000'000'000);
  options.open_for.initial = duration_from(open_initial, "open_for");
  options.open_for.factor = number_from(open_factor, "open_for.factor", "from 1 to 100");
  options.open_for.cap = duration_from(open_cap, "open_for.cap");
  options.half_open_calls = whole_from(half_open_calls, "half_open_calls", 1, 10'000);
  options.half_open_max_wait = duration_from(half_open_max_wait, "half_open_max_wait");
  // The function belongs to the Python object, where the garbage collector sees it. It is asked through a pointer that the breaker's owner
  // outlives: nothing but a call on the breaker asks.
  auto self = std::make_shared<const BreakerObject*>(nullptr);
  if (asks_for_wait) {
    options.open_for.function = [self](std::uint32_t n) {
      const py::gil_scoped_acquire acquire;
      return std::chrono::nanoseconds(python_side(*self).attr("_open_wait_ns")(n).cast<std::int64_t>());
    };
  }
  auto breaker = std::make_unique<BreakerObject>(std::move(options), std::move(clock));
  *self = breaker.get();
  return breaker;
}

void bind_permit(py::module_& module) {
  py::class_<PermitObject>(module, "Permit",
                           "One call's leave to go on. Dropped without a word it gives itself back, and nothing is counted.")
      .def("success", &PermitObject::succeed, py::arg("duration") = py::none(),
           "The call succeeded. `duration`: its seconds or timedelta; None: the time since acquire().")
      .def("failure", &PermitObject::fail, py::arg("exception") = py::none(), py::kw_only(), py::arg("duration") = py::none(),
           "The call failed. With an exception it counts as the breaker's classify says, as when it leaves a `with` block.")
      .def(
          "release", [](PermitObject& self) { self.permit.reset(); }, "Nothing was called: the permit goes back uncounted.")
      .def_property_readonly(
          "stale", [](const PermitObject& self) { return !self.permit || self.permit->stale(); },
          "Whether it has ended, or the breaker has changed its state since: what it brings will not count.")
      .def("__repr__", [](const PermitObject& self) {
        return std::string("<Permit ") + (!self.permit ? "ended" : self.permit->stale() ? "stale" : "held") + ">";
      });
}

void bind_metrics(py::module_& module) {
  py::class_<BreakerMetrics>(module, "BreakerMetrics", "A circuit breaker's counts at one moment.")
      .def_property_readonly("state", [](const BreakerMetrics& metrics) { return word(metrics.state); })
      .def_readonly("calls", &BreakerMetrics::calls, "In the window; while half_open, of its permits. So for the next four.")
      .def_readonly("failures", &BreakerMetrics::failures)
      .def_readonly("slow_calls", &BreakerMetrics::slow_calls)
      .def_readonly("failure_rate", &BreakerMetrics::failure_rate, "0 without calls.")
      .def_readonly("slow_rate", &BreakerMetrics::slow_rate, "0 without calls.")
      .def_readonly("refused", &BreakerMetrics::refused, "Since it was made, as the next three.")
      .def_readonly("total_calls", &BreakerMetrics::total_calls)
      .def_readonly("total_failures", &BreakerMetrics::total_failures)
      .def_readonly("dropped", &BreakerMetrics::dropped, "Results that came too late to count.")
      .def_property_readonly(
          "retry_after",
          [](const BreakerMetrics& metrics) {
            return metrics.retry_after ? std::optional(seconds_of(*metrics.retry_after)) : std::nullopt;
          },
          "While open: seconds until a probe is let through.")
      .def("__repr__", [](const BreakerMetrics& metrics) {
        return "<BreakerMetrics " + word(metrics.state) + ", " + std::to_string(metrics.calls) + " calls, " +
               std::to_string(metrics.failures) + " failures, " + std::to_string(metrics.slow_calls) + " slow, " +
               std::to_string(metrics.refused) + " refused>";
      });
  py::class_<BreakerEvent>(module, "BreakerEvent", "What happened to a circuit breaker.")
      .def_property_readonly(
          "kind", [](const BreakerEvent& event) { return std::string(to_string(event.kind)); },
          "state_changed, call_refused, failure_rate_exceeded, slow_rate_exceeded or reset.")
      .def_readonly("breaker", &BreakerEvent::breaker, "Its name.")
      .def_property_readonly(
          "from_state", [](const BreakerEvent& event) { return word(event.from); }, "The same as to_state unless it changed.")
      .def_property_readonly("to_state", [](const BreakerEvent& event) { return word(event.to); })
      .def_readonly("rate", &BreakerEvent::rate, "The one that was exceeded; else 0.")
      .def_property_readonly(
          "at", [](const BreakerEvent& event) { return seconds_of(event.at.time_since_epoch()); }, "Seconds of the breaker's clock.")
      .def("__repr__", [](const BreakerEvent& event) {
        return "<BreakerEvent " + std::string(to_string(event.kind)) + " of " + event.breaker + ": " + word(event.from) + " -> " +
               word(event.to) + ">";
      });
}

}  // namespace

void bind_breaker(py::module_& module) {
  bind_permit(module);
  bind_metrics(module);
  auto breaker = py::class_<BreakerObject>(module, "CircuitBreaker", "The compiled part of switchgear.CircuitBreaker.");
  breaker
      .def(py::init(&make_breaker), py::kw_only(), py::arg("name"), py::arg("failure_rate"), py::arg("slow_rate"), py::arg("slow_call"),
           py::arg("window"), py::arg("min_calls"), py::arg("open_initial"), py::arg("open_factor"), py::arg("open_cap"),
           py::arg("asks_for_wait"), py::arg("half_open_calls"), py::arg("half_open_max_wait"), py::arg("clock"))
      .def(
          "acquire",
          [](const py::object& self) {
            CircuitBreaker& core = self.cast<BreakerObject&>().breaker;
            std::optional<Permit> permit = core.acquire();
            if (!permit) throw core.refusal();
            return PermitObject{self, std::move(permit)};
          },
          "A permit for one call. Raises CircuitOpenError when it is refused.")
      .def_property_readonly("name", [](const BreakerObject& self) { return self.breaker.options().name; })
      .def_property_readonly("_state", [](const BreakerObject& self) { return word(self.breaker.state()); })
      .def_property_readonly(
          "metrics", [](const BreakerObject& self) { return self.breaker.metrics(); }, "Counts and rates; reading them changes nothing.")
      .def(
          "force_open", [](BreakerObject& self) { self.breaker.force_open(); }, "Refuses every call until reset().")
      .def(
          "disable", [](BreakerObject& self) { self.breaker.disable(); }, "Lets every call pass and counts nothing, until reset().")
      .def(
          "metrics_only", [](BreakerObject& self) { self.breaker.metrics_only(); }, "Lets every call pass and counts, until reset().")
      .def(
          "reset", [](BreakerObject& self) { self.breaker.reset(); }, "Closed, with an empty window.")
      .def(
          "_listen",
          [](BreakerObject& self) {
            self.breaker.on_event([object = &self](const BreakerEvent& event) {
              const py::gil_scoped_acquire acquire;
              python_side(object).attr("_deliver")(event);
            });
          },
          "From now on events are told to _deliver().")
      .def(
          "_ask_ahead",
          [](BreakerObject& self, const std::vector<std::int64_t>& waits_ns) {
            self.waits_asked_ahead.clear();
            for (const std::int64_t wait : waits_ns) self.waits_asked_ahead.emplace_back(wait);
          },
          py::arg("waits_ns"), "The first waits of open_for's function, for a connection; its last one stays.");
  add_with_statement(breaker);
}

}  // namespace switchgear::bindings

// policy/: retrying. python/switchgear/policy/retry.py makes of it what users see.
#include <pybind11/stl.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "module.hpp"
#include "policy_objects.hpp"
#include "switchgear/policy/breaker_rules.hpp"
#include "switchgear/policy/retry.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

/// Of one call; keeps what it counts in alive.
struct RetryRunObject {
  py::object owner;
  RetryRun run;
};

UniformRandom random_from(const py::object& random) {
  if (random.is_none()) return system_random();
  return [random] { return random().cast<double>(); };
}

std::unique_ptr<RetryObject> make_retry(const py::object& attempts, const py::object& base, const py::object& cap, const py::object& quota,
                                        const py::object& retry_cost, const py::object& timeout_cost, const py::object& random) {
  RetryOptions options;
  options.attempts = whole_from(attempts, "attempts", 1, 100);
  options.cap = duration_from(cap, "cap");
  options.base = duration_from(base, "base");
  options.quota = whole_from(quota, "quota", 0, 1'000'000);
  options.retry_cost = whole_from(retry_cost, "retry_cost", 0, options.quota);
  options.timeout_cost = whole_from(timeout_cost, "timeout_cost", 0, options.quota);
  return std::make_unique<RetryObject>(options, random);
}

/// What the policies look at of a Python exception.
Error error_from(const std::string& code, const py::object& retry_after, int http_status) {
  const std::size_t dot = code.find('.');
  Error error(category_from(std::string_view(code).substr(0, dot)).value_or(Category::internal), "");
  if (dot != std::string::npos) error.detail = code.substr(dot + 1);
  if (const auto wait = optional_duration_from(retry_after, "retry_after")) {
    error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(*wait);
  }
  error.http_status = http_status;
  error.nothing_sent = error.category == Category::circuit_open;
  return error;
}

}  // namespace

RetryObject::RetryObject(RetryOptions options, const py::object& random) : retry(options, random_from(random)) {}

void bind_retry(py::module_& module) {
  py::class_<RetryRunObject>(module, "RetryRun", "One call's retries.")
      .def(
          "next",
          [](RetryRunObject& self, const std::string& code, const py::object& retry_after, int http_status,
             bool idempotent) -> std::optional<double> {
            const auto delay = self.run.next(error_from(code, retry_after, http_status), {idempotent ? "GET" : "POST", false});
            return delay ? std::optional(seconds_of(*delay)) : std::nullopt;
          },
          py::arg("code"), py::arg("retry_after"), py::arg("http_status"), py::arg("idempotent"),
          "Seconds until the next attempt, or None: no more.")
      .def("success", [](RetryRunObject& self) { self.run.success(); });
  py::class_<RetryObject>(module, "Retry", "The compiled part of switchgear.Retry.")
      .def(py::init(&make_retry), py::kw_only(), py::arg("attempts"), py::arg("base"), py::arg("cap"), py::arg("quota"),
           py::arg("retry_cost"), py::arg("timeout_cost"), py::arg("random"))
      .def("_start", [](const py::object& self) { return RetryRunObject{self, self.cast<RetryObject&>().retry.start()}; })
      .def_property_readonly("tokens", [](const RetryObject& self) { return self.retry.tokens(); }, "What is left of the quota.");
  module.def(
      "judge", [](const std::string& code) { return static_cast<int>(judge(error_from(code, py::none(), 0), BreakerScope::operation)); },
      py::arg("code"), "What an error of this code is to a circuit breaker: 0 a success, 1 a failure, 2 neither.");
  module.def(
      "seconds", [](const py::object& value, const char* field) { return seconds_of(duration_from(value, field)); }, py::arg("value"),
      py::arg("field"), "A number of seconds or a timedelta, as seconds. Raises ConfigError naming the field.");
  module.def(
      "sleep",
      [](const py::object& clock, const py::object& seconds) { sleep_on(ClockReference(clock).clock, duration_from(seconds, "seconds")); },
      py::arg("clock"), py::arg("seconds"), "Waits on a clock (None: the real one), without the GIL and with an ear for Ctrl-C.");
}

}  // namespace switchgear::bindings

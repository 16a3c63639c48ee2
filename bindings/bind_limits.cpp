// policy/: what limits rates and numbers. python/switchgear/policy/limits.py makes of it what users see.
#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gil.hpp"
#include "module.hpp"
#include "policy_objects.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/policy/concurrency_limiter.hpp"
#include "switchgear/policy/rate_limiter.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using std::chrono::nanoseconds;

constexpr std::uint32_t most_burst = 1'000'000;

std::unique_ptr<RateLimiterObject> make_rate_limiter(const std::optional<std::string>& rate, const py::object& burst, bool adaptive,
                                                     py::object clock) {
  RateLimiterOptions options;
  if (rate) options.rate = Rate::parse(*rate);
  options.burst = whole_from(burst, "burst", 1, most_burst);
  options.adaptive = adaptive;
  return std::make_unique<RateLimiterObject>(options, std::move(clock));
}

std::uint64_t permits_from(const py::object& n) { return whole_from(n, "n", 1, most_burst); }

double acquire_rate(RateLimiterObject& self, const py::object& count, const py::object& timeout) {
  const std::uint64_t n = permits_from(count);
  const std::optional<nanoseconds> longest = optional_duration_from(timeout, "timeout");
  nanoseconds waited(0);
  for (;;) {
    const RateReservation place = self.limiter.reserve(longest ? std::optional(*longest - waited) : std::nullopt, n);
    try {
      sleep_on(self.time.clock, place.wait);
    } catch (...) {
      self.limiter.withdraw(place);
      throw;
    }
    waited += place.wait;
    if (self.limiter.is_valid(place)) return seconds_of(waited);
  }
}

void bind_rate_limiter(py::module_& module) {
  py::class_<RateReservation>(module, "RateReservation", "A place in a rate limiter's line.")
      .def_property_readonly(
          "wait", [](const RateReservation& place) { return seconds_of(place.wait); }, "Seconds until its owner may pass.");
  py::class_<RateLimiterMetrics>(module, "RateLimiterMetrics", "A rate limiter at one moment.")
      .def_readonly("per_second", &RateLimiterMetrics::per_second, "The rate in force; None: no limit.")
      .def_readonly("adapted", &RateLimiterMetrics::adapted, "Whether a throttle has changed it.")
      .def_readonly("throttles", &RateLimiterMetrics::throttles)
      .def_property_readonly(
          "waiting", [](const RateLimiterMetrics& metrics) { return seconds_of(metrics.waiting); }, "Seconds until a call could pass.")
      .def("__repr__", [](const RateLimiterMetrics& metrics) {
        return "<RateLimiterMetrics " + (metrics.per_second ? py::str(py::float_(*metrics.per_second)).cast<std::string>() : "no limit") +
               "/s, " + std::to_string(metrics.throttles) + " throttles>";
      });
  py::class_<RateLimiterObject>(module, "RateLimiter", "The compiled part of switchgear.RateLimiter.")
      .def(py::init(&make_rate_limiter), py::kw_only(), py::arg("rate"), py::arg("burst"), py::arg("adaptive"), py::arg("clock"))
      .def(
          "try_acquire",
          [](RateLimiterObject& self, const py::object& n) { return self.limiter.try_acquire(permits_from(n)).count() == 0; },
          py::arg("n") = 1, "Whether `n` calls may pass now; then they are counted. Does not wait.")
      .def("acquire", &acquire_rate, py::arg("n") = 1, py::kw_only(), py::arg("timeout") = py::none(),
           "Waits until `n` calls may pass, in the order of asking; the seconds that took. Raises TimeoutError at once, and takes "
           "nothing, if it would be longer than `timeout` (seconds or a timedelta).")
      .def(
          "throttled",
          [](RateLimiterObject& self, const py::object& retry_after) {
            self.limiter.throttle(optional_duration_from(retry_after, "retry_after"));
          },
          py::arg("retry_after") = py::none(), "The source throttled: nothing passes before `retry_after`, and less often from then on.")
      .def(
          "succeeded", [](RateLimiterObject& self) { self.limiter.success(); },
          "A reply came that was no throttle: a slowed rate recovers.")
      .def_property_readonly(
          "metrics", [](const RateLimiterObject& self) { return self.limiter.metrics(); }, "The rate in force and what it has met.")
      .def(
          "_reserve",
          [](RateLimiterObject& self, const py::object& n, std::optional<double> timeout) {
            const auto longest = timeout ? std::optional(duration_from(py::float_(*timeout), "timeout")) : std::nullopt;
            return self.limiter.reserve(longest, permits_from(n));
          },
          py::arg("n"), py::arg("timeout"))
      .def("_is_valid", [](const RateLimiterObject& self, const RateReservation& place) { return self.limiter.is_valid(place); })
      .def("_withdraw", [](RateLimiterObject& self, const RateReservation& place) { self.limiter.withdraw(place); });
}

// ------------------------------------------------------------------------------------------------------------------- concurrency

/// A slot with the limiter that it belongs to, which it keeps alive and whose waiting tasks it wakes.
class SlotObject {
 public:
  SlotObject(py::object owner, ConcurrencyLimiter::Slot slot) : owner_(std::move(owner)), slot_(std::move(slot)) {}
  SlotObject(SlotObject&& other) noexcept : owner_(std::move(other.owner_)), slot_(std::exchange(other.slot_, std::nullopt)) {}
  SlotObject& operator=(SlotObject&&) = delete;
  ~SlotObject() {
    if (!slot_) return;
    slot_.reset();
    try {
      wake();
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("a slot of a concurrency limiter");
    }
  }

  void success() { end(&ConcurrencyLimiter::Slot::success); }
  void dropped() { end(&ConcurrencyLimiter::Slot::dropped); }
  void release() {
    if (!slot_) return;
    slot_.reset();
    wake();
  }
  bool is_held() const noexcept { return slot_.has_value(); }

 private:
  void end(void (ConcurrencyLimiter::Slot::*how)()) {
    if (!slot_) return;
    ((*slot_).*how)();
    release();
  }
  void wake() { owner_.attr("_wake")(); }

  py::object owner_;
  std::optional<ConcurrencyLimiter::Slot> slot_;
};

std::optional<SlotObject> acquire_slot(const py::object& self, const py::object& timeout) {
  auto& limiter = self.cast<ConcurrencyLimiter&>();
  const std::optional<nanoseconds> longest = optional_duration_from(timeout, "timeout");
  std::optional<ConcurrencyLimiter::Slot> slot = limiter.try_acquire();
  const SteadyTime start = Clock::system().now();
  while (!slot) {
    const nanoseconds waited = Clock::system().now() - start;
    if (longest && waited >= *longest) return std::nullopt;
    {
      const py::gil_scoped_release release;
      slot = limiter.acquire_for(longest ? std::min<nanoseconds>(*longest - waited, signal_interval) : signal_interval);
    }
    if (!slot) check_signals();
  }
  return SlotObject(self, std::move(*slot));
}

void bind_concurrency_limiter(py::module_& module) {
  py::class_<SlotObject>(module, "Slot", "Leave for one call to be under way. Dropped without a word it gives itself back.")
      .def("success", &SlotObject::success, "The call was answered: the limit may grow.")
      .def("dropped", &SlotObject::dropped, "The call was throttled, turned away or timed out: the limit shrinks by a tenth.")
      .def("release", &SlotObject::release, "The call said nothing about the source's load.")
      .def("__enter__", [](const py::object& self) { return self; })
      .def(
          "__exit__",
          [](SlotObject& self, const py::object&, const py::object& exception, const py::object&) {
            if (exception.is_none()) return self.success();
            const auto code = py::module_::import("switchgear.policy.outcome").attr("code_of")(exception).cast<std::string>();
            const auto category = category_from(std::string_view(code).substr(0, code.find('.')));
            const bool dropped = category == Category::timeout || category == Category::rate_limit || category == Category::unavailable;
            dropped ? self.dropped() : self.release();
          },
          py::arg("kind"), py::arg("exception"), py::arg("traceback"))
      .def("__repr__", [](const SlotObject& slot) { return slot.is_held() ? "<Slot held>" : "<Slot ended>"; });
  py::class_<ConcurrencyMetrics>(module, "ConcurrencyMetrics", "A concurrency limiter at one moment.")
      .def_readonly("limit", &ConcurrencyMetrics::limit, "Calls that may be under way.")
      .def_readonly("in_flight", &ConcurrencyMetrics::in_flight)
      .def_readonly("waiting", &ConcurrencyMetrics::waiting, "Threads that wait for a slot.")
      .def_readonly("drops", &ConcurrencyMetrics::drops)
      .def("__repr__", [](const ConcurrencyMetrics& metrics) {
        return "<ConcurrencyMetrics " + std::to_string(metrics.in_flight) + " of " + std::to_string(metrics.limit) + " in flight>";
      });
  py::class_<ConcurrencyLimiter>(module, "ConcurrencyLimiter", "The compiled part of switchgear.ConcurrencyLimiter.")
      .def(py::init([](const py::object& initial, const py::object& least, const py::object& most) {
             ConcurrencyLimiterOptions options;
             options.most = whole_from(most, "most", 1, 100'000);
             options.least = whole_from(least, "least", 1, options.most);
             options.initial = whole_from(initial, "initial", options.least, options.most);
             return std::make_unique<ConcurrencyLimiter>(options);
           }),
           py::kw_only(), py::arg("initial"), py::arg("least"), py::arg("most"))
      .def(
          "try_acquire",
          [](const py::object& self) -> std::optional<SlotObject> {
            auto slot = self.cast<ConcurrencyLimiter&>().try_acquire();
            if (!slot) return std::nullopt;
            return SlotObject(self, std::move(*slot));
          },
          "A slot, or None if as many calls as may be are under way.")
      .def("_acquire", &acquire_slot, py::arg("timeout"))
      .def_property_readonly("metrics", [](const ConcurrencyLimiter& self) { return self.metrics(); }, "The limit and what is under way.");
}

}  // namespace

void bind_limits(py::module_& module) {
  bind_rate_limiter(module);
  bind_concurrency_limiter(module);
}

}  // namespace switchgear::bindings

#include "policy_objects.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "gil.hpp"
#include "switchgear/base/error.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

// More than any range of the core allows, and far from the end of 64 bits.
constexpr double most_seconds = 9e9;

[[noreturn]] void refuse(const char* field, const py::handle& value, const std::string& range) {
  std::string shown = py::repr(value).cast<std::string>();
  if (shown.size() > 60) shown = shown.substr(0, 60) + "…";
  throw Error(Category::config, std::string(field) + " is " + shown + "; it must be " + range).with_hint("correct " + std::string(field));
}

/// Nothing: it is no number, or too large for one.
std::optional<double> as_double(const py::handle& value) {
  if (py::isinstance<py::bool_>(value) || PyNumber_Check(value.ptr()) == 0) return std::nullopt;
  const double number = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred() == nullptr) return number;
  PyErr_Clear();
  return std::nullopt;
}

}  // namespace

void sleep_on(Clock& clock, std::chrono::nanoseconds duration) {
  const bool real = &clock == &Clock::system();
  const SteadyTime end = clock.now() + duration;
  for (std::chrono::nanoseconds left = duration; left.count() > 0; left = end - clock.now()) {
    {
      const py::gil_scoped_release release;
      clock.sleep_for(real ? std::min<std::chrono::nanoseconds>(left, signal_interval) : left);
    }
    check_signals();
  }
}

std::chrono::nanoseconds duration_from(const py::handle& value, const char* field) {
  const bool is_delta = py::hasattr(value, "total_seconds");
  const std::optional<double> seconds =
      as_double(is_delta ? py::object(value.attr("total_seconds")()) : py::reinterpret_borrow<py::object>(value));
  if (!seconds || !(std::fabs(*seconds) <= most_seconds)) refuse(field, value, "seconds or a timedelta, at most 365 days");
  return std::chrono::nanoseconds(std::llround(*seconds * 1e9));
}

std::optional<std::chrono::nanoseconds> optional_duration_from(const py::handle& value, const char* field) {
  return value.is_none() ? std::nullopt : std::optional(duration_from(value, field));
}

double number_from(const py::handle& value, const char* field, const char* range) {
  const std::optional<double> number = as_double(value);
  if (!number || std::isnan(*number)) refuse(field, value, range);
  return *number;
}

std::uint32_t whole_from(const py::handle& value, const char* field, std::uint32_t least, std::uint32_t most) {
  if (py::isinstance<py::int_>(value) && !py::isinstance<py::bool_>(value)) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
    if (overflow == 0 && number >= least && number <= most) return static_cast<std::uint32_t>(number);
  }
  refuse(field, value, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

double seconds_of(std::chrono::nanoseconds duration) noexcept { return std::chrono::duration<double>(duration).count(); }

}  // namespace switchgear::bindings

// base/: categories, secrets, the clock of tests.
#include <pybind11/native_enum.h>

#include <chrono>
#include <cmath>
#include <string>

#include "module.hpp"
#include "policy_objects.hpp"
#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/secret.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

void bind_category(py::module_& module) {
  py::native_enum<Category> category(module, "Category", "enum.IntEnum", "What kind of thing failed.");
  for (auto number = category_first; number <= category_last; ++number) {
    const auto value = static_cast<Category>(number);
    category.value(std::string(to_string(value)).c_str(), value);
  }
  category.finalize();
}

/// The one place where a thread of the core takes the GIL: the keyring is Python's. Whoever waits for that thread has let go of it.
std::string look_up_keyring(const std::string& service_and_name) {
  if (Py_IsInitialized() == 0) throw Error(Category::cancelled, "the interpreter ended before the keyring was asked");
  const py::gil_scoped_acquire gil;
  try {
    return py::module_::import("switchgear.keyring_lookup").attr("look_up")(service_and_name).cast<std::string>();
  } catch (const py::error_already_set& raised) {
    const py::object& error = raised.value();
    const auto text = [&error](const char* name) { return py::hasattr(error, name) ? std::string(py::str(error.attr(name))) : ""; };
    std::string message = text("message");
    // Of an error that is not ours the kind alone: what it says may quote what it was looking for.
    if (message.empty()) message = "the keyring failed with " + std::string(py::str(error.get_type().attr("__name__")));
    throw Error(Category::config, "secret", "'keyring:" + service_and_name + "': " + message).with_hint(text("hint"));
  }
}

void bind_secret(py::module_& module) {
  Secret::set_keyring_lookup(look_up_keyring);
  py::class_<Secret>(module, "Secret", "A password, key or token that never prints itself.")
      .def(py::init<std::string>(), py::arg("value"), "A literal value, kept in memory and refused where it would be stored.")
      .def_static("env", &Secret::env, py::arg("name"), "The value of an environment variable, read each time it is used.")
      .def_static("file", &Secret::file, py::arg("path"), "The contents of a file, read each time it is used.")
      .def_static("keyring", &Secret::keyring, py::arg("service_and_name"), "An entry 'SERVICE/NAME' of the system's keyring.")
      .def_static("from_reference", &Secret::from_reference, py::arg("reference"), "'env:NAME', 'file:PATH' or 'keyring:SERVICE/NAME'.")
      .def("reveal", &Secret::reveal, "The value itself.")
      .def_property_readonly("is_literal", &Secret::is_literal)
      .def(py::pickle(
          [](const Secret& secret) {
            if (secret.is_literal()) {
              throw Error(Category::config, "secret", "a literal secret is not stored or pickled")
                  .with_hint("give it by reference: Secret.env, Secret.file or Secret.keyring");
            }
            return py::str(secret.display());
          },
          [](const py::str& reference) { return Secret::from_reference(std::string(reference)); }))
      .def(
          "__eq__",
          [](const Secret& a, const py::object& other) {
            const auto* b = py::isinstance<Secret>(other) ? other.cast<const Secret*>() : nullptr;
            return b != nullptr && !a.is_literal() && !b->is_literal() && a.display() == b->display();
          },
          "Two references are equal; the values of literals are not compared.")
      .def("__hash__", [](const Secret& secret) { return std::hash<std::string>()(secret.display()); })
      .def("__str__", &Secret::display)
      .def("__repr__", [](const Secret& secret) { return "Secret(" + secret.display() + ")"; });
}

void bind_clock(py::module_& module) {
  py::class_<Clock>(module, "Clock", "Time and sleeping behind one interface.")
      .def(
          "now", [](const Clock& clock) { return seconds_of(clock.now().time_since_epoch()); },
          "Seconds; only their difference means something. A step of the wall clock does not change them.")
      .def_property_readonly(
          "wall",
          [](const Clock& clock) {
            return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(clock.wall().time_since_epoch()).count()) /
                   1e6;
          },
          "Seconds since 1970, UTC.");
  py::class_<ManualClock, Clock>(module, "ManualClock", "A clock that moves only when told to; a sleep on it advances it at once.")
      .def(py::init<>())
      .def(py::init(
               [](double wall) { return std::make_unique<ManualClock>(WallTime(std::chrono::microseconds(std::llround(wall * 1e6)))); }),
           py::arg("wall"), "Begins at so many seconds since 1970.")
      .def(
          "advance", [](ManualClock& clock, const py::object& seconds) { clock.advance(duration_from(seconds, "seconds")); },
          py::arg("seconds"), "Moves it on by seconds or a timedelta.")
      .def(
          "step_wall", [](ManualClock& clock, const py::object& seconds) { clock.step_wall(duration_from(seconds, "seconds")); },
          py::arg("seconds"), "Moves the wall clock alone, as an administrator would.")
      .def_property_readonly("slept", [](const ManualClock& clock) { return seconds_of(clock.slept()); }, "Seconds slept through so far.");
}

}  // namespace

void bind_base(py::module_& module) {
  bind_category(module);
  bind_secret(module);
  bind_clock(module);
}

}  // namespace switchgear::bindings

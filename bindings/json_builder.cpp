#include "json_builder.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>

#include "switchgear/base/error.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

py::object steal(PyObject* made) {
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(made);
}

/// More digits than 64 bits hold.
py::object long_number(const std::string& token) {
  PyObject* made = PyLong_FromString(token.c_str(), nullptr, 10);
  if (made != nullptr) return py::reinterpret_steal<py::object>(made);
  if (PyErr_ExceptionMatches(PyExc_ValueError) == 0) throw py::error_already_set();
  PyErr_Clear();
  throw Error(Category::protocol, "json", "a number has " + std::to_string(token.size()) + " digits")
      .with_hint("the sender has to write such a number as a text");
}

/// Too large or too small for a double: as json.loads has it, infinity or zero.
double out_of_range(const std::string& token) {
  const double value = PyOS_string_to_double(token.c_str(), nullptr, nullptr);
  if (value == -1.0 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return value;
}

}  // namespace

py::object text_of(std::string_view text, bool ascii) {
  if (!ascii || text.size() < 2) return steal(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
  py::object made = steal(PyUnicode_New(static_cast<Py_ssize_t>(text.size()), 127));
  std::memcpy(PyUnicode_1BYTE_DATA(made.ptr()), text.data(), text.size());
  return made;
}

py::object KeyCache::get(std::string_view name) {
#ifdef Py_GIL_DISABLED
  return text_of(name, true);  // without a GIL it would need a lock of its own
#else
  if (name.size() > longest || name.size() < 2) return text_of(name, true);
  // The first bytes, by loads of a fixed size that may overlap.
  std::uint64_t mixed = 0;
  if (name.size() >= 8) {
    std::memcpy(&mixed, name.data(), 8);
  } else if (name.size() >= 4) {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, name.data(), 4);
    std::memcpy(&last, name.data() + name.size() - 4, 4);
    mixed = first | static_cast<std::uint64_t>(last) << 32U;
  } else {
    mixed = static_cast<std::uint64_t>(static_cast<unsigned char>(name.front())) << 8U | static_cast<unsigned char>(name[1]);
  }
  mixed ^= static_cast<std::uint64_t>(name.size()) << 56U ^ static_cast<std::uint64_t>(static_cast<unsigned char>(name.back())) << 48U;
  py::object& slot = slots_[mixed * 0x9E3779B97F4A7C15U >> 56U];
  const bool hit = slot && static_cast<std::size_t>(PyUnicode_GET_LENGTH(slot.ptr())) == name.size() &&
                   std::memcmp(PyUnicode_1BYTE_DATA(slot.ptr()), name.data(), name.size()) == 0;
  if (!hit) slot = text_of(name, true);
  return slot;
#endif
}

void JsonBuilder::number(std::string_view token, bool whole) {
  if (!whole) {
    double value = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error != std::errc()) value = out_of_range(std::string(token));
    put(py::float_(value));
    return;
  }
  long long value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error == std::errc() && end == token.data() + token.size()) {
    put(steal(PyLong_FromLongLong(value)));
  } else {
    put(long_number(std::string(token)));
  }
}

void JsonBuilder::put(const py::object& value) {
  if (open_.empty()) {
    root_ = value;
    return;
  }
  PyObject* container = open_.back();
  const int failed =
      PyDict_Check(container) != 0 ? PyDict_SetItem(container, key_.ptr(), value.ptr()) : PyList_Append(container, value.ptr());
  if (failed != 0) throw py::error_already_set();
}

void JsonBuilder::open(const py::object& container) {
  put(container);
  open_.push_back(container.ptr());
}

}  // namespace switchgear::bindings

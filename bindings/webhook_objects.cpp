#include "webhook_objects.hpp"

#include <string>

#include "switchgear/base/error.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

std::string type_name(const py::handle& value) { return py::str(py::type::handle_of(value).attr("__name__")).cast<std::string>(); }

py::object steal(PyObject* made) {
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(made);
}

/// Only looks at its size.
void check_body_size(Py_ssize_t size, const WebhookLimits& limits) {
  if (static_cast<std::size_t>(size) > limits.max_body_bytes) {
    throw Error(Category::signature, "too_large",
                "the body has " + std::to_string(size) + " bytes, more than " + std::to_string(limits.max_body_bytes))
        .with_hint("raise max_body_bytes if the sender is known to send that much");
  }
}

}  // namespace

BodyBytes::BodyBytes(const py::handle& given, const WebhookLimits& limits) {
  PyObject* body = given.ptr();
  if (PyBytes_Check(body) != 0) {
    bytes_ = py::reinterpret_borrow<py::object>(given);
  } else if (PyUnicode_Check(body) != 0) {
    check_body_size(PyUnicode_GET_LENGTH(body), limits);
    bytes_ = steal(PyUnicode_AsUTF8String(body));
  } else if (PyObject_CheckBuffer(body) != 0) {
    Py_buffer buffer;
    if (PyObject_GetBuffer(body, &buffer, PyBUF_SIMPLE) != 0) throw py::error_already_set();
    const Py_ssize_t size = buffer.len;
    PyBuffer_Release(&buffer);
    check_body_size(size, limits);
    bytes_ = steal(PyBytes_FromObject(body));
  } else {
    throw Error(Category::config, "webhook", "the body is a " + type_name(given) + ", not bytes")
        .with_hint("give the request's bytes as they came: a signature is over them, not over what was made of them");
  }
}

std::string_view BodyBytes::view() const {
  return {PyBytes_AS_STRING(bytes_.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes_.ptr()))};
}

NameValues::NameValues(const py::handle& given, const char* what) : what_(what) {
  if (PyDict_CheckExact(given.ptr()) != 0) {
    views_.reserve(static_cast<std::size_t>(PyDict_GET_SIZE(given.ptr())));
    PyObject* name = nullptr;
    PyObject* value = nullptr;
    for (Py_ssize_t at = 0; PyDict_Next(given.ptr(), &at, &name, &value) != 0;) add(name, value);
    return;
  }
  const py::object pairs = py::hasattr(given, "items") ? py::object(given.attr("items")()) : py::reinterpret_borrow<py::object>(given);
  for (const py::handle pair : pairs) {
    const py::object fast = steal(PySequence_Fast(pair.ptr(), "headers are a mapping, or pairs of name and value"));
    if (PySequence_Fast_GET_SIZE(fast.ptr()) != 2) {
      throw Error(Category::config, "webhook", std::string(what_) + " are neither a mapping nor pairs of name and value")
          .with_hint("give a dict, what your framework has as headers, or a list of pairs");
    }
    kept_.push_back(fast);
    add(PySequence_Fast_GET_ITEM(fast.ptr(), 0), PySequence_Fast_GET_ITEM(fast.ptr(), 1));
  }
}

std::string_view NameValues::text_of(PyObject* text) const {
  if (PyUnicode_Check(text) != 0) {
    if (PyUnicode_IS_COMPACT_ASCII(text)) {  // as nearly all are: its bytes are there already
      return {reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(text)), static_cast<std::size_t>(PyUnicode_GET_LENGTH(text))};
    }
    Py_ssize_t size = 0;
    const char* utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (utf8 != nullptr) return {utf8, static_cast<std::size_t>(size)};
    PyErr_Clear();  // half a surrogate pair: nothing that was ever sent
    return "\xff";
  }
  if (PyBytes_Check(text) != 0) return {PyBytes_AS_STRING(text), static_cast<std::size_t>(PyBytes_GET_SIZE(text))};
  throw Error(Category::config, "webhook", std::string(what_) + " hold a " + type_name(text) + ", neither text nor bytes")
      .with_hint("give names and values as str or bytes");
}

void NameValues::add_one(std::string_view name, PyObject* value) { views_.push_back({name, text_of(value)}); }

void NameValues::add(PyObject* name, PyObject* value) {
  const std::string_view text = text_of(name);
  if (PyList_Check(value) == 0 && PyTuple_Check(value) == 0) {
    add_one(text, value);
    return;
  }
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(value); ++i) add_one(text, PySequence_Fast_GET_ITEM(value, i));
}

std::optional<NameValues> optional_name_values(const py::handle& given, const char* what) {
  if (given.is_none()) return std::nullopt;
  return NameValues(given, what);
}

TextDict to_dict(const Headers& headers) {
  TextDict result;
  for (const auto& [name, value] : headers) result[py::str(name)] = py::str(value);
  return result;
}

}  // namespace switchgear::bindings

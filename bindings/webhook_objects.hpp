// What Python gives for a webhook and gets of it. Used with the GIL held.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/typing.h>

#include <optional>
#include <string_view>
#include <vector>

#include "switchgear/webhook/envelope.hpp"

namespace switchgear::bindings {

struct WebhookEventObject {
  WebhookEvent event;     ///< without its data, which Python has
  pybind11::object data;  ///< None where there is none
  pybind11::object raw;   ///< the whole body, as bytes
};

/// A body as bytes: itself, a text in UTF-8, or a copy of any buffer. One that is too large is refused before it is copied.
class BodyBytes {
 public:
  BodyBytes(const pybind11::handle& given, const WebhookLimits& limits);

  std::string_view view() const;
  const pybind11::object& bytes() const noexcept { return bytes_; }

 private:
  pybind11::object bytes_;
};

/// Names and values of a mapping or of pairs, as texts or bytes, one value or a list of them. Keeps alive what it shows, but for a dict,
/// which the caller holds.
class NameValues {
 public:
  NameValues(const pybind11::handle& given, const char* what);

  const std::vector<HeaderView>& views() const noexcept { return views_; }

 private:
  void add(PyObject* name, PyObject* value);
  void add_one(std::string_view name, PyObject* value);
  std::string_view text_of(PyObject* text) const;

  const char* what_;
  std::vector<HeaderView> views_;
  std::vector<pybind11::object> kept_;
};

/// None: nothing.
std::optional<NameValues> optional_name_values(const pybind11::handle& given, const char* what);

using TextDict = pybind11::typing::Dict<pybind11::str, pybind11::str>;

TextDict to_dict(const Headers& headers);

void bind_webhook_signing(pybind11::module_& module);

}  // namespace switchgear::bindings

// JSON into Python's objects, the same ones that json.loads makes. Used with the GIL held; throws Error(protocol, json) for a number that
// Python does not take.
//
// A KeyCache keeps names that come again and again, so that they are neither made nor hashed anew; it is bounded.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <string_view>
#include <vector>

#include "switchgear/webhook/json_sink.hpp"

namespace switchgear::bindings {

/// `ascii`: it is known to be in ASCII.
pybind11::object text_of(std::string_view text, bool ascii);

class KeyCache {
 public:
  /// The text of a name in ASCII.
  pybind11::object get(std::string_view name);

 private:
  static constexpr std::size_t longest = 32;
  std::array<pybind11::object, 256> slots_;
};

class JsonBuilder final : public JsonSink {
 public:
  explicit JsonBuilder(KeyCache& keys) : keys_(keys) {}

  /// What was told last; None before.
  pybind11::object take() { return root_ ? std::move(root_) : pybind11::none(); }

  void null() override { put(pybind11::none()); }
  void boolean(bool value) override { put(pybind11::bool_(value)); }
  void number(std::string_view token, bool whole) override;
  void string(std::string_view text, bool ascii) override { put(text_of(text, ascii)); }
  void begin_object() override { open(pybind11::dict()); }
  void key(std::string_view name, bool ascii) override { key_ = ascii ? keys_.get(name) : text_of(name, false); }
  void end_object() override { open_.pop_back(); }
  void begin_array() override { open(pybind11::list()); }
  void end_array() override { open_.pop_back(); }

 private:
  void put(const pybind11::object& value);
  void open(const pybind11::object& container);

  KeyCache& keys_;
  pybind11::object root_, key_;
  std::vector<PyObject*> open_;  // each in the one before it, the first in root_
};

}  // namespace switchgear::bindings

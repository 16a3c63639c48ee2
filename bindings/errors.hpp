// Errors across the language border: a C++ Error is raised as the class of python/switchgear/errors.py that its category has.
#pragma once

#include <pybind11/pybind11.h>

#include "switchgear/base/error.hpp"

namespace switchgear::bindings {

/// The exception object for `error`, not raised.
pybind11::object to_python(const Error& error);

}  // namespace switchgear::bindings

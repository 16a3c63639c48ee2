// Errors across the language border: a C++ Error is raised as the class of python/switchgear/errors.py that its category has.
#pragma once

#include <pybind11/pybind11.h>

#include "switchgear/base/error.hpp"

namespace switchgear::bindings {

/// The exception object for `error`, not raised.
pybind11::object to_python(const Error& error);

/// What Python raised, as an Error; of anything that is none, `doing` and its text.
Error error_of(const pybind11::error_already_set& raised, Category otherwise, const char* detail, const char* doing);

}  // namespace switchgear::bindings

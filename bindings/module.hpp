// The parts of the extension module. Each adds its classes to `module` and is called once, at import, with the GIL held.
#pragma once

#include <pybind11/pybind11.h>

namespace switchgear::bindings {

void bind_base(pybind11::module_& module);

}  // namespace switchgear::bindings

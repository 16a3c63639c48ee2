// The core's log lines on their way to Python's `logging`: queued by whatever thread has something to say, because threads of the core
// never take the GIL, and handed over by the threads of Python that wait for the core. The queue is bounded: of a flood the newest
// lines are kept, and how many were lost is said.
#pragma once

#include <pybind11/pybind11.h>

namespace switchgear::bindings {

/// Makes the queue the core's log. Called once, at import.
void bind_log(pybind11::module_& module);

/// Gives what is queued to `logging`. Called with the GIL held and no Python error set; a handler's failure stays there.
void hand_over_log_lines();

}  // namespace switchgear::bindings

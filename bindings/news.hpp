// What threads of the core have to say to Python: log lines on their way to `logging`, and events on their way to the listeners of
// connections. Queued by whatever thread has something to say, because threads of the core never take the GIL, and handed over by the
// threads of Python that wait for the core. The queues are bounded: of a flood the newest are kept, and how many were lost is said.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include "switchgear/connection/connection.hpp"

namespace switchgear::bindings {

/// Makes the queue the core's log. Called once, at import.
void bind_news(pybind11::module_& module);

/// From now on the connection's transitions and its breakers' events are told to switchgear.core_news, under this number: a number,
/// because nothing that a thread of the core holds may be a Python object.
void listen(Connection& connection, std::uint64_t number);

/// Gives what is queued to Python. Called with the GIL held and no Python error set; a handler's failure stays there. A listener may call
/// anything: what comes of it is handed over after what is there already.
void hand_over_news();

}  // namespace switchgear::bindings

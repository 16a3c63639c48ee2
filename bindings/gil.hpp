// Waiting for the core without holding the GIL, and hearing Ctrl-C and the core's log meanwhile.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <functional>
#include <future>
#include <stop_token>
#include <utility>

#include "news.hpp"

namespace switchgear::bindings {

inline constexpr std::chrono::milliseconds signal_interval{50};

/// Raises what a signal handler raised (KeyboardInterrupt). Called with the GIL held; only the main thread has handlers to run.
inline void check_signals() {
  hand_over_news();
  if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

/// Runs `function(stop_token)` on a thread of its own, which never takes the GIL, while the calling thread looks for signals. On a
/// signal the function is asked to stop and waited for.
template <class Function>
auto run_interruptibly(Function function) {
  std::stop_source source;
  auto result = std::async(std::launch::async, std::move(function), source.get_token());
  for (;;) {
    bool ready = false;
    {
      const pybind11::gil_scoped_release release;
      ready = result.wait_for(signal_interval) == std::future_status::ready;
    }
    hand_over_news();
    if (ready) return result.get();
    if (PyErr_CheckSignals() != 0) {
      source.request_stop();
      const pybind11::gil_scoped_release release;
      result.wait();
      break;
    }
  }
  throw pybind11::error_already_set();
}

}  // namespace switchgear::bindings

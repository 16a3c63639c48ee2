#include "log_lines.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "switchgear/base/log.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

struct Line {
  LogLevel level;
  std::string component, message;
};

class Queue {
 public:
  void put(LogLevel level, std::string_view component, std::string_view message) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() == most_lines) {
      lines_.pop_front();
      ++lost_;
    }
    lines_.push_back({level, std::string(component), std::string(message)});
    filled_.store(true, std::memory_order_release);
  }

  /// The common case costs one load.
  bool empty() const noexcept { return !filled_.load(std::memory_order_acquire); }

  std::pair<std::deque<Line>, std::size_t> take() {
    const std::lock_guard lock(mutex_);
    filled_.store(false, std::memory_order_release);
    return {std::exchange(lines_, {}), std::exchange(lost_, 0)};
  }

 private:
  static constexpr std::size_t most_lines = 1000;

  std::mutex mutex_;
  std::deque<Line> lines_;
  std::size_t lost_ = 0;
  std::atomic<bool> filled_{false};
};

// Never destroyed: threads of the core may still speak while the process ends.
Queue& queue() {
  static auto* const lines = new Queue;
  return *lines;
}

}  // namespace

void hand_over_log_lines() {
  if (queue().empty()) return;
  const auto [lines, lost] = queue().take();
  try {
    const py::object deliver = py::module_::import("switchgear.core_log").attr("deliver");
    if (lost != 0) deliver(static_cast<int>(LogLevel::warning), "log", std::to_string(lost) + " older lines were lost");
    for (const Line& line : lines) {
      const py::object message = py::reinterpret_steal<py::object>(
          PyUnicode_DecodeUTF8(line.message.data(), static_cast<py::ssize_t>(line.message.size()), "replace"));
      deliver(static_cast<int>(line.level), line.component, message);
    }
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable("handing over the core's log");
  }
}

void bind_log(py::module_& module) {
  set_log_sink([](LogLevel level, std::string_view component, std::string_view message) { queue().put(level, component, message); });
  module.def("hand_over_log_lines", &hand_over_log_lines,
             "Gives the core's queued log lines to `logging`; waiting for the core does, too.");
}

}  // namespace switchgear::bindings

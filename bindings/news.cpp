#include "news.hpp"

#include <pthread.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "switchgear/base/log.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

struct Line {
  LogLevel level;
  std::string component, message;
};

struct Event {
  std::uint64_t connection;
  std::variant<StatusChange, BreakerEvent> what;
};

using Item = std::variant<Line, Event>;

class Queue {
 public:
  void put(Item item) {
    const std::lock_guard lock(mutex_);
    if (items_.size() == most_items) {
      items_.pop_front();
      ++lost_;
    }
    items_.push_back(std::move(item));
    filled_.store(true, std::memory_order_release);
  }

  /// The common case costs one load.
  bool empty() const noexcept { return !filled_.load(std::memory_order_acquire); }

  /// One thread at a time takes, and never within itself, so that each listener hears everything in order.
  std::atomic<bool> taking{false};

  std::optional<Item> take() {
    const std::lock_guard lock(mutex_);
    if (lost_ != 0) return Line{LogLevel::warning, "log", std::to_string(std::exchange(lost_, 0)) + " older lines and events were lost"};
    if (items_.empty()) {
      filled_.store(false, std::memory_order_release);
      return std::nullopt;
    }
    Item item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

 private:
  static constexpr std::size_t most_items = 1000;

  std::mutex mutex_;
  std::deque<Item> items_;
  std::size_t lost_ = 0;
  std::atomic<bool> filled_{false};
};

// Never destroyed: threads of the core may still speak while the process ends.
std::atomic<Queue*> current{nullptr};  // made at import

Queue& queue() noexcept { return *current.load(std::memory_order_acquire); }

void deliver(const py::module_& news, const Line& line) {
  const py::object message = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(line.message.data(), static_cast<py::ssize_t>(line.message.size()), "replace"));
  news.attr("log")(static_cast<int>(line.level), line.component, message);
}

void deliver(const py::module_& news, const Event& event) {
  std::visit([&](const auto& what) { news.attr("tell")(event.connection, what); }, event.what);
}

}  // namespace

void listen(Connection& connection, std::uint64_t number) {
  connection.tracker().on_status([number](const StatusChange& change) { queue().put(Event{number, change}); });
  connection.guard().on_event([number](const BreakerEvent& event) { queue().put(Event{number, event}); });
}

void hand_over_news() {
  if (queue().empty()) return;
  Queue& from = queue();
  if (from.taking.exchange(true)) return;
  try {
    const py::module_ news = py::module_::import("switchgear.core_news");
    while (const auto item = from.take()) std::visit([&](const auto& what) { deliver(news, what); }, *item);
  } catch (py::error_already_set& error) {
    // Ctrl-C that was heard while a listener ran is for whoever waits for the core, who asks for signals next.
    if (error.matches(PyExc_KeyboardInterrupt))
      PyErr_SetInterrupt();
    else
      error.discard_as_unraisable("handing over news of the core");
  }
  from.taking.store(false);
}

void bind_news(py::module_& module) {
  current.store(new Queue, std::memory_order_release);
  set_log_sink([](LogLevel level, std::string_view component, std::string_view message) {
    queue().put(Line{level, std::string(component), std::string(message)});
  });
  // What the parent has queued it hands over itself; and its queue may be locked by a thread that the child has not got.
  pthread_atfork(nullptr, nullptr, [] { current.store(new Queue, std::memory_order_release); });
  module.def("hand_over_news", &hand_over_news, "Gives the core's queued log lines and events to Python; waiting for the core does, too.");
}

}  // namespace switchgear::bindings

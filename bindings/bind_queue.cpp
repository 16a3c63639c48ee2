// queue/: the worker. The thread of Python that runs it opens the connections; the core's threads write without the GIL.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "errors.hpp"
#include "module.hpp"
#include "news.hpp"
#include "switchgear/base/process_stamp.hpp"
#include "switchgear/queue/worker.hpp"
#include "wall_time.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

class Worker {
 public:
  Worker(Store& store, WorkerOptions options) : worker_(store, std::move(options)) {}

  void run(const py::typing::Callable<std::shared_ptr<Connection>(std::string)>& open) {
    process_.check("this worker");
    std::optional<py::error_already_set> interrupted;
    WorkerHost host;
    host.open = [&open](const std::string& id) {
      const py::gil_scoped_acquire acquire;
      try {
        return open(id).cast<std::shared_ptr<Connection>>();
      } catch (const py::error_already_set& raised) {
        if (!raised.matches(PyExc_Exception)) throw;
        throw error_of(raised, Category::config, "connection", "the connection could not be opened");
      }
    };
    host.goes_on = [&] {
      const py::gil_scoped_acquire acquire;
      hand_over_news();
      const bool ends = ends_.exchange(false);
      if (PyErr_CheckSignals() == 0) return !ends;
      py::error_already_set now;  // takes the error: a worker lets what is under way end first
      if (!interrupted) interrupted.emplace(std::move(now));
      return false;
    };
    {
      const py::gil_scoped_release release;
      worker_.run(host);
    }
    hand_over_news();
    if (interrupted) throw py::error_already_set(std::move(*interrupted));
  }

  void stop() { ends_ = true; }
  WorkerStats stats() const { return worker_.stats(); }
  const std::string& name() const noexcept { return worker_.name(); }

 private:
  ProcessStamp process_;
  QueueWorker worker_;
  std::atomic<bool> ends_{false};
};

}  // namespace

void bind_queue(py::module_& module) {
  py::class_<WorkerStats>(module, "WorkerStats", "What a worker has done so far.")
      .def_readonly("batches", &WorkerStats::batches, "That came to an end.")
      .def_readonly("given_back", &WorkerStats::given_back, "Of these: that will be tried again.")
      .def_readonly("taken_over", &WorkerStats::taken_over, "Of which an earlier attempt may have sent some.")
      .def_readonly("ok", &WorkerStats::ok, "Records.")
      .def_readonly("failed", &WorkerStats::failed, "Records.")
      .def_readonly("under_way", &WorkerStats::under_way, "Batches.");
  py::class_<Worker>(module, "QueueWorker", "Writes queued batches to their sources.")
      .def(py::init([](Store& store, std::string name, std::size_t concurrency, double lease, bool until_idle) {
             WorkerOptions options;
             options.name = std::move(name);
             options.concurrency = concurrency;
             options.lease = microseconds_of(lease);
             options.until_idle = until_idle;
             return std::make_unique<Worker>(store, std::move(options));
           }),
           py::arg("store"), py::kw_only(), py::arg("name") = "", py::arg("concurrency") = 4, py::arg("lease") = 60.0,
           py::arg("until_idle") = false, py::keep_alive<1, 2>())
      .def("run", &Worker::run, py::arg("open"),
           "Works until stop(), a signal, or until nothing is left. `open` gives the connection of an id.")
      .def("stop", &Worker::stop, "Claim nothing more, and return once what is under way has ended; again: end it now.")
      .def("stats", &Worker::stats)
      .def_property_readonly("name", &Worker::name);
}

}  // namespace switchgear::bindings

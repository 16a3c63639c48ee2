// store/: flows, their runs, and an execution by this process. python/switchgear/flows makes of them what users see.
#include <pybind11/stl.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "module.hpp"
#include "switchgear/store/flow_execution.hpp"
#include "switchgear/store/flows.hpp"
#include "wall_time.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using WithoutGil = py::call_guard<py::gil_scoped_release>;

/// Rounded: a time that was read from the store is compared with what lies there.
std::optional<WallTime> maybe_from(std::optional<double> seconds) {
  if (!seconds) return std::nullopt;
  return from_microseconds(std::llround(*seconds * 1e6));
}

RunState ended_as(const std::string& word) {
  for (const RunState state : {RunState::completed, RunState::failed, RunState::partial, RunState::cancelled}) {
    if (to_string(state) == word) return state;
  }
  throw Error(Category::internal, "state", "no run ends as '" + word + "'");
}

FlowStart start_from(std::string flow, std::string cause, std::string params_json, std::string event_id, std::string event_json,
                     std::string holder, double lease, std::int64_t concurrency, std::optional<double> due, std::optional<double> next) {
  FlowStart start;
  start.flow = std::move(flow);
  start.cause = std::move(cause);
  start.params_json = std::move(params_json);
  start.event_id = std::move(event_id);
  start.event_json = std::move(event_json);
  start.holder = std::move(holder);
  start.lease = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::duration<double>(lease));
  start.concurrency = concurrency;
  start.due = maybe_from(due);
  start.next = maybe_from(next);
  return start;
}

void bind_rows(py::module_& module) {
  py::class_<FlowCounts>(module, "FlowCounts", "What became of the records of a run's batches.")
      .def(py::init<>())
      .def_readwrite("ok", &FlowCounts::ok)
      .def_readwrite("failed", &FlowCounts::failed)
      .def_readwrite("unknown", &FlowCounts::unknown)
      .def_readwrite("skipped", &FlowCounts::skipped);
  py::class_<FlowPlan>(module, "FlowPlan", "A flow as a process has defined it.")
      .def_readonly("name", &FlowPlan::name)
      .def_readonly("event_type", &FlowPlan::event_type)
      .def_readonly("schedule", &FlowPlan::schedule)
      .def_readonly("timezone", &FlowPlan::timezone)
      .def_readonly("source", &FlowPlan::source)
      .def_property_readonly("next_at", [](const FlowPlan& self) { return to_datetime(self.next_at); })
      .def_property_readonly("events_since", [](const FlowPlan& self) { return to_datetime(self.events_since); });
  py::class_<FlowRun>(module, "FlowRunRow", "An execution of a flow as it was when it was looked at.")
      .def_readonly("id", &FlowRun::id)
      .def_readonly("flow", &FlowRun::flow)
      .def_property_readonly("status", [](const FlowRun& self) { return std::string(to_string(self.state)); })
      .def_readonly("cause", &FlowRun::cause)
      .def_readonly("params_json", &FlowRun::params_json)
      .def_readonly("event_id", &FlowRun::event_id)
      .def_readonly("event_json", &FlowRun::event_json)
      .def_readonly("holder", &FlowRun::holder)
      .def_readonly("token", &FlowRun::token)
      .def_readonly("interrupted", &FlowRun::interrupted)
      .def_property_readonly("started_at", [](const FlowRun& self) { return to_datetime(self.started_at); })
      .def_property_readonly("finished_at", [](const FlowRun& self) { return to_datetime(self.finished_at); })
      .def_readonly("error", &FlowRun::error, "JSON; '' where there is none.")
      .def_readonly("counts", &FlowRun::counts);
  py::class_<FlowStep>(module, "FlowStepRow", "A step of a run.")
      .def_readonly("name", &FlowStep::name)
      .def_property_readonly("status", [](const FlowStep& self) { return std::string(to_string(self.state)); })
      .def_readonly("attempts", &FlowStep::attempts)
      .def_property_readonly("started_at", [](const FlowStep& self) { return to_datetime(self.started_at); })
      .def_property_readonly("finished_at", [](const FlowStep& self) { return to_datetime(self.finished_at); })
      .def_readonly("result_json", &FlowStep::result_json)
      .def_readonly("error", &FlowStep::error, "JSON; '' where there is none.");
  py::class_<FlowBatches>(module, "FlowBatches", "How far a loop over batches has come.")
      .def(py::init<>())
      .def_readwrite("position", &FlowBatches::position)
      .def_readwrite("in_flight", &FlowBatches::in_flight)
      .def_readwrite("digest", &FlowBatches::digest)
      .def_readwrite("left_json", &FlowBatches::left_json)
      .def_readwrite("counts", &FlowBatches::counts);
}

void bind_execution(py::module_& module) {
  py::class_<FlowStart>(module, "FlowStart", "What an execution begins with.")
      .def(py::init(&start_from), py::kw_only(), py::arg("flow"), py::arg("cause"), py::arg("params_json"), py::arg("event_id"),
           py::arg("event_json"), py::arg("holder"), py::arg("lease"), py::arg("concurrency"), py::arg("due"), py::arg("next"));
  py::class_<FlowExecution>(module, "FlowExecution", "An execution of a flow by this process.")
      .def_static("begin", &FlowExecution::begin, py::arg("store"), py::arg("start"), py::keep_alive<0, 1>(), WithoutGil(),
                  "None: another process was first. Raises Conflict where as many as may are under way.")
      .def_static("resume", &FlowExecution::resume, py::arg("store"), py::arg("id"), py::arg("start"), py::keep_alive<0, 1>(), WithoutGil(),
                  "Raises NotFound, Conflict.")
      .def_property_readonly("run", &FlowExecution::run)
      .def("renew", &FlowExecution::renew, WithoutGil(), "False: it is lost.")
      .def("step", &FlowExecution::step, py::arg("name"), WithoutGil())
      .def("step_started", &FlowExecution::step_started, py::arg("name"), WithoutGil())
      .def("step_finished", &FlowExecution::step_finished, py::arg("name"), py::arg("result_json"), WithoutGil())
      .def("step_failed", &FlowExecution::step_failed, py::arg("name"), py::arg("error"), WithoutGil())
      .def("batches", &FlowExecution::batches, py::arg("step"), py::arg("number"), WithoutGil())
      .def("keep_batches", &FlowExecution::keep_batches, py::arg("step"), py::arg("number"), py::arg("batches"), WithoutGil())
      .def("add_message", &FlowExecution::add_message, py::arg("level"), py::arg("step"), py::arg("text"), py::arg("detail_json"),
           WithoutGil())
      .def(
          "finished",
          [](FlowExecution& self, const std::string& status, const std::string& error, bool interrupted) {
            self.finished(ended_as(status), error, interrupted);
          },
          py::arg("status"), py::arg("error"), py::arg("interrupted"), WithoutGil());
}

}  // namespace

void bind_flows(py::module_& module) {
  bind_rows(module);
  bind_execution(module);
  py::class_<FlowStore>(module, "FlowStore", "Flows and their runs.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def(
          "plan",
          [](FlowStore& self, std::string name, std::string event_type, std::string schedule, std::string timezone, std::string source,
             std::optional<double> next) {
            self.plan({std::move(name), std::move(event_type), std::move(schedule), std::move(timezone), std::move(source),
                       maybe_from(next), WallTime{}});
          },
          py::arg("name"), py::arg("event_type"), py::arg("schedule"), py::arg("timezone"), py::arg("source"), py::arg("next"),
          WithoutGil(), "Takes over what a process defines; `next` in seconds since 1970.")
      .def("plans", &FlowStore::plans, WithoutGil(), "By name.")
      .def("pending_events", &FlowStore::pending_events, py::arg("flow"), py::arg("limit"), WithoutGil(),
           "Ids of events that are to begin it and have not yet, the oldest first.")
      .def("get", &FlowStore::get, py::arg("id"), WithoutGil(), "Raises NotFound.")
      .def("latest", &FlowStore::list, py::arg("flow"), py::arg("limit"), WithoutGil(), "The latest first; '' for all flows.")
      .def("steps", &FlowStore::steps, py::arg("run_id"), WithoutGil(), "In the order in which they began.")
      .def("messages", &FlowStore::messages, py::arg("run_id"), WithoutGil())
      .def("interrupted", &FlowStore::interrupted, WithoutGil(), "Those whose process died, the oldest first.")
      .def("settle_interrupted", &FlowStore::settle_interrupted, WithoutGil(), "Runs that nobody carries on are failed. How many.")
      .def(
          "remove_before", [](FlowStore& self, double before) { return self.remove_before(from_seconds(before)); }, py::arg("before"),
          WithoutGil(), "Removes runs that ended before then (seconds since 1970). How many.");
}

}  // namespace switchgear::bindings

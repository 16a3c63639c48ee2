// store/: runs and how syncs stand. python/switchgear/syncs.py makes of them what users see.
#include <pybind11/stl.h>

#include <chrono>
#include <optional>
#include <string>

#include "module.hpp"
#include "switchgear/store/runs.hpp"
#include "switchgear/store/sync_status.hpp"
#include "wall_time.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using WithoutGil = py::call_guard<py::gil_scoped_release>;

void bind_runs(py::module_& module) {
  py::class_<RunCounts>(module, "RunCounts", "What a run has moved.")
      .def_readonly("read", &RunCounts::read)
      .def_readonly("written", &RunCounts::written)
      .def_readonly("unchanged", &RunCounts::unchanged)
      .def_readonly("rejected", &RunCounts::rejected)
      .def_readonly("rescued", &RunCounts::rescued)
      .def_readonly("deleted", &RunCounts::deleted)
      .def_readonly("pages", &RunCounts::pages)
      .def_readonly("bytes", &RunCounts::bytes)
      .def_readonly("requests", &RunCounts::requests)
      .def_readonly("retries", &RunCounts::retries)
      .def_property_readonly("waited_seconds", [](const RunCounts& counts) { return static_cast<double>(counts.waited_us) / 1e6; })
      .def_readonly("checkpoints", &RunCounts::checkpoints);
  py::class_<RunEntity>(module, "RunEntityRow", "An entity's part of a run.")
      .def_readonly("entity", &RunEntity::entity)
      .def_property_readonly("status", [](const RunEntity& self) { return std::string(to_string(self.state)); })
      .def_property_readonly("started_at", [](const RunEntity& self) { return to_datetime(self.started_at); })
      .def_property_readonly("finished_at", [](const RunEntity& self) { return to_datetime(self.finished_at); })
      .def_readonly("counts", &RunEntity::counts)
      .def_readonly("mode", &RunEntity::mode)
      .def_readonly("watermark", &RunEntity::watermark)
      .def_readonly("is_initial", &RunEntity::initial)
      .def_readonly("error", &RunEntity::error, "JSON; '' where there is none.");
  py::class_<Run>(module, "RunRow", "A run as it was when it was looked at.")
      .def_readonly("id", &Run::id)
      .def_readonly("connection_id", &Run::connection_id)
      .def_property_readonly("status", [](const Run& self) { return std::string(to_string(self.state)); })
      .def_readonly("cause", &Run::cause)
      .def_readonly("full", &Run::full)
      .def_readonly("holder", &Run::holder)
      .def_readonly("destination", &Run::destination)
      .def_property_readonly("started_at", [](const Run& self) { return to_datetime(self.started_at); })
      .def_property_readonly("finished_at", [](const Run& self) { return to_datetime(self.finished_at); })
      .def_readonly("error", &Run::error, "JSON; '' where there is none.")
      .def_readonly("entities", &Run::entities)
      .def_property_readonly("counts", &Run::counts);
  py::class_<RunMessage>(module, "RunMessageRow", "Something that a run had to say.")
      .def_property_readonly("at", [](const RunMessage& self) { return to_datetime(self.at); })
      .def_readonly("level", &RunMessage::level)
      .def_readonly("entity", &RunMessage::entity)
      .def_readonly("text", &RunMessage::text)
      .def_readonly("detail_json", &RunMessage::detail_json);
  py::class_<StoredErrorEntry>(module, "StoredErrorRow", "An error of a connection, with how often it was met.")
      .def_readonly("connection_id", &StoredErrorEntry::connection_id)
      .def_readonly("entity", &StoredErrorEntry::entity)
      .def_readonly("error", &StoredErrorEntry::error, "JSON.")
      .def_readonly("count", &StoredErrorEntry::count)
      .def_property_readonly("first_at", [](const StoredErrorEntry& self) { return to_datetime(self.first_at); })
      .def_property_readonly("last_at", [](const StoredErrorEntry& self) { return to_datetime(self.last_at); })
      .def_readonly("run_id", &StoredErrorEntry::run_id);
  py::class_<RunStore>(module, "RunStore", "Runs, their messages, and errors.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def("get", &RunStore::get, py::arg("id"), WithoutGil(), "Raises NotFound.")
      .def("latest", &RunStore::list, py::arg("connection_id"), py::arg("limit"), WithoutGil(), "The latest first; '' for all connections.")
      .def("messages", &RunStore::messages, py::arg("run_id"), WithoutGil())
      .def(
          "errors",
          [](RunStore& runs, const std::string& connection_id, const std::string& entity, std::optional<double> since) {
            return runs.errors(connection_id, entity, since ? std::optional(from_seconds(*since)) : std::nullopt);
          },
          py::arg("connection_id"), py::arg("entity") = "", py::arg("since") = py::none(), WithoutGil(), "The latest first.")
      .def("settle_interrupted", &RunStore::settle_interrupted, WithoutGil(), "Runs that nobody carries on are failed. How many.")
      .def(
          "remove_before",
          [](RunStore& runs, double before, double errors) { return runs.remove_before(from_seconds(before), from_seconds(errors)); },
          py::arg("runs"), py::arg("errors"), WithoutGil(), "Removes what ended before then (seconds since 1970). How many runs.");
}

}  // namespace

void bind_sync_status(py::module_& module) {
  bind_runs(module);
  py::class_<EntitySyncStatus>(module, "EntitySyncStatusRow", "How an entity's sync stands.")
      .def_readonly("entity", &EntitySyncStatus::entity)
      .def_readonly("status", &EntitySyncStatus::status)
      .def_property_readonly("last_success_at", [](const EntitySyncStatus& self) { return to_datetime(self.last_success_at); })
      .def_readonly("watermark", &EntitySyncStatus::watermark)
      .def_readonly("counts", &EntitySyncStatus::counts)
      .def_readonly("error", &EntitySyncStatus::error);
  py::class_<SyncStatus>(module, "SyncStatusRow", "How a connection's syncs stand.")
      .def_readonly("connection_id", &SyncStatus::connection_id)
      .def_readonly("status", &SyncStatus::status)
      .def_property_readonly("last_success_at", [](const SyncStatus& self) { return to_datetime(self.last_success_at); })
      .def_property_readonly("last_started_at", [](const SyncStatus& self) { return to_datetime(self.last_started_at); })
      .def_property_readonly("last_finished_at", [](const SyncStatus& self) { return to_datetime(self.last_finished_at); })
      .def_property_readonly("next_sync_at", [](const SyncStatus& self) { return to_datetime(self.next_sync_at); })
      .def_readonly("is_initial", &SyncStatus::is_initial)
      .def_readonly("freshness", &SyncStatus::freshness)
      .def_readonly("error", &SyncStatus::error)
      .def_readonly("run_id", &SyncStatus::run_id)
      .def_readonly("entities", &SyncStatus::entities);
  py::class_<SyncDue>(module, "SyncDue", "A connection whose sync is due, or not worked out yet.")
      .def_readonly("connection_id", &SyncDue::connection_id)
      .def_readonly("schedule", &SyncDue::schedule)
      .def_readonly("timezone", &SyncDue::timezone)
      .def_property_readonly("next_sync_at", [](const SyncDue& self) { return to_datetime(self.next_sync_at); })
      .def_readonly("failures", &SyncDue::failures);
  py::class_<SyncStatusStore>(module, "SyncStatusStore", "How syncs stand, and when they are due.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def("all", &SyncStatusStore::all, WithoutGil(), "By id.")
      .def("get", &SyncStatusStore::get, py::arg("connection_id"), WithoutGil(), "Raises NotFound.")
      .def(
          "set_next",
          [](SyncStatusStore& self, const std::string& connection_id, std::optional<double> next, std::optional<double> period) {
            const auto usual = period ? std::optional(microseconds_of(*period)) : std::nullopt;
            self.set_next(connection_id, next ? std::optional(from_seconds(*next)) : std::nullopt, usual);
          },
          py::arg("connection_id"), py::arg("next"), py::arg("period"), WithoutGil(), "Seconds since 1970, and seconds.")
      .def("due", &SyncStatusStore::due, WithoutGil())
      .def("next_due", [](SyncStatusStore& self) {
        std::optional<WallTime> next;
        {
          const py::gil_scoped_release release;
          next = self.next_due();
        }
        return to_datetime(next);
      });
}

}  // namespace switchgear::bindings

// sync/: runs, and destinations in C++ and in Python. python/switchgear/hub.py makes of it what users see.
#include <pybind11/functional.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "errors.hpp"
#include "gil.hpp"
#include "module.hpp"
#include "switchgear/sync/adbc_destination.hpp"
#include "switchgear/sync/engine.hpp"
#include "switchgear/sync/naming.hpp"
#include "wall_time.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

/// A value that belongs to Python, where the GIL may not be held when it goes.
class Held {
 public:
  explicit Held(py::object value)
      : value_(new py::object(std::move(value)), [](py::object* held) {
          const py::gil_scoped_acquire acquire;
          delete held;
        }) {}
  py::object& operator*() const noexcept { return *value_; }

 private:
  std::shared_ptr<py::object> value_;
};

/// Runs what may raise; an exception that is no interruption becomes an Error.
template <class Work>
auto in_python(const char* doing, Work work) {
  const py::gil_scoped_acquire acquire;
  try {
    return work();
  } catch (const py::error_already_set& raised) {
    if (!raised.matches(PyExc_Exception)) throw;
    throw error_of(raised, Category::destination, "python", doing);
  }
}

/// A table of a destination that is written in Python (switchgear.destinations.DestinationTable).
class PythonTable final : public DestinationTable {
 public:
  explicit PythonTable(py::object table) : table_(std::move(table)) {}
  ~PythonTable() override {
    const py::gil_scoped_acquire acquire;
    try {
      (*table_).attr("close")();
    } catch (py::error_already_set& raised) {
      raised.discard_as_unraisable("close() of a destination's table");
    }
  }
  PythonTable(const PythonTable&) = delete;
  PythonTable& operator=(const PythonTable&) = delete;

  std::optional<std::string> state() override {
    return in_python("the destination could not say how far it is",
                     [this] { return (*table_).attr("state")().cast<std::optional<std::string>>(); });
  }

  void commit(const Checkpoint& checkpoint) override {
    in_python("the destination could not commit", [&] {
      const py::object kind = py::module_::import("switchgear.destinations").attr("Checkpoint");
      py::dict values;
      values["batches"] = checkpoint.batches;
      values["state"] = checkpoint.state;
      values["previous"] = checkpoint.previous;
      values["first"] = checkpoint.first;
      values["last"] = checkpoint.last;
      values["run_id"] = checkpoint.run_id;
      values["at"] = to_datetime(checkpoint.at);
      values["live_run_ids"] = checkpoint.live_run_ids ? py::object(py::tuple(py::cast(*checkpoint.live_run_ids))) : py::none();
      values["may_repeat"] = checkpoint.may_repeat;
      values["removed"] = checkpoint.removed;
      (*table_).attr("commit")(kind(**values));
      return true;
    });
  }

 private:
  Held table_;
};

class PythonDestination final : public Destination {
 public:
  explicit PythonDestination(const py::object& destination)
      : destination_(destination),
        display_(destination.attr("url").cast<std::string>()),
        transactional_(destination.attr("transactional").cast<bool>()),
        deletes_(destination.attr("deletes").cast<bool>()) {}

  std::unique_ptr<DestinationTable> open(const DestinationTarget& target) override {
    return in_python("the destination could not open a table", [&] {
      const py::object kind = py::module_::import("switchgear.destinations").attr("Table");
      py::dict values;
      values["connection_id"] = target.connection_id;
      values["entity"] = target.entity;
      values["schema"] = target.schema;
      values["name"] = target.table;
      values["key"] = py::tuple(py::cast(target.key));
      values["mode"] = std::string(to_string(target.mode));
      values["cursor"] = target.cursor.empty() ? py::object(py::none()) : py::object(py::str(target.cursor));
      return std::make_unique<PythonTable>((*destination_).attr("open")(kind(**values)));
    });
  }
  const std::string& display() const noexcept override { return display_; }
  bool transactional() const noexcept override { return transactional_; }
  bool deletes() const noexcept override { return deletes_; }
  bool single_threaded() const noexcept override { return true; }

 private:
  Held destination_;
  std::string display_;
  bool transactional_;
  bool deletes_;
};

SqlDialect dialect_of(const std::string& word) {
  if (word == "duckdb") return SqlDialect::duckdb;
  if (word == "postgresql") return SqlDialect::postgresql;
  if (word == "sqlite") return SqlDialect::sqlite;
  throw Error(Category::config, "destination", "'" + word + "' is no dialect of SQL that is known here")
      .with_hint("duckdb, postgresql, sqlite");
}

/// Ends a sync from another thread.
struct SyncControl {
  std::atomic<int> wishes{0};
};

/// `judge(entity, batches)` gives a tuple of type, data and id for each event.
std::vector<NewEvent> judged(const py::object& judge, const std::string& entity, const std::vector<RecordBatch>& batches) {
  const py::gil_scoped_acquire acquire;
  try {
    std::vector<NewEvent> events;
    for (auto& [type, data, id] : judge(entity, batches).cast<std::vector<std::tuple<std::string, std::string, std::string>>>())
      events.push_back({std::move(type), std::move(data), "", std::move(id), std::nullopt});
    return events;
  } catch (const py::error_already_set& raised) {
    if (!raised.matches(PyExc_Exception)) throw;
    throw error_of(raised, Category::config, "rule", "a rule could not be asked");
  }
}

Run run_sync(Store& store, const std::shared_ptr<Connection>& connection, const DestinationSource& destination, const SyncRequest& request,
             SyncControl& control, const py::object& progress, const py::object& passed, const py::object& judge) {
  int signals = 0;
  std::optional<py::error_already_set> raised;
  SyncHost host;
  host.wish = [&] {
    const py::gil_scoped_acquire acquire;
    hand_over_news();
    if (PyErr_CheckSignals() != 0) {
      py::error_already_set now;
      if (!raised) raised.emplace(std::move(now));
      ++signals;
    }
    const int wishes = signals + control.wishes.load();
    return wishes == 0 ? StopWish::none : wishes == 1 ? StopWish::stop : StopWish::abort;
  };
  if (!progress.is_none()) {
    host.progress = [&](const RunEntity& entity) {
      const py::gil_scoped_acquire acquire;
      progress(entity);
    };
  }
  if (!passed.is_none()) {
    host.passed = [&](std::string_view place) {
      const py::gil_scoped_acquire acquire;
      passed(std::string(place));
    };
  }
  if (!judge.is_none()) {
    host.judge = [&](const std::string& entity, const std::vector<RecordBatch>& batches) { return judged(judge, entity, batches); };
  }
  std::optional<Run> run;
  {
    const py::gil_scoped_release release;
    run = SyncEngine(store).run(connection, destination, request, host);
  }
  hand_over_news();
  if (raised) throw py::error_already_set(std::move(*raised));
  return std::move(*run);
}

void bind_plan(py::module_& module) {
  py::class_<EntityPlan>(module, "EntityPlan", "How an entity is synced.")
      .def(py::init([](std::string entity, const std::string& mode, std::string cursor, std::vector<std::string> key,
                       std::optional<double> initial_window, double lookback, const ReadRequest& read, std::int64_t commit_rows,
                       std::uint64_t commit_bytes, double commit_seconds) {
             EntityPlan plan;
             plan.entity = std::move(entity);
             const auto known = sync_mode_from(mode);
             if (!known)
               throw Error(Category::config, "mode", "the mode of '" + plan.entity + "' is '" + mode + "'")
                   .with_hint("append, replace, upsert");
             plan.mode = *known;
             plan.cursor = std::move(cursor);
             plan.key = std::move(key);
             if (initial_window) plan.initial_window = microseconds_of(*initial_window);
             plan.lookback = microseconds_of(lookback);
             plan.read = read;
             plan.commit_rows = commit_rows;
             plan.commit_bytes = commit_bytes;
             plan.commit_every = std::chrono::duration_cast<std::chrono::milliseconds>(microseconds_of(commit_seconds));
             return plan;
           }),
           py::kw_only(), py::arg("entity"), py::arg("mode"), py::arg("cursor"), py::arg("key"), py::arg("initial_window"),
           py::arg("lookback"), py::arg("read"), py::arg("commit_rows"), py::arg("commit_bytes"), py::arg("commit_seconds"));
}

}  // namespace

void bind_sync(py::module_& module) {
  bind_plan(module);
  py::class_<Destination, std::shared_ptr<Destination>>(module, "Destination", "Where syncs write.")
      .def_property_readonly("display", &Destination::display)
      .def_property_readonly("transactional", &Destination::transactional)
      .def_property_readonly("one_writer", &Destination::one_writer);
  module.def(
      "adbc_destination",
      [](const std::string& dialect, std::string driver, std::string entry_point, std::map<std::string, std::string> database,
         std::string display) {
        return open_adbc_destination(
            {dialect_of(dialect), std::move(driver), std::move(entry_point), std::move(database), std::move(display)});
      },
      py::arg("dialect"), py::arg("driver"), py::arg("entry_point"), py::arg("database"), py::arg("display"),
      py::call_guard<py::gil_scoped_release>(), "Opens a database by an ADBC driver. Raises DestinationError.");
  module.def(
      "python_destination",
      [](const py::object& destination) -> std::shared_ptr<Destination> { return std::make_shared<PythonDestination>(destination); },
      py::arg("destination"), "A destination that is written in Python.");
  py::class_<SyncControl, std::shared_ptr<SyncControl>>(module, "SyncControl", "Ends a sync from another thread.")
      .def(py::init<>())
      .def("stop", [](SyncControl& self) { ++self.wishes; }, "Commit what was read and stop; again: stop at once.");
  module.def(
      "snake_case", [](const std::string& name) { return snake_case(name); }, py::arg("name"), "What naming='snake_case' makes of it.");
  module.def("schema_name", [](const std::string& id) { return schema_name(id); }, py::arg("connection_id"), "What its schema is called.");
  module.def(
      "failed_sync",
      [](Store& store, const Connection& connection, const std::string& display, bool full, std::string cause,
         const std::string& error_json) {
        SyncRequest request;
        request.full = full;
        request.cause = std::move(cause);
        return SyncEngine(store).failed_to_begin(connection, display, request, error_json);
      },
      py::arg("store"), py::arg("connection"), py::kw_only(), py::arg("display"), py::arg("full"), py::arg("cause"), py::arg("error_json"),
      py::call_guard<py::gil_scoped_release>(), "A run that could not begin.");
  module.def(
      "run_sync",
      [](Store& store, const std::shared_ptr<Connection>& connection, const py::typing::Callable<std::shared_ptr<Destination>()>& open,
         std::string display, bool one_writer, std::vector<EntityPlan> plans, std::map<std::string, std::string> tables, bool full,
         std::string cause, std::string schema, std::size_t concurrency, double lease, SyncControl& control, const py::object& progress,
         const py::object& passed, bool snake_case, const py::object& judge) {
        SyncRequest request;
        request.entities = std::move(plans);
        request.full = full;
        request.cause = std::move(cause);
        request.schema = std::move(schema);
        request.concurrency = concurrency;
        request.snake_case = snake_case;
        request.lease = microseconds_of(lease);
        request.table_name = [tables = std::move(tables)](const std::string& entity) {
          const auto found = tables.find(entity);
          return found == tables.end() ? entity : found->second;
        };
        DestinationSource destination{std::move(display), one_writer, [&open] {
                                        return in_python("the destination could not be opened",
                                                         [&] { return open().cast<std::shared_ptr<Destination>>(); });
                                      }};
        return run_sync(store, connection, destination, request, control, progress, passed, judge);
      },
      py::arg("store"), py::arg("connection"), py::arg("open"), py::kw_only(), py::arg("display"), py::arg("one_writer"), py::arg("plans"),
      py::arg("tables"), py::arg("full"), py::arg("cause"), py::arg("schema"), py::arg("concurrency"), py::arg("lease"), py::arg("control"),
      py::arg("progress") = py::none(), py::arg("passed") = py::none(), py::arg("snake_case") = false, py::arg("judge") = py::none(),
      "Syncs in this thread and threads of its own. What source and destination did wrong is in the run.");
}

}  // namespace switchgear::bindings

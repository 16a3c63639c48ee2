// paging/: readers and pages.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "arrow.hpp"
#include "gil.hpp"
#include "module.hpp"
#include "pending_call.hpp"
#include "switchgear/data/unify.hpp"
#include "switchgear/paging/entity_reader.hpp"
#include "switchgear/paging/memory_budget.hpp"
#include "switchgear/paging/page_reader.hpp"
#include "switchgear/paging/partition.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

/// A forked child must not run the destructor: the reader's thread does not exist there, and waiting for it would never end.
struct LeakAfterFork {
  void operator()(EntityReader* reader) const {
    if (reader->pages != nullptr && !reader->pages->is_usable()) return;
    const py::gil_scoped_release release;
    delete reader;
  }
};

using ReaderHolder = std::unique_ptr<EntityReader, LeakAfterFork>;

/// Python runs signal handlers on its main thread only.
bool on_main_thread() {
  static const std::thread::id main_thread = [] {
    const py::module_ threading = py::module_::import("threading");
    return threading.attr("current_thread")().is(threading.attr("main_thread")()) ? std::this_thread::get_id() : std::thread::id();
  }();
  return std::this_thread::get_id() == main_thread;
}

std::optional<Page> next_page(EntityReader& reader) {
  for (;;) {
    std::optional<Page> page;
    PageReader::Wait wait{};
    {
      const py::gil_scoped_release release;
      wait = reader.pages->next_for(signal_interval, page);
    }
    check_signals();
    if (wait == PageReader::Wait::page) return page;
    if (wait == PageReader::Wait::end) return std::nullopt;
  }
}

void wait_for_schema(EntityReader& reader) {
  for (;;) {
    bool known = false;
    {
      const py::gil_scoped_release release;
      known = reader.pages->schema_for(signal_interval);
    }
    check_signals();
    if (known) return;
  }
}

/// What a stream tells its Python side about how it went, because Arrow carries an error across as a text only.
struct StreamOutcome {
  std::shared_ptr<EntityReader> reader;
  std::exception_ptr failure;
  bool interrupted = false;
};

/// The batches of a reader, for an Arrow consumer that may or may not hold the GIL, on whatever thread.
class StreamSource {
 public:
  explicit StreamSource(std::shared_ptr<StreamOutcome> outcome) : outcome_(std::move(outcome)) {}

  SharedArrowArray next() {
    try {
      std::optional<Page> page;
      for (;;) {
        const PageReader::Wait wait = wait_without_gil(page);
        if (wait == PageReader::Wait::page) return page->batch.array();
        if (wait == PageReader::Wait::end) return nullptr;
        if (std::this_thread::get_id() == main_thread_ && interrupted()) {
          outcome_->interrupted = true;
          throw Error(Category::cancelled, "interrupted");
        }
      }
    } catch (...) {
      outcome_->failure = std::current_exception();
      throw;
    }
  }

 private:
  PageReader::Wait wait_without_gil(std::optional<Page>& page) {
    // A consumer that kept the GIL must not stop Python's other threads while the source is waited for.
    if (PyGILState_Check() == 0) return outcome_->reader->pages->next_for(signal_interval, page);
    const py::gil_scoped_release release;
    return outcome_->reader->pages->next_for(signal_interval, page);
  }

  static bool interrupted() {
    const py::gil_scoped_acquire acquire;
    hand_over_news();
    if (PyErr_CheckSignals() == 0) return false;
    PyErr_Clear();  // an Arrow consumer raises an error of its own; our own methods make it a KeyboardInterrupt again
    return true;
  }

  std::shared_ptr<StreamOutcome> outcome_;
  std::thread::id main_thread_ = on_main_thread() ? std::this_thread::get_id() : std::thread::id();
};

std::pair<py::capsule, std::shared_ptr<StreamOutcome>> open_stream(ReaderHolder owned) {
  owned->pages->freeze_schema();
  wait_for_schema(*owned);
  auto outcome = std::make_shared<StreamOutcome>();
  outcome->reader = std::shared_ptr<EntityReader>(owned.release(), LeakAfterFork{});
  auto source = std::make_shared<StreamSource>(outcome);
  ::ArrowArrayStream stream{};
  make_stream(outcome->reader->pages->arrow_schema(), [source] { return source->next(); }, &stream);
  return {stream_capsule(stream), outcome};
}

EntityReader& usable(ReaderHolder& holder) {
  if (holder == nullptr) throw Error(Category::unsupported, "closed", "this reader is closed").with_hint("read() gives a fresh one");
  return *holder;
}

py::typing::Dict<py::str, py::object> stats_of(const EntityReader& reader) {
  const PageStats pages = reader.pages->stats();
  const GuardCounters& calls = reader.services->counters();
  py::typing::Dict<py::str, py::object> stats;
  stats["pages"] = pages.pages;
  stats["records"] = pages.records;
  stats["filtered"] = pages.filtered;
  stats["bytes"] = pages.bytes;
  stats["requests"] = calls.attempts.load();
  stats["retries"] = calls.retries.load() + calls.renewals.load();
  stats["waited_seconds"] = static_cast<double>(calls.waited_ns.load()) / 1e9;
  stats["rescued"] = pages.rescued;
  stats["total"] = pages.total;
  return stats;
}

/// What Python holds: the reader until it is closed or handed to a stream.
struct Reader {
  ReaderHolder holder;
};

void bind_reader(py::module_& module) {
  py::class_<StreamOutcome, std::shared_ptr<StreamOutcome>>(module, "StreamOutcome", "How a stream is going, or how it ended.")
      .def("stats", [](const StreamOutcome& outcome) { return stats_of(*outcome.reader); })
      .def_property_readonly("token", [](const StreamOutcome& outcome) { return outcome.reader->pages->token(); })
      .def("raise_for_error", [](const StreamOutcome& outcome) {
        if (outcome.interrupted) {
          PyErr_SetNone(PyExc_KeyboardInterrupt);
          throw py::error_already_set();
        }
        if (outcome.failure) std::rethrow_exception(outcome.failure);
      });
  py::class_<Reader>(module, "PageReader", "Reads an entity page by page, fetching ahead.")
      .def(
          "next", [](Reader& self) { return next_page(usable(self.holder)); }, "The next page, or None at the end.")
      .def_property_readonly(
          "token", [](Reader& self) { return usable(self.holder).pages->token(); }, "Where to go on after the last page taken.")
      .def_property_readonly(
          "schema",
          [](Reader& self) {
            wait_for_schema(usable(self.holder));
            return usable(self.holder).pages->schema().fields;
          },
          "The columns: a list of Field. Waits for the first page where they are inferred.")
      .def(
          "arrow_schema",
          [](Reader& self) {
            wait_for_schema(usable(self.holder));
            return schema_capsule(usable(self.holder).pages->arrow_schema());
          },
          "The columns as an Arrow schema capsule.")
      .def(
          "unify",
          [](Reader& self, const std::vector<RecordBatch>& batches) {
            wait_for_schema(usable(self.holder));
            const SharedArrowSchema schema = usable(self.holder).pages->arrow_schema();
            const py::gil_scoped_release release;
            return RecordBatches{schema, unify(batches, schema)};
          },
          py::arg("batches"), "The batches of this reader's pages, all with the columns that it has now.")
      .def(
          "stats", [](Reader& self) { return stats_of(usable(self.holder)); },
          "Counts so far: pages, records, filtered, bytes (decompressed), requests, retries, waited_seconds, rescued, total.")
      .def(
          "next_now",
          [](Reader& self) {
            std::optional<Page> page;
            PageReader::Wait wait{};
            {
              EntityReader& reader = usable(self.holder);
              const py::gil_scoped_release release;
              wait = reader.pages->next_for(std::chrono::milliseconds(0), page);
            }
            hand_over_news();
            constexpr std::array<const char*, 4> states = {"page", "end", "pending", "passed"};
            return std::pair(states[static_cast<std::size_t>(wait)], std::move(page));
          },
          "Does not wait: ('page', Page), ('pending', None), ('passed', None) where conditions left nothing of a page, or ('end', None).")
      .def(
          "ready_fd", [](Reader& self) { return opened(usable(self.holder).pages->ready_fd()); },
          "A descriptor, the reader's own, that is readable when next_now() would not be pending; for an event loop.")
      .def_property_readonly(
          "sequential", [](Reader& self) { return usable(self.holder).sequential; },
          "Why it is read one page at a time although more was asked for; '' where it is as asked.")
      .def(
          "stream",
          [](Reader& self) {
            usable(self.holder);
            return open_stream(std::move(self.holder));
          },
          "Hands the reader over to an Arrow stream: (capsule, StreamOutcome). Its columns stay what they are from its first batch on.")
      .def(
          "stop",
          [](Reader& self) {
            if (self.holder != nullptr && self.holder->pages->is_usable()) self.holder->pages->stop();
          },
          "Ends what is in flight, and does not wait for its end as close() does.")
      .def("close", [](Reader& self) { self.holder.reset(); }, "Stops the producer and gives everything back. Idempotent.");
}

void bind_budget(py::module_& module) {
  py::class_<MemoryBudget, std::unique_ptr<MemoryBudget, py::nodelete>>(
      module, "MemoryBudget", "How many bytes the pages of all readers of this process may occupy until they are columns.")
      .def_property("max_bytes", &MemoryBudget::max_bytes, &MemoryBudget::set_max_bytes,
                    "The limit; each reader may hold one page beyond it, so that readers never wait for each other for ever.")
      .def_property_readonly("in_use", &MemoryBudget::in_use)
      .def_property_readonly("peak", &MemoryBudget::peak, "The most that was ever in use.");
  module.def("memory_budget", [] { return &MemoryBudget::process(); }, py::return_value_policy::reference, "The budget of this process.");
}

void bind_reading(py::module_& module) {
  py::class_<ReadRequest>(module, "ReadRequest", "What is to be read.")
      .def(py::init<>())
      .def_readwrite("entity", &ReadRequest::entity)
      .def_readwrite("columns", &ReadRequest::columns)
      .def_readwrite("filter", &ReadRequest::filter)
      .def_readwrite("raw_filter", &ReadRequest::raw_filter)
      .def_readwrite("order", &ReadRequest::order)
      .def_readwrite("modified_after", &ReadRequest::modified_after)
      .def_readwrite("cursor", &ReadRequest::cursor)
      .def_readwrite("page_size", &ReadRequest::page_size)
      .def_readwrite("limit", &ReadRequest::limit)
      .def_readwrite("token", &ReadRequest::token)
      .def_readwrite("prefetch", &ReadRequest::prefetch)
      .def_readwrite("parallel", &ReadRequest::parallel)
      .def_readwrite("ordered", &ReadRequest::ordered)
      .def_readwrite("max_bytes", &ReadRequest::max_bytes)
      .def_readwrite("count", &ReadRequest::count)
      .def(
          "set_schema",
          [](ReadRequest& self, const std::vector<std::pair<std::string, std::string>>& types, const std::string& mode,
             const std::string& nested) {
            self.types.clear();
            for (const auto& [name, type] : types) self.types.push_back(parse_type(name, type));
            self.schema_mode = schema_mode_from(mode);
            self.nested = nested_from(nested);
          },
          py::arg("types"), py::arg("mode"), py::arg("nested"), "Types by column; words, where \"\" is none. Raises ConfigError.");
  module.def(
      "read_entity",
      [](const std::shared_ptr<Connection>& connection, const ReadRequest& request) {
        return Reader{ReaderHolder(
            new EntityReader(run_interruptibly([&](std::stop_token stop) { return read_entity(connection, request, stop); })))};
      },
      py::arg("connection"), py::arg("request"));
  module.def(
      "start_read",
      [](const std::shared_ptr<Connection>& connection, const ReadRequest& request) {
        return PendingCallHolder(
            new PendingCall([connection, request](std::stop_token stop) { return read_entity(connection, request, std::move(stop)); },
                            [](EntityReader reader) { return py::cast(Reader{ReaderHolder(new EntityReader(std::move(reader)))}); }));
      },
      py::arg("connection"), py::arg("request"), py::keep_alive<0, 1>(), "read_entity() for an event loop: the result is a PageReader.");
  module.def(
      "explain_read",
      [](const std::shared_ptr<Connection>& connection, const ReadRequest& request, std::optional<std::uint64_t> records) {
        const ReadExplanation found = explain_read(*connection, request, records);
        py::typing::Dict<py::str, py::object> result;
        result["records"] = found.records;
        result["page_size"] = found.page_size;
        result["pages"] = found.pages;
        result["requests"] = found.requests;
        result["partitions"] = found.partitions;
        result["parallel"] = found.parallel;
        result["requests_per_second"] = found.requests_per_second;
        result["seconds_at_limit"] = found.seconds_at_limit;
        result["notes"] = found.notes;
        return result;
      },
      py::arg("connection"), py::arg("request"), py::arg("records") = py::none(),
      "What reading will take, as far as it can be told before anything is sent.");
}

}  // namespace

void bind_paging(py::module_& module) {
  on_main_thread();  // remembers the main thread while this runs on it
  py::class_<Page>(module, "Page", "A page of records and where to go on after it.")
      .def_readonly("batch", &Page::batch)
      .def_readonly("token", &Page::token)
      .def_readonly("total", &Page::total, "What the source says there is in all, where it was asked.");
  bind_reader(module);
  bind_budget(module);
  bind_reading(module);
}

}  // namespace switchgear::bindings

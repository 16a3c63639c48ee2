// batch/: records on their way to a source, and what became of each. Where they come from is Python (switchgear/write.py).
#include <pybind11/stl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "errors.hpp"
#include "gil.hpp"
#include "module.hpp"
#include "switchgear/base/process_stamp.hpp"
#include "switchgear/batch/batch_writer.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

/// A writer and the outcomes that nobody has taken yet; the core's threads put them there without the GIL.
class Writer {
  BatchWriter& usable() {
    process_.check("this writer");
    return *writer_;
  }

  template <class Work>
  auto interruptibly(Work work) {
    BatchWriter& writer = usable();
    return run_interruptibly([&writer, work = std::move(work)](std::stop_token stop) mutable {
      const std::stop_callback cancel(stop, [&writer] { writer.cancel(); });
      return work(writer);
    });
  }

 public:
  Writer(const std::shared_ptr<Connection>& connection, const WriteOptions& options) {
    writer_ = run_interruptibly([&](std::stop_token stop) {
      const auto keep = [this](WrittenRecord record) {
        const std::lock_guard lock(mutex_);
        outcomes_.push_back(std::move(record));
      };
      return std::make_unique<BatchWriter>(connection, options, keep, false, std::move(stop));
    });
  }
  ~Writer() {
    const py::gil_scoped_release release;
    if (process_.is_current()) {
      writer_.reset();
    } else {
      [[maybe_unused]] BatchWriter* const leaked = writer_.release();  // a forked child has none of its threads
    }
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  bool add(std::vector<std::string> records, bool maybe_sent) {
    return interruptibly([&](BatchWriter& writer) {
      bool goes_on = true;
      for (std::string& json : records) goes_on = writer.add({std::move(json), std::nullopt, maybe_sent});
      return goes_on;
    });
  }

  bool add_failed(std::string json, const std::string& category, std::string detail, std::string message, std::string hint) {
    Error error(category_from(category).value_or(Category::data), std::move(detail), std::move(message));
    error.hint = std::move(hint);
    return usable().add_failed({std::move(json), std::nullopt, false}, std::move(error));
  }

  WriteCounts finish() {
    return interruptibly([](BatchWriter& writer) { return writer.finish(); });
  }

  void cancel() { usable().cancel(); }
  WriteCounts counts() { return usable().counts(); }

  std::vector<WrittenRecord> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcomes_, {});
  }

 private:
  ProcessStamp process_;
  std::mutex mutex_;
  std::vector<WrittenRecord> outcomes_;
  std::unique_ptr<BatchWriter> writer_;  // last: its threads use the others
};

WriteOptions options_from(std::string entity, std::string op, std::size_t batch_size, double delay, std::size_t parallel,
                          const std::string& on_error, bool atomic, bool dry_run, std::string job_id, std::size_t max_record_bytes) {
  WriteOptions options;
  options.entity = std::move(entity);
  options.op = std::move(op);
  options.batch_size = batch_size;
  options.delay = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(delay));
  options.parallel = parallel;
  options.on_error = OnError::parse(on_error);
  options.atomic = atomic;
  options.dry_run = dry_run;
  options.job_id = std::move(job_id);
  options.max_record_bytes = max_record_bytes;
  return options;
}

}  // namespace

void bind_writing(py::module_& module) {
  module.def(
      "check_on_error", [](const std::string& text) { OnError::parse(text); }, py::arg("text"),
      "Raises ConfigError unless it is 'continue', 'stop', or a share such as '10%'.");
  py::class_<WriteCounts>(module, "WriteCounts", "How many records met which fate.")
      .def_readonly("ok", &WriteCounts::ok)
      .def_readonly("failed", &WriteCounts::failed)
      .def_readonly("unknown", &WriteCounts::unknown)
      .def_readonly("skipped", &WriteCounts::skipped)
      .def_readonly("batches", &WriteCounts::batches);
  py::class_<WrittenRecord>(module, "WrittenRecord", "What became of one record, and why.")
      .def_readonly("index", &WrittenRecord::index)
      .def_readonly("key", &WrittenRecord::key)
      .def_readonly("json", &WrittenRecord::json)
      .def_property_readonly("state", [](const WrittenRecord& self) { return std::string(to_string(self.state)); })
      .def_property_readonly("error",
                             [](const WrittenRecord& self) { return self.error ? to_python(*self.error) : py::object(py::none()); });
  py::class_<Writer>(module, "BatchWriter", "Writes records in batches.")
      .def(py::init([](const std::shared_ptr<Connection>& connection, std::string entity, std::string op, std::size_t batch_size,
                       double delay, std::size_t parallel, const std::string& on_error, bool atomic, bool dry_run, std::string job_id,
                       std::size_t max_record_bytes) {
             return std::make_unique<Writer>(connection, options_from(std::move(entity), std::move(op), batch_size, delay, parallel,
                                                                      on_error, atomic, dry_run, std::move(job_id), max_record_bytes));
           }),
           py::kw_only(), py::arg("connection"), py::arg("entity"), py::arg("op"), py::arg("batch_size"), py::arg("delay"),
           py::arg("parallel"), py::arg("on_error"), py::arg("atomic"), py::arg("dry_run"), py::arg("job_id"), py::arg("max_record_bytes"),
           py::keep_alive<1, 2>())
      .def("add", &Writer::add, py::arg("records"), py::arg("maybe_sent") = false,
           "Takes records as JSON texts; False: it has stopped and skips them. Waits where the source is slower.")
      .def("add_failed", &Writer::add_failed, py::arg("json"), py::arg("category"), py::arg("detail"), py::arg("message"), py::arg("hint"),
           "Takes a record that could not be put into JSON.")
      .def("finish", &Writer::finish, "Sends what is left and waits for all outcomes.")
      .def("cancel", &Writer::cancel, "Skips what is not sent yet and ends what is in flight.")
      .def("counts", &Writer::counts)
      .def("take", &Writer::take, "The outcomes since the last call that are not ok.");
}

}  // namespace switchgear::bindings

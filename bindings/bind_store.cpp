// store/: connections, secrets and jobs in one database. python/switchgear/hub.py makes of it what users see.
#include <pybind11/stl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errors.hpp"
#include "module.hpp"
#include "switchgear/connection/stored_tokens.hpp"
#include "switchgear/data/record_text.hpp"
#include "switchgear/store/connections.hpp"
#include "switchgear/store/description.hpp"
#include "switchgear/store/jobs.hpp"
#include "switchgear/store/secrets.hpp"
#include "switchgear/store/settings.hpp"
#include "switchgear/store/store.hpp"
#include "wall_time.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using WithoutGil = py::call_guard<py::gil_scoped_release>;

/// Words to what they mean. Throws Error(config) naming the word.
template <class State>
State state_from(const std::string& word, std::initializer_list<State> states) {
  std::string known;
  for (const State state : states) {
    if (word == to_string(state)) return state;
    known.append(known.empty() ? "" : ", ").append(to_string(state));
  }
  throw Error(Category::config, "state", "'" + word + "' is no state").with_hint("one of " + known);
}

std::optional<JobState> job_state(const std::optional<std::string>& word) {
  if (!word) return std::nullopt;
  using enum JobState;
  return state_from(*word, {queued, in_progress, paused, completed, failed, partial, cancelled});
}

std::optional<RecordState> record_state(const std::optional<std::string>& word) {
  if (!word) return std::nullopt;
  using enum RecordState;
  return state_from(*word, {failed, unknown, skipped});
}

/// A job while its records come in: they are looked at, given their keys, and cut into batches.
class Submission {
 public:
  Submission(JobStore& jobs, const JobSpec& spec, std::size_t batch_size, std::size_t max_batch_bytes, std::vector<std::string> key,
             std::size_t max_record_bytes, std::string order_key)
      : submission_(jobs.submit(spec)),
        inspector_(rules(std::move(key), spec.op, max_record_bytes)),
        batch_size_(batch_size),
        max_batch_bytes_(max_batch_bytes),
        order_key_(std::move(order_key)) {}

  void add(std::vector<std::string> texts) {
    for (std::string& text : texts) {
      InspectedRecord found = inspector_.inspect(text);
      if (found.problem) {
        found.problem->message = "record " + std::to_string(records_) + ": " + found.problem->message;
        throw Error(*found.problem);
      }
      if (!texts_.empty() && (texts_.size() == batch_size_ || bytes_ + text.size() > max_batch_bytes_)) cut();
      bytes_ += text.size();
      keys_.push_back(std::move(found.key));
      texts_.push_back(std::move(text));
      ++records_;
    }
  }

  Job finish() {
    cut();
    return submission_.finish();
  }

  std::int64_t records() const noexcept { return records_; }

 private:
  static RecordRules rules(std::vector<std::string> key, const std::string& op, std::size_t max_record_bytes) {
    RecordRules rules;
    rules.key_needed = !key.empty() && op != "create";
    rules.key = std::move(key);
    rules.max_bytes = max_record_bytes;
    return rules;
  }

  void cut() {
    if (texts_.empty()) return;
    std::vector<NewRecord> records;
    records.reserve(texts_.size());
    for (std::size_t i = 0; i < texts_.size(); ++i) records.push_back({keys_[i], texts_[i]});
    submission_.add(records, order_key_);
    texts_.clear();
    keys_.clear();
    bytes_ = 0;
  }

  JobSubmission submission_;
  RecordInspector inspector_;
  std::size_t batch_size_, max_batch_bytes_;
  std::string order_key_;
  std::vector<std::string> texts_, keys_;
  std::size_t bytes_ = 0;
  std::int64_t records_ = 0;
};

void bind_connections(py::module_& module) {
  py::class_<StoredAuth>(module, "StoredAuth", "Credentials as the store keeps them.")
      .def(py::init<>())
      .def_readwrite("type", &StoredAuth::type)
      .def_readwrite("settings_json", &StoredAuth::settings_json)
      .def_readwrite("secrets", &StoredAuth::secrets, "References only.");
  py::class_<StoredConnection>(module, "StoredConnection", "A connection as the store keeps it.")
      .def(py::init<>())
      .def_readwrite("id", &StoredConnection::id)
      .def_readwrite("connector", &StoredConnection::connector)
      .def_readwrite("config_json", &StoredConnection::config_json)
      .def_readwrite("secrets", &StoredConnection::secrets, "References only.")
      .def_readwrite("auth", &StoredConnection::auth)
      .def_readwrite("network_json", &StoredConnection::network_json)
      .def_readwrite("policies_json", &StoredConnection::policies_json)
      .def_readwrite("entities_json", &StoredConnection::entities_json)
      .def_readwrite("schedule", &StoredConnection::schedule)
      .def_readwrite("timezone", &StoredConnection::timezone)
      .def_readwrite("destination", &StoredConnection::destination)
      .def_property(
          "state", [](const StoredConnection& self) { return std::string(to_string(self.state)); },
          [](StoredConnection& self, const std::string& word) {
            using enum ConnectionState;
            self.state = state_from(word, {active, paused, disconnected});
          },
          "active, paused or disconnected.")
      .def_property(
          "owner", [](const StoredConnection& self) { return std::string(to_string(self.owner)); },
          [](StoredConnection& self, const std::string& word) {
            using enum ConnectionOwner;
            self.owner = state_from(word, {hub, file});
          },
          "hub or file.")
      .def_readwrite("version", &StoredConnection::version, "Counts changes.")
      .def_property_readonly("created_at", [](const StoredConnection& self) { return to_datetime(self.created_at); })
      .def_property_readonly("updated_at", [](const StoredConnection& self) { return to_datetime(self.updated_at); });
  py::class_<ConnectionStore>(module, "ConnectionStore", "Connections by id.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def("add", &ConnectionStore::add, py::arg("connection"), WithoutGil(), "Raises Conflict for an id that is taken.")
      .def("update", &ConnectionStore::update, py::arg("connection"), WithoutGil(), "Raises Conflict where it was changed meanwhile.")
      .def("get", &ConnectionStore::get, py::arg("id"), WithoutGil(), "Raises NotFound with the nearest id.")
      .def("all", &ConnectionStore::list, WithoutGil(), "By id.");
}

void bind_job(py::module_& module) {
  py::class_<Job>(module, "JobRow", "A job as it was when it was looked at.")
      .def_readonly("id", &Job::id)
      .def_property_readonly("connection_id", [](const Job& job) { return job.spec.connection_id; })
      .def_property_readonly("entity", [](const Job& job) { return job.spec.entity; })
      .def_property_readonly("op", [](const Job& job) { return job.spec.op; })
      .def_property_readonly("priority", [](const Job& job) { return job.spec.priority; })
      .def_property_readonly("not_before", [](const Job& job) { return to_datetime(job.spec.not_before); })
      .def_property_readonly("max_attempts", [](const Job& job) { return job.spec.max_attempts; })
      .def_property_readonly("state", [](const Job& job) { return std::string(to_string(job.state)); })
      .def_property_readonly("is_final", [](const Job& job) { return is_final(job.state); })
      .def_property_readonly("records", [](const Job& job) { return job.counts.records; })
      .def_property_readonly("ok", [](const Job& job) { return job.counts.ok; })
      .def_property_readonly("failed", [](const Job& job) { return job.counts.failed; })
      .def_property_readonly("unknown", [](const Job& job) { return job.counts.unknown; })
      .def_property_readonly("skipped", [](const Job& job) { return job.counts.skipped; })
      .def_property_readonly("pending", [](const Job& job) { return job.counts.pending(); })
      .def_readonly("batches", &Job::batches)
      .def_readonly("open_batches", &Job::open_batches)
      .def_property_readonly("created_at", [](const Job& job) { return to_datetime(job.created_at); })
      .def_property_readonly("started_at", [](const Job& job) { return to_datetime(job.started_at); })
      .def_property_readonly("finished_at", [](const Job& job) { return to_datetime(job.finished_at); })
      .def_readonly("error_code", &Job::error_code)
      .def_readonly("error", &Job::error);
  py::class_<JobOutcome>(module, "JobOutcome", "A record of a job that was not written.")
      .def_readonly("index", &JobOutcome::index)
      .def_readonly("key", &JobOutcome::key)
      .def_readonly("json", &JobOutcome::json)
      .def_readonly("attempt", &JobOutcome::attempt)
      .def_property_readonly("state", [](const JobOutcome& self) { return std::string(to_string(self.outcome.state)); })
      .def_property_readonly("error", [](const JobOutcome& self) {
        const RecordOutcome& outcome = self.outcome;
        return to_python(Error(outcome.category, outcome.detail, outcome.message).with_hint(outcome.hint).with_retry(outcome.retryable));
      });
}

void bind_jobs(py::module_& module) {
  py::class_<Submission>(module, "JobSubmission", "A job while its records come in; nobody sees it before finish().")
      .def("add", &Submission::add, py::arg("records"), WithoutGil(), "Takes records as JSON texts. Raises DataError for a bad one.")
      .def("finish", &Submission::finish, WithoutGil(), "The job is on disk.")
      .def_property_readonly("records", &Submission::records);
  py::class_<JobStore>(module, "JobStore", "Jobs by id.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def(
          "submit",
          [](JobStore& jobs, std::string connection_id, std::string entity, std::string op, std::string options_json, std::int64_t priority,
             std::optional<double> not_before, std::int64_t max_attempts, std::size_t batch_size, std::size_t max_batch_bytes,
             std::vector<std::string> key, std::size_t max_record_bytes, std::string order_key) {
            JobSpec spec;
            spec.connection_id = std::move(connection_id);
            spec.entity = std::move(entity);
            spec.op = std::move(op);
            spec.options_json = std::move(options_json);
            spec.priority = priority;
            if (not_before) spec.not_before = from_seconds(*not_before);
            spec.max_attempts = max_attempts;
            return std::make_unique<Submission>(jobs, spec, batch_size, max_batch_bytes, std::move(key), max_record_bytes,
                                                std::move(order_key));
          },
          py::kw_only(), py::arg("connection_id"), py::arg("entity"), py::arg("op"), py::arg("options_json"), py::arg("priority"),
          py::arg("not_before"), py::arg("max_attempts"), py::arg("batch_size"), py::arg("max_batch_bytes"), py::arg("key"),
          py::arg("max_record_bytes"), py::arg("order_key"), py::keep_alive<0, 1>(), WithoutGil())
      .def("get", &JobStore::get, py::arg("id"), WithoutGil(), "Raises NotFound.")
      .def(
          "page",
          [](JobStore& jobs, std::string connection_id, const std::optional<std::string>& state, std::string after, std::int64_t limit) {
            return jobs.list({std::move(connection_id), job_state(state), std::move(after), limit});
          },
          py::kw_only(), py::arg("connection_id") = "", py::arg("state") = py::none(), py::arg("after") = "", py::arg("limit") = 100,
          WithoutGil(), "The newest first; `after` the last id of the page before.")
      .def("pause", &JobStore::pause, py::arg("id"), WithoutGil())
      .def("resume", &JobStore::resume, py::arg("id"), WithoutGil())
      .def("cancel", &JobStore::cancel, py::arg("id"), WithoutGil())
      .def(
          "retry",
          [](JobStore& jobs, const std::string& id, bool only_retryable, bool unknown) {
            return jobs.retry(id, {only_retryable, unknown});
          },
          py::arg("id"), py::kw_only(), py::arg("only_retryable") = false, py::arg("unknown") = false, WithoutGil())
      .def(
          "outcomes",
          [](JobStore& jobs, const std::string& id, const std::optional<std::string>& state, std::int64_t after, std::int64_t limit) {
            return jobs.outcomes(id, {record_state(state), after, limit});
          },
          py::arg("id"), py::kw_only(), py::arg("state") = py::none(), py::arg("after") = -1, py::arg("limit") = 1000, WithoutGil(),
          "Records that are not ok, by index; `after` the last index of the page before.")
      .def("limit_connection", &JobStore::limit_connection, py::arg("connection_id"), py::arg("max_running"), WithoutGil())
      .def(
          "purge", [](JobStore& jobs, double before) { return jobs.purge(from_seconds(before)); }, py::arg("before"), WithoutGil(),
          "Removes jobs that ended before then (seconds since 1970), and submissions whose process died. How many jobs.");
}

}  // namespace

void bind_store(py::module_& module) {
  py::class_<StoreDescription>(module, "StoreDescription", "What there is to say of a store itself.")
      .def_readonly("schema_version", &StoreDescription::schema_version, "Of its tables.")
      .def_readonly("bytes", &StoreDescription::bytes, "That its database takes up on disk.");
  py::class_<Store, std::shared_ptr<Store>>(module, "Store", "The database with all state.")
      .def(py::init([](const std::string& url) { return std::make_shared<Store>(url); }), py::arg("url"), WithoutGil())
      .def(py::init([](const std::string& url, Clock& clock) { return std::make_shared<Store>(url, DatabaseOptions{}, clock); }),
           py::arg("url"), py::arg("clock"), py::keep_alive<1, 3>(), WithoutGil())
      .def_property_readonly("display", &Store::display, "Its URL, without a password.")
      .def_property_readonly(
          "kind", [](const Store& store) { return store.kind() == DatabaseKind::sqlite ? "sqlite" : "postgresql"; },
          "sqlite or postgresql.")
      .def("describe", &describe, WithoutGil(), "Its version and size.");
  py::class_<SettingStore>(module, "SettingStore", "Single values by name that all who use the store share.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def("find", &SettingStore::find, py::arg("name"), WithoutGil(), "None: there is none.")
      .def("put", &SettingStore::put, py::arg("name"), py::arg("value"), WithoutGil())
      .def("erase", &SettingStore::erase, py::arg("name"), WithoutGil());
  py::class_<SecretStore>(module, "SecretStore", "Secrets that come into being here, sealed.")
      .def(py::init<Store&, std::optional<Secret>>(), py::arg("store"), py::arg("key") = py::none(), py::keep_alive<1, 2>())
      .def("names", &SecretStore::names, WithoutGil())
      .def("erase", &SecretStore::erase, py::arg("name"), WithoutGil())
      .def("change_key", &SecretStore::change_key, py::arg("key"), WithoutGil(), "Seals all of them with another key.");
  py::class_<StoredTokens, TokenStore, std::shared_ptr<StoredTokens>>(module, "StoredTokens",
                                                                      "Refresh tokens, sealed in the store; processes take turns.")
      .def(py::init([](Store& store, std::optional<Secret> key) { return std::make_shared<StoredTokens>(store, std::move(key)); }),
           py::arg("store"), py::arg("key") = py::none(), py::keep_alive<1, 2>());
  bind_connections(module);
  bind_job(module);
  bind_jobs(module);
}

}  // namespace switchgear::bindings

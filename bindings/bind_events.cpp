// store/ and webhook/: events, endpoints, deliveries and their sender. python/switchgear/events.py and endpoints.py make of it what users
// see.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errors.hpp"
#include "module.hpp"
#include "news.hpp"
#include "switchgear/base/process_stamp.hpp"
#include "switchgear/webhook/sender.hpp"
#include "wall_time.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using WithoutGil = py::call_guard<py::gil_scoped_release>;

std::optional<WallTime> maybe_time(std::optional<double> seconds) { return seconds ? std::optional(from_seconds(*seconds)) : std::nullopt; }

Reach reach_from(const std::string& word) {
  for (const Reach reach : {Reach::online, Reach::offline, Reach::auth_required}) {
    if (word == to_string(reach)) return reach;
  }
  throw Error(Category::config, "event", "'" + word + "' says nothing of a connection").with_hint("online, offline or auth_required");
}

std::optional<DeliveryState> delivery_state(const std::optional<std::string>& word) {
  if (!word) return std::nullopt;
  for (const DeliveryState state :
       {DeliveryState::pending, DeliveryState::sending, DeliveryState::delivered, DeliveryState::retry, DeliveryState::dead}) {
    if (*word == to_string(state)) return state;
  }
  throw Error(Category::config, "state", "'" + *word + "' is no state of a delivery")
      .with_hint("one of pending, sending, delivered, retry, dead");
}

/// The sender on a thread of Python that waits for it.
class Sender {
 public:
  Sender(Store& store, SecretStore& secrets, SenderOptions options) : sender_(store, secrets, std::move(options)) {}

  void run() {
    process_.check("this sender");
    std::optional<py::error_already_set> interrupted;
    {
      const py::gil_scoped_release release;
      sender_.run([&] {
        const py::gil_scoped_acquire acquire;
        hand_over_news();
        const bool ends = ends_.exchange(false);
        if (PyErr_CheckSignals() == 0) return !ends;
        py::error_already_set now;  // takes the error: what is under way ends first
        if (!interrupted) interrupted.emplace(std::move(now));
        return false;
      });
    }
    hand_over_news();
    if (interrupted) throw py::error_already_set(std::move(*interrupted));
  }

  void stop() { ends_ = true; }
  SenderStats stats() const { return sender_.stats(); }

 private:
  ProcessStamp process_;
  WebhookSender sender_;
  std::atomic<bool> ends_{false};
};

void bind_stored_events(py::module_& module) {
  py::class_<StoredEvent>(module, "EventRow", "An event as the store has it.")
      .def_readonly("number", &StoredEvent::number)
      .def_readonly("id", &StoredEvent::id)
      .def_readonly("type", &StoredEvent::type)
      .def_readonly("connection_id", &StoredEvent::connection_id)
      .def_property_readonly("occurred_at", [](const StoredEvent& self) { return to_datetime(self.occurred_at); })
      .def_property_readonly("recorded_at", [](const StoredEvent& self) { return to_datetime(self.recorded_at); })
      .def_readonly("body", &StoredEvent::body, "JSON, as it is sent.")
      .def_readonly("test", &StoredEvent::test);
  py::class_<EventStore>(module, "EventStore", "What happened, with its deliveries.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def(
          "record",
          [](EventStore& events, std::string type, std::string data_json, std::string connection_id, std::string id,
             std::optional<double> occurred_at) {
            return events.record({std::move(type), std::move(data_json), std::move(connection_id), std::move(id), maybe_time(occurred_at)});
          },
          py::arg("type"), py::arg("data_json"), py::kw_only(), py::arg("connection_id") = "", py::arg("id") = "",
          py::arg("occurred_at") = py::none(), WithoutGil(), "Its id. One with this id that is there stays as it is.")
      .def(
          "page",
          [](EventStore& events, std::string connection_id, std::string type, std::optional<double> since,
             std::optional<std::int64_t> after, bool tests, std::int64_t limit) {
            return events.list({std::move(connection_id), std::move(type), maybe_time(since), after, tests, limit});
          },
          py::kw_only(), py::arg("connection_id") = "", py::arg("type") = "", py::arg("since") = py::none(), py::arg("after") = py::none(),
          py::arg("tests") = false, py::arg("limit") = 100, WithoutGil(), "The newest first; behind a number: the oldest first.")
      .def("get", &EventStore::get, py::arg("id"), WithoutGil(), "Raises NotFound.")
      .def(
          "connection_seen",
          [](EventStore& events, const std::string& id, const std::string& reach, const std::string& error_json) {
            return events.connection_seen(id, reach_from(reach), error_json);
          },
          py::arg("connection_id"), py::arg("reach"), py::arg("error_json") = "", WithoutGil(), "Whether that was an event.")
      .def(
          "remove_before", [](EventStore& events, double before) { return events.remove_before(from_seconds(before)); }, py::arg("before"),
          WithoutGil(), "Removes what was recorded before then (seconds since 1970) and has no delivery left. How many.");
  module.def("event_id", &event_id, py::arg("what"), "The same for the same words.");
}

void bind_endpoints(py::module_& module) {
  py::class_<StoredEndpoint>(module, "StoredEndpoint", "An endpoint as the store has it; its keys are not in it.")
      .def(py::init<>())
      .def_readwrite("id", &StoredEndpoint::id)
      .def_readwrite("url", &StoredEndpoint::url)
      .def_readwrite("events_json", &StoredEndpoint::events_json)
      .def_readwrite("filter_json", &StoredEndpoint::filter_json)
      .def_readwrite("schedule_json", &StoredEndpoint::schedule_json)
      .def_readwrite("ordered", &StoredEndpoint::ordered)
      .def_readwrite("rate", &StoredEndpoint::rate)
      .def_readwrite("subnets_json", &StoredEndpoint::subnets_json)
      .def_readwrite("ca_file", &StoredEndpoint::ca_file)
      .def_property(
          "owner", [](const StoredEndpoint& self) { return std::string(to_string(self.owner)); },
          [](StoredEndpoint& self, const std::string& word) {
            self.owner = word == to_string(ConnectionOwner::file) ? ConnectionOwner::file : ConnectionOwner::hub;
          })
      .def_readonly("enabled", &StoredEndpoint::enabled)
      .def_readonly("reason", &StoredEndpoint::reason)
      .def_property_readonly("throttled_until", [](const StoredEndpoint& self) { return to_datetime(self.throttled_until); })
      .def_readonly("version", &StoredEndpoint::version)
      .def_property_readonly("created_at", [](const StoredEndpoint& self) { return to_datetime(self.created_at); })
      .def_property_readonly("updated_at", [](const StoredEndpoint& self) { return to_datetime(self.updated_at); });
  py::class_<EndpointKey>(module, "EndpointKey", "What signs: a key or a reference to one.")
      .def_readonly("text", &EndpointKey::text)
      .def_property_readonly("until", [](const EndpointKey& self) { return to_datetime(self.until); }, "None: the present one.");
  py::class_<EndpointStore>(module, "EndpointStore", "Endpoints by id.")
      .def(py::init<Store&, SecretStore&>(), py::arg("store"), py::arg("secrets"), py::keep_alive<1, 2>(), py::keep_alive<1, 3>())
      .def(
          "add",
          [](EndpointStore& endpoints, const StoredEndpoint& endpoint, const std::string& key) {
            check_endpoint(endpoint, {key});
            return endpoints.add(endpoint, key);
          },
          py::arg("endpoint"), py::arg("key"), WithoutGil(), "As it is stored.")
      .def(
          "update",
          [](EndpointStore& endpoints, const StoredEndpoint& endpoint) {
            check_endpoint(endpoint, {});
            return endpoints.update(endpoint);
          },
          py::arg("endpoint"), WithoutGil())
      .def(
          "rotate",
          [](EndpointStore& endpoints, const std::string& id, const std::string& key, double keep) {
            check_endpoint(endpoints.get(id), {key});
            return endpoints.rotate(id, key, microseconds_of(keep));
          },
          py::arg("id"), py::arg("key"), py::arg("keep"), WithoutGil(), "The keys before sign, too, for `keep` seconds.")
      .def("remove", &EndpointStore::remove, py::arg("id"), WithoutGil())
      .def("enable", &EndpointStore::enable, py::arg("id"), WithoutGil())
      .def("disable", &EndpointStore::disable, py::arg("id"), py::arg("reason"), WithoutGil())
      .def("find", &EndpointStore::find, py::arg("id"), WithoutGil())
      .def("get", &EndpointStore::get, py::arg("id"), WithoutGil(), "Raises NotFound with the nearest id.")
      .def("all", &EndpointStore::list, WithoutGil(), "By id.")
      .def("keys", &EndpointStore::keys, py::arg("id"), WithoutGil(), "Those that sign now, the present one first.");
}

void bind_deliveries(py::module_& module) {
  py::class_<Delivery>(module, "DeliveryRow", "An event on its way to an endpoint.")
      .def_readonly("id", &Delivery::id)
      .def_readonly("event_id", &Delivery::event_id)
      .def_readonly("type", &Delivery::type)
      .def_readonly("connection_id", &Delivery::connection_id)
      .def_readonly("endpoint_id", &Delivery::endpoint_id)
      .def_property_readonly("state", [](const Delivery& self) { return std::string(to_string(self.state)); })
      .def_readonly("attempts", &Delivery::attempts)
      .def_property_readonly("due_at", [](const Delivery& self) { return to_datetime(self.due_at); })
      .def_property_readonly("last_at", [](const Delivery& self) { return to_datetime(self.last_at); })
      .def_readonly("status", &Delivery::status, "0: no reply came.")
      .def_readonly("error", &Delivery::error, "JSON; '' where there is none.")
      .def_readonly("response", &Delivery::response)
      .def_property_readonly("created_at", [](const Delivery& self) { return to_datetime(self.created_at); })
      .def_property_readonly("finished_at", [](const Delivery& self) { return to_datetime(self.finished_at); });
  py::class_<DeliveryStore>(module, "DeliveryStore", "Deliveries by id.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def(
          "page",
          [](DeliveryStore& deliveries, const std::optional<std::string>& state, std::string endpoint_id, std::string event_id,
             std::int64_t before, std::int64_t limit) {
            return deliveries.list({delivery_state(state), std::move(endpoint_id), std::move(event_id), before, limit});
          },
          py::kw_only(), py::arg("state") = py::none(), py::arg("endpoint_id") = "", py::arg("event_id") = "", py::arg("before") = 0,
          py::arg("limit") = 100, WithoutGil(), "The newest first; `before` the last id of the page before.")
      .def("get", &DeliveryStore::get, py::arg("id"), WithoutGil(), "Raises NotFound.")
      .def("redeliver", &DeliveryStore::redeliver, py::arg("id"), WithoutGil(), "Raises NotFound, Conflict.")
      .def("test", &DeliveryStore::test, py::arg("endpoint_id"), py::arg("type"), py::arg("data_json"), WithoutGil(),
           "A sample for this endpoint alone. The delivery's id.")
      .def("next_due",
           [](DeliveryStore& deliveries) {
             std::optional<WallTime> next;
             {
               const py::gil_scoped_release release;
               next = deliveries.next_due();
             }
             return to_datetime(next);
           })
      .def(
          "remove_before", [](DeliveryStore& deliveries, double before) { return deliveries.remove_before(from_seconds(before)); },
          py::arg("before"), WithoutGil(), "Removes what came to its end before then (seconds since 1970). How many.");
}

}  // namespace

void bind_events(py::module_& module) {
  bind_stored_events(module);
  bind_endpoints(module);
  bind_deliveries(module);
  py::class_<SenderStats>(module, "SenderStats", "What a sender has done so far.")
      .def_readonly("attempts", &SenderStats::attempts)
      .def_readonly("delivered", &SenderStats::delivered)
      .def_readonly("failed", &SenderStats::failed, "Attempts.")
      .def_readonly("dead", &SenderStats::dead, "Deliveries that are not tried again.");
  py::class_<Sender>(module, "WebhookSender", "Sends what is due to its endpoints.")
      .def(py::init([](Store& store, SecretStore& secrets, std::string name, std::size_t concurrency, std::size_t per_endpoint,
                       double lease, double timeout, bool until_idle, std::string proxy) {
             SenderOptions options;
             options.name = std::move(name);
             options.concurrency = concurrency;
             options.per_endpoint = per_endpoint;
             options.lease = microseconds_of(lease);
             options.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(microseconds_of(timeout));
             options.until_idle = until_idle;
             options.proxy = std::move(proxy);
             return std::make_unique<Sender>(store, secrets, std::move(options));
           }),
           py::arg("store"), py::arg("secrets"), py::kw_only(), py::arg("name") = "", py::arg("concurrency") = 64,
           py::arg("per_endpoint") = 16, py::arg("lease") = 30.0, py::arg("timeout") = 10.0, py::arg("until_idle") = false,
           py::arg("proxy") = "none", py::keep_alive<1, 2>(), py::keep_alive<1, 3>())
      .def("run", &Sender::run, "Sends until stop(), a signal, or until nothing is due.")
      .def("stop", &Sender::stop, "Claim nothing more, and return once what is under way has ended; again: end it now.")
      .def("stats", &Sender::stats);
  module.def(
      "delivery_pauses",
      [](const std::string& schedule_json) {
        std::vector<double> seconds;
        for (const auto pause : delivery_pauses(schedule_json)) seconds.push_back(std::chrono::duration<double>(pause).count());
        return seconds;
      },
      py::arg("schedule_json"), "Seconds before each further attempt, without chance.");
}

}  // namespace switchgear::bindings

// store/: webhooks that came. python/switchgear/inbox.py makes of it what users see.
#include <pybind11/stl.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "module.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/store/inbox.hpp"
#include "wall_time.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using WithoutGil = py::call_guard<py::gil_scoped_release>;

InboxState state_from(const std::string& word) {
  for (const InboxState state : {InboxState::waiting, InboxState::in_progress, InboxState::done, InboxState::failed}) {
    if (word == to_string(state)) return state;
  }
  throw Error(Category::config, "state", "'" + word + "' is no state of a webhook").with_hint("waiting, in_progress, done or failed");
}

}  // namespace

void bind_inbox(py::module_& module) {
  py::class_<InboxMessage>(module, "InboxMessage", "A webhook that came.")
      .def_readonly("connection_id", &InboxMessage::connection_id)
      .def_readonly("id", &InboxMessage::id)
      .def_readonly("type", &InboxMessage::type, "As its sender calls it.")
      .def_property_readonly("occurred_at", [](const InboxMessage& self) { return to_datetime(self.occurred_at); })
      .def_readonly("content_type", &InboxMessage::content_type)
      .def_property_readonly("body", [](const InboxMessage& self) { return py::bytes(self.body); })
      .def_readonly("data_json", &InboxMessage::data_json, "JSON; empty: the body is none.")
      .def_property_readonly("received_at", [](const InboxMessage& self) { return to_datetime(self.received_at); })
      .def_property_readonly(
          "state", [](const InboxMessage& self) { return std::string(to_string(self.state)); }, "waiting, in_progress, done or failed.")
      .def_readonly("attempts", &InboxMessage::attempts)
      .def_property_readonly("due_at", [](const InboxMessage& self) { return to_datetime(self.due_at); })
      .def_readonly("error", &InboxMessage::error, "JSON; empty: none.");
  py::class_<InboxStore>(module, "InboxStore", "Webhooks that came, verified, each once.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def("set_sender", &InboxStore::set_sender, py::arg("connection_id"), py::arg("settings_json"), WithoutGil(),
           "JSON; empty: none are taken any more. Raises NotFound.")
      .def("sender", &InboxStore::sender, py::arg("connection_id"), WithoutGil())
      .def(
          "put",
          [](InboxStore& self, std::string connection_id, std::string id, std::string type, std::optional<double> occurred_at,
             std::string content_type, const py::bytes& body, std::string data_json) {
            InboxMessage message;
            message.connection_id = std::move(connection_id);
            message.id = std::move(id);
            message.type = std::move(type);
            if (occurred_at) message.occurred_at = from_seconds(*occurred_at);
            message.content_type = std::move(content_type);
            message.body = body;
            message.data_json = std::move(data_json);
            const py::gil_scoped_release release;
            return self.put(message);
          },
          py::kw_only(), py::arg("connection_id"), py::arg("id"), py::arg("type"), py::arg("occurred_at"), py::arg("content_type"),
          py::arg("body"), py::arg("data_json"), "On disk when it returns. False: it came before.")
      .def(
          "claim", [](InboxStore& self, double lease, std::int64_t most) { return self.claim(microseconds_of(lease), most); },
          py::arg("lease"), py::arg("most"), WithoutGil(), "Those that are due, the oldest first. `lease`: seconds.")
      .def(
          "settle",
          [](InboxStore& self, const InboxMessage& claimed, const std::string& error_json, std::optional<double> due_at) {
            return self.settle(claimed, error_json, due_at ? std::optional(from_seconds(*due_at)) : std::nullopt);
          },
          py::arg("claimed"), py::arg("error_json"), py::arg("due_at"), WithoutGil(), "False: its lease has run out.")
      .def(
          "list",
          [](InboxStore& self, std::string connection_id, const std::optional<std::string>& state, std::int64_t limit) {
            InboxFilter filter;
            filter.connection_id = std::move(connection_id);
            if (state) filter.state = state_from(*state);
            filter.limit = limit;
            return self.list(filter);
          },
          py::arg("connection_id"), py::arg("state"), py::arg("limit"), WithoutGil(), "The newest first, without their bodies.")
      .def("get", &InboxStore::get, py::arg("connection_id"), py::arg("id"), WithoutGil(), "Raises NotFound.")
      .def("again", &InboxStore::again, py::arg("connection_id"), py::arg("id"), WithoutGil(), "Raises NotFound, Conflict.")
      .def(
          "remove_before", [](InboxStore& self, double before) { return self.remove_before(from_seconds(before)); }, py::arg("before"),
          WithoutGil(), "Seconds since 1970; how many those were.");
}

}  // namespace switchgear::bindings

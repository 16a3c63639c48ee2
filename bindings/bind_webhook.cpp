// webhook/: events, CloudEvents and their handshake. python/switchgear/webhooks.py makes of it what users see.
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "json_builder.hpp"
#include "module.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/webhook/envelope.hpp"
#include "wall_time.hpp"
#include "webhook_objects.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using OptionalText = std::optional<std::string>;

OptionalText text_or_none(const std::string& text) { return text.empty() ? std::nullopt : OptionalText(text); }

std::optional<WallTime> time_from(const py::object& given) {
  if (given.is_none()) return std::nullopt;
  if (!py::hasattr(given, "timestamp") || given.attr("tzinfo").is_none()) {
    throw Error(Category::config, "webhook", "an event's timestamp is no datetime with a zone").with_hint("datetime.now(timezone.utc)");
  }
  return from_seconds(given.attr("timestamp")().cast<double>());
}

WebhookEventObject make_event(const OptionalText& id, const OptionalText& type, const py::object& timestamp,
                              const OptionalText& connection_id, const py::object& data, const py::object& raw, const TextDict& attributes,
                              std::optional<bool> has_data) {
  WebhookEventObject made;
  made.event.id = id.value_or("");
  made.event.type = type.value_or("");
  made.event.timestamp = time_from(timestamp);
  made.event.connection_id = connection_id.value_or("");
  for (const auto& [name, value] : attributes) made.event.attributes.emplace_back(name.cast<std::string>(), value.cast<std::string>());
  if (has_data.value_or(!data.is_none())) made.event.kind = py::isinstance<py::bytes>(data) ? EventData::binary : EventData::json;
  made.data = data;
  made.raw = raw;
  return made;
}

TextDict attributes_of(const WebhookEventObject& self) {
  TextDict result;
  for (const auto& [name, value] : self.event.attributes) result[py::str(name)] = py::str(value);
  return result;
}

py::typing::Tuple<py::object, py::ellipsis> state_of(const WebhookEventObject& self) {
  return py::make_tuple(text_or_none(self.event.id), text_or_none(self.event.type), to_datetime(self.event.timestamp),
                        text_or_none(self.event.connection_id), self.data, self.raw, attributes_of(self),
                        self.event.kind != EventData::none);
}

WebhookEventObject from_state(const py::typing::Tuple<py::object, py::ellipsis>& state) {
  return make_event(state[0].cast<OptionalText>(), state[1].cast<OptionalText>(), state[2], state[3].cast<OptionalText>(), state[4],
                    state[5], state[6], state[7].cast<bool>());
}

/// What was read as JSON once; only a number that is too long for Python can be wrong with it.
py::object json_into_python(const std::string& text, KeyCache& keys) {
  JsonBuilder builder(keys);
  try {
    read_json(text, builder);
  } catch (const Error& error) {
    if (error.category != Category::protocol) throw;
    throw Error(Category::signature, "malformed_body", error.message).with_hint(error.hint);
  }
  return builder.take();
}

std::vector<WebhookEventObject> parse(const py::object& body, const py::object& headers, std::size_t max_body_bytes) {
  WebhookLimits limits;
  limits.max_body_bytes = max_body_bytes;
  const BodyBytes bytes(body, limits);
  const NameValues names(headers, "headers");
  std::vector<WebhookEventObject> result;
  KeyCache keys;
  for (WebhookEvent& event : parse_events({bytes.view(), names.views()}, limits)) {
    py::object data = py::none();
    if (event.kind == EventData::binary) data = py::bytes(event.data);
    if (event.kind == EventData::json) data = json_into_python(event.data, keys);
    result.push_back({std::move(event), std::move(data), bytes.bytes()});
  }
  return result;
}

std::string json_of(const py::object& data) {
  const py::module_ json = py::module_::import("json");
  return json
      .attr("dumps")(data, py::arg("ensure_ascii") = false, py::arg("allow_nan") = false, py::arg("separators") = py::make_tuple(",", ":"))
      .cast<std::string>();
}

py::typing::Tuple<TextDict, py::bytes> write(const std::vector<const WebhookEventObject*>& given, const std::string& mode) {
  std::vector<WebhookEvent> events;
  for (const WebhookEventObject* each : given) {
    events.push_back(each->event);
    if (each->event.kind == EventData::json) events.back().data = json_of(each->data);
    if (each->event.kind == EventData::binary) events.back().data = each->data.cast<std::string>();
  }
  const CloudEventMode written_as = mode == "batch"    ? CloudEventMode::batch
                                    : mode == "binary" ? CloudEventMode::binary
                                                       : CloudEventMode::structured;
  const WrittenEvents written = write_cloud_events(events, written_as);
  return py::make_tuple(to_dict(written.headers), py::bytes(written.body));
}

std::optional<TextDict> handshake(const py::object& headers, const std::vector<std::string>& origins,
                                  std::optional<std::uint32_t> per_minute) {
  const NameValues names(headers, "headers");
  const auto answer = answer_handshake(names.views(), {origins, per_minute});
  if (!answer) return std::nullopt;
  return to_dict(*answer);
}

void bind_event(py::module_& module) {
  py::class_<WebhookEventObject>(module, "WebhookEvent", "What a webhook says, whoever sent it. Immutable.")
      .def(py::init(&make_event), py::kw_only(), py::arg("id") = py::none(), py::arg("type") = py::none(),
           py::arg("timestamp") = py::none(), py::arg("connection_id") = py::none(), py::arg("data") = py::none(),
           py::arg("raw") = py::bytes(), py::arg("attributes") = TextDict(), py::arg("has_data") = py::none())
      .def_property_readonly(
          "id", [](const WebhookEventObject& self) { return text_or_none(self.event.id); },
          "The message's id; None where its sender has none.")
      .def_property_readonly(
          "type", [](const WebhookEventObject& self) { return text_or_none(self.event.type); },
          "Such as 'sync.failed'; None where the message has none.")
      .def_property_readonly(
          "timestamp", [](const WebhookEventObject& self) { return to_datetime(self.event.timestamp); },
          "A datetime in UTC: when it happened where the body says so, else when it was sent; None where neither is known.")
      .def_property_readonly(
          "connection_id", [](const WebhookEventObject& self) { return text_or_none(self.event.connection_id); },
          "The data's connection_id; None where it has none.")
      .def_readonly("data", &WebhookEventObject::data, "What json.loads makes of it, or bytes; None where there is none, see has_data.")
      .def_readonly("raw", &WebhookEventObject::raw, "The bytes of the whole body.")
      .def_property_readonly(
          "has_data", [](const WebhookEventObject& self) { return self.event.kind != EventData::none; },
          "Tells data that is null from none.")
      .def_property_readonly("attributes", &attributes_of,
                             "Of CloudEvents, as texts: source, specversion, subject, time and the extensions.")
      .def(
          "to_dict",
          [](const py::object& self) {
            const py::object time = self.attr("timestamp");
            py::typing::Dict<py::str, py::object> result;
            for (const char* name : {"id", "type"}) result[name] = self.attr(name);
            result["timestamp"] = time.is_none() ? time : time.attr("isoformat")();
            for (const char* name : {"connection_id", "data", "attributes"}) result[name] = self.attr(name);
            return result;
          },
          "All but the body, for JSON.")
      .def("__eq__",
           [](const WebhookEventObject& self, const py::object& other) {
             return py::isinstance<WebhookEventObject>(other) && state_of(self).equal(state_of(other.cast<const WebhookEventObject&>()));
           })
      .def("__hash__", [](const WebhookEventObject& self) { return py::hash(py::make_tuple(self.event.id, self.event.type)); })
      .def(py::pickle(&state_of, &from_state))
      .def("__repr__", [](const WebhookEventObject& self) {
        return "Event(id=" + py::repr(py::cast(text_or_none(self.event.id))).cast<std::string>() +
               ", type=" + py::repr(py::cast(text_or_none(self.event.type))).cast<std::string>() +
               ", connection_id=" + py::repr(py::cast(text_or_none(self.event.connection_id))).cast<std::string>() + ")";
      });
}

}  // namespace

void bind_webhook(py::module_& module) {
  bind_event(module);
  bind_webhook_signing(module);
  module.def("parse_webhook", &parse, py::arg("body"), py::arg("headers"), py::arg("max_body_bytes"),
             "The events of a message. See switchgear.webhooks.parse.");
  module.def("write_cloud_events", &write, py::arg("events"), py::arg("mode"), "Headers and body. See switchgear.webhooks.cloud_events.");
  module.def("answer_handshake", &handshake, py::arg("headers"), py::arg("origins"), py::arg("per_minute"),
             "The headers to answer OPTIONS with, or None. See switchgear.webhooks.handshake.");
}

}  // namespace switchgear::bindings

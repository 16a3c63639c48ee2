// data/: schemas and record batches.
#include <pybind11/stl.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "arrow.hpp"
#include "module.hpp"
#include "switchgear/data/json_page.hpp"
#include "switchgear/data/page_columns.hpp"
#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/schema.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

void bind_schema(py::module_& module) {
  py::class_<Field>(module, "Field", "One column: name, type and what the type needs. Immutable.")
      .def_readonly("name", &Field::name)
      .def_property_readonly(
          "type", [](const Field& field) { return std::string(to_string(field.type)); },
          "bool, int64, uint64, float64, utf8, binary, date, time, timestamp, decimal, json, struct or list.")
      .def_readonly("nullable", &Field::nullable)
      .def_readonly("precision", &Field::precision, "Digits in all; of a decimal.")
      .def_readonly("scale", &Field::scale, "Digits behind the point; of a decimal.")
      .def_readonly("utc", &Field::utc, "Whether a timestamp is an instant (True) or local, without zone.")
      .def_readonly("children", &Field::children, "Members of a struct, or the one item of a list.")
      .def("__eq__", [](const Field& a, const py::object& b) { return py::isinstance<Field>(b) && a == b.cast<const Field&>(); })
      .def("__hash__", [](const Field& field) { return std::hash<std::string>()(field.name); })
      .def("__str__", &type_text, "The type with all that it needs, as read(schema=) takes it: decimal(12,3), list<utf8>.")
      .def("__repr__", [](const Field& field) { return "Field('" + field.name + "', " + type_text(field) + ")"; });
  module.def(
      "check_schema_options",
      [](const std::vector<std::pair<std::string, std::string>>& types, const std::string& mode, const std::string& nested) {
        for (const auto& [name, type] : types) parse_type(name, type);
        schema_mode_from(mode);
        nested_from(nested);
      },
      py::arg("types"), py::arg("mode"), py::arg("nested"), "Raises ConfigError for what read_entity() would refuse.");
}

void bind_batch(py::module_& module) {
  py::class_<RecordBatch>(module, "RecordBatch", "Records as Arrow columns. Immutable; any Arrow consumer reads it without a copy.")
      .def("__len__", [](const RecordBatch& batch) { return static_cast<std::size_t>(batch.length()); })
      .def_property_readonly("nbytes", &RecordBatch::bytes, "Bytes of all columns.")
      .def_property_readonly(
          "schema", [](const RecordBatch& batch) { return from_arrow_schema(*batch.schema()).fields; }, "The columns: a list of Field.")
      .def("to_pylist", &to_pylist, "A list with a dict for each record.")
      .def(
          "__arrow_c_schema__", [](const RecordBatch& batch) { return schema_capsule(batch.schema()); }, "Arrow PyCapsule interface.")
      .def(
          "__arrow_c_array__", [](const RecordBatch& batch, const py::object&) { return array_capsules(batch); },
          py::arg("requested_schema") = py::none(),
          "Arrow PyCapsule interface; `requested_schema` is not acted upon, as the interface allows.");
}

py::capsule stream_of(const RecordBatches& pages) {
  ::ArrowArrayStream stream{};
  make_stream(
      pages.schema,
      [batches = pages.batches, next = std::size_t{0}]() mutable {
        return next < batches.size() ? batches[next++].array() : SharedArrowArray();
      },
      &stream);
  return stream_capsule(stream);
}

void bind_batches(py::module_& module) {
  py::class_<RecordBatches>(module, "RecordBatches", "Batches of one schema; any Arrow consumer reads them without a copy.")
      .def("__len__", [](const RecordBatches& pages) { return pages.batches.size(); })
      .def(
          "__iter__", [](const RecordBatches& pages) { return py::make_iterator(pages.batches.begin(), pages.batches.end()); },
          py::keep_alive<0, 1>())
      .def(
          "__arrow_c_schema__", [](const RecordBatches& pages) { return schema_capsule(pages.schema); }, "Arrow PyCapsule interface.")
      .def(
          "__arrow_c_stream__", [](const RecordBatches& pages, const py::object&) { return stream_of(pages); },
          py::arg("requested_schema") = py::none(),
          "Arrow PyCapsule interface; `requested_schema` is not acted upon, as the interface allows.");
}

RecordBatch parse_json(const std::string& body, const std::string& records, const std::optional<std::string>& control,
                       const std::map<std::string, std::string>& schema, const std::optional<std::string>& nested) {
  const py::gil_scoped_release release;
  PageColumnsOptions options;
  for (const auto& [name, type] : schema) options.overrides.push_back(parse_type(name, type));
  options.nested = nested_from(nested.value_or(""));
  PageColumns columns(std::move(options));
  const JsonPage page(Buffer(body), {records, {}, {}, {}, {}, control.value_or("")});
  columns.look_at(page, SIZE_MAX);
  columns.settle();
  return columns.read(page);
}

}  // namespace

void bind_data(py::module_& module) {
  bind_schema(module);
  bind_batch(module);
  bind_batches(module);
  module.def("parse_json", &parse_json, py::arg("body"), py::arg("records") = "", py::arg("control") = py::none(), py::kw_only(),
             py::arg("schema") = std::map<std::string, std::string>{}, py::arg("nested") = py::none(),
             "The records of one JSON text as columns, with types inferred from all of them. `records` is the JSON pointer (RFC 6901) to "
             "the array of objects; members whose name contains `control` are left out. `schema` gives some columns a type, "
             "{\"Cost\": \"decimal(12,3)\"}; `nested` is what becomes of objects and arrays: json, struct or flatten. Raises "
             "ProtocolError for broken JSON, ConfigError for an unknown type or column.");
}

}  // namespace switchgear::bindings

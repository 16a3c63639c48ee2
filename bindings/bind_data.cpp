// data/: schemas and record batches.
#include <pybind11/stl.h>

#include <string>

#include "arrow.hpp"
#include "module.hpp"
#include "switchgear/data/json_columns.hpp"
#include "switchgear/data/json_page.hpp"
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
      .def("__repr__", [](const Field& field) { return "Field('" + field.name + "', " + std::string(to_string(field.type)) + ")"; });
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

RecordBatch parse_json(const std::string& body, const std::string& records, const std::optional<std::string>& control) {
  const py::gil_scoped_release release;
  JsonPage page(Buffer(body), {records, {}, {}, {}, {}, control.value_or("")});
  JsonColumns columns(page.infer(SIZE_MAX).value_or(Schema{}));
  return columns.read(page);
}

}  // namespace

void bind_data(py::module_& module) {
  bind_schema(module);
  bind_batch(module);
  module.def("parse_json", &parse_json, py::arg("body"), py::arg("records") = "", py::arg("control") = py::none(),
             "The records of one JSON text as columns, with types inferred from all of them. `records` is the JSON pointer (RFC 6901) to "
             "the array of objects; members whose name contains `control` are left out. Raises ProtocolError for broken JSON.");
}

}  // namespace switchgear::bindings

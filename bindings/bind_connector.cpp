// connector/: manifests, entities, finding and loading connectors.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "errors.hpp"
#include "module.hpp"
#include "switchgear/connector/loader.hpp"
#include "switchgear/connector/manifest.hpp"
#include "switchgear/connector/plugin.hpp"
#include "switchgear/connector/registry.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

void bind_manifest(py::module_& module) {
  py::class_<ConfigKey>(module, "ConfigKey", "A setting that a connector takes.")
      .def_readonly("name", &ConfigKey::name)
      .def_readonly("type", &ConfigKey::type, "text, url, int, float, bool or json.")
      .def_readonly("required", &ConfigKey::required)
      .def_readonly("default_value", &ConfigKey::default_value, "As text.")
      .def_readonly("doc", &ConfigKey::doc);
  py::class_<EntityInfo>(module, "EntityInfo", "An entity as its connector describes it.")
      .def_readonly("name", &EntityInfo::name)
      .def_property_readonly(
          "fields", [](const EntityInfo& entity) { return entity.schema.fields; },
          "Its columns; empty where they are only known after reading.")
      .def_readonly("key", &EntityInfo::key)
      .def_readonly("cursor", &EntityInfo::cursor, "The field by which changes can be asked for; empty: none.")
      .def_readonly("ops", &EntityInfo::ops)
      .def_property_readonly("properties", [](const EntityInfo& entity) {
        py::typing::Dict<py::str, py::str> properties;
        for (const auto& [name, value] : entity.properties) properties[py::str(name)] = value;
        return properties;
      });
  py::class_<Manifest>(module, "Manifest", "What a connector says about itself before any of its code runs.")
      .def_readonly("name", &Manifest::name)
      .def_readonly("version", &Manifest::version)
      .def_readonly("doc", &Manifest::doc)
      .def_readonly("secrets", &Manifest::secrets)
      .def_readonly("config", &Manifest::config)
      .def_readonly("entities", &Manifest::entities)
      .def_readonly("pushdown", &Manifest::pushdown)
      .def("to_json", &Manifest::to_json);
}

void bind_registry(py::module_& module) {
  py::class_<ConnectorPlace>(module, "ConnectorPlace", "A folder or file in which connectors are looked for, and who named it.")
      .def(py::init([](std::string path, std::string origin) { return ConnectorPlace{std::move(path), std::move(origin)}; }),
           py::arg("path"), py::arg("origin"))
      .def_readonly("path", &ConnectorPlace::path)
      .def_readonly("origin", &ConnectorPlace::origin);
  py::class_<FoundConnector>(module, "FoundConnector", "A shared library that was found in one of the places.")
      .def_readonly("path", &FoundConnector::path)
      .def_readonly("origin", &FoundConnector::origin)
      .def_readonly("manifest", &FoundConnector::manifest)
      .def_readonly("shadowed_by", &FoundConnector::shadowed_by, "The path of the one of the same name that wins; empty for the winner.")
      .def_property_readonly(
          "problem", [](const FoundConnector& found) { return found.problem ? to_python(*found.problem) : py::object(py::none()); },
          "Why the file is no usable connector; None if it is one.");
  py::class_<Plugin, std::shared_ptr<Plugin>>(module, "Plugin", "A loaded connector. It stays loaded for the life of the process.")
      .def_property_readonly("manifest", &Plugin::manifest)
      .def_property_readonly("path", &Plugin::path)
      .def("offers", &Plugin::offers, py::arg("slot"), "Whether it has discover, plan or write_batch.");
  py::class_<ConnectorRegistry>(module, "ConnectorRegistry", "Finds connectors by name, in the order of its places.")
      .def(py::init<std::vector<ConnectorPlace>>(), py::arg("places"))
      .def_static("default_places", &ConnectorRegistry::default_places, py::arg("entry_points"), py::arg("bundled"))
      .def_property_readonly("places", &ConnectorRegistry::places)
      .def("found", &ConnectorRegistry::list, py::call_guard<py::gil_scoped_release>(),
           "All that is there, broken and shadowed ones too; runs no code of theirs.")
      .def("load", &ConnectorRegistry::load, py::arg("name"), py::arg("sha256") = "", py::call_guard<py::gil_scoped_release>(),
           "The connector of that name or path. Raises ConfigError for an unknown one, PluginError for one that can't be used.");
  module.def("inspect_connector", &inspect_connector, py::arg("path"),
             "The manifest in a library's .sgmanifest section; runs no code of it.");
  module.def("file_sha256", &file_sha256, py::arg("path"), "A file's SHA-256 in hexadecimal, as a pin takes it.");
}

}  // namespace

void bind_connector(py::module_& module) {
  bind_manifest(module);
  bind_registry(module);
}

}  // namespace switchgear::bindings

// store/: who may use the HTTP interface, and what it answered. python/switchgear/server/ makes of it what users see.
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "module.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/store/api_tokens.hpp"
#include "switchgear/store/idempotency_keys.hpp"
#include "wall_time.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using WithoutGil = py::call_guard<py::gil_scoped_release>;

ApiScope scope_from(const std::string& word) {
  for (const ApiScope scope : {ApiScope::read, ApiScope::operate}) {
    if (word == to_string(scope)) return scope;
  }
  throw Error(Category::config, "scope", "'" + word + "' is no scope of a token").with_hint("read or operate");
}

}  // namespace

void bind_tokens(py::module_& module) {
  py::class_<ApiToken>(module, "ApiToken", "Who may use the HTTP interface; its text is not kept.")
      .def_readonly("id", &ApiToken::id)
      .def_readonly("name", &ApiToken::name)
      .def_property_readonly(
          "scope", [](const ApiToken& self) { return std::string(to_string(self.scope)); }, "read or operate.")
      .def_readonly("connections", &ApiToken::connections, "These only; None: all.")
      .def_property_readonly("created_at", [](const ApiToken& self) { return to_datetime(self.created_at); })
      .def_property_readonly("expires_at", [](const ApiToken& self) { return to_datetime(self.expires_at); })
      .def_property_readonly("revoked_at", [](const ApiToken& self) { return to_datetime(self.revoked_at); })
      .def_property_readonly("last_used_at", [](const ApiToken& self) { return to_datetime(self.last_used_at); });
  py::class_<ApiTokenStore>(module, "ApiTokenStore", "Tokens of the HTTP interface, by hash.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def(
          "create",
          [](ApiTokenStore& tokens, std::string name, const std::string& scope, std::optional<std::vector<std::string>> connections,
             std::optional<double> expires_at) {
            ApiToken wanted;
            wanted.name = std::move(name);
            wanted.scope = scope_from(scope);
            wanted.connections = std::move(connections);
            if (expires_at) wanted.expires_at = from_seconds(*expires_at);
            return tokens.create(wanted);
          },
          py::kw_only(), py::arg("name"), py::arg("scope"), py::arg("connections") = py::none(), py::arg("expires_at") = py::none(),
          WithoutGil(), "The token and its text, which is nowhere else. `expires_at`: seconds since 1970.")
      .def("find", &ApiTokenStore::find, py::arg("text"), WithoutGil(), "The token that this text is, if it holds now.")
      .def("all", &ApiTokenStore::list, WithoutGil(), "The newest first.")
      .def("revoke", &ApiTokenStore::revoke, py::arg("id"), WithoutGil(), "Raises NotFound with the nearest id.")
      .def("any", &ApiTokenStore::any, WithoutGil(), "Whether there ever was one.")
      .def("signing_key", [](ApiTokenStore& tokens) { return py::bytes(tokens.signing_key()); }, "32 bytes, the same for all.");
  py::class_<KeptReply>(module, "KeptReply", "What there is of an earlier request with the same Idempotency-Key.")
      .def_readonly("fingerprint", &KeptReply::fingerprint)
      .def_readonly("status", &KeptReply::status, "0: no reply yet.")
      .def_readonly("body", &KeptReply::body)
      .def_property_readonly("begun_at", [](const KeptReply& self) { return to_datetime(self.begun_at); });
  py::class_<IdempotencyStore>(module, "IdempotencyStore", "Replies by Idempotency-Key.")
      .def(py::init<Store&>(), py::arg("store"), py::keep_alive<1, 2>())
      .def("claim", &IdempotencyStore::claim, py::arg("owner"), py::arg("key"), py::arg("fingerprint"), WithoutGil(),
           "None: it is ours now.")
      .def("finish", &IdempotencyStore::finish, py::arg("owner"), py::arg("key"), py::arg("status"), py::arg("body"), WithoutGil())
      .def("release", &IdempotencyStore::release, py::arg("owner"), py::arg("key"), WithoutGil(), "Nothing was done.");
}

}  // namespace switchgear::bindings

// http/: transports. The classes that users see are thin ones of Python above these (connection.py, testing/).
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "gil.hpp"
#include "module.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/secret.hpp"
#include "switchgear/http/recorded_transport.hpp"
#include "switchgear/http/transport.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

/// Rounded up, so that a very short limit does not become none. What no clock can hold is refused before it is converted.
std::chrono::milliseconds timeout_of(const char* name, double seconds) {
  constexpr double longest = 365.0 * 24 * 3600;
  if (!(seconds >= 0 && seconds <= longest)) {
    throw Error(Category::config, "timeout",
                std::string("the timeout `") + name + "` is " + std::to_string(seconds) + "; it must be from 0 to 31536000 seconds")
        .with_hint("0 is no limit");
  }
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

TransportOptions transport_options(double connect, double stalled, double total, const TlsOptions& tls, std::string proxy,
                                   std::uint64_t max_reply_bytes, bool http2, std::string user_agent) {
  TransportOptions options;
  options.timeouts = {timeout_of("connect", connect), timeout_of("stalled", stalled), timeout_of("total", total)};
  options.tls = tls;
  options.proxy = std::move(proxy);
  options.max_reply_bytes = max_reply_bytes;
  options.http2 = http2;
  options.user_agent = std::move(user_agent);
  return options;
}

TlsOptions tls_options(bool verify, std::string ca_file, std::string cert_file, std::string key_file, std::string key_password,
                       std::string pinned_public_key) {
  return {verify, std::move(ca_file), std::move(cert_file), std::move(key_file), std::move(key_password), std::move(pinned_public_key)};
}

using Reply = py::typing::Tuple<py::int_, py::typing::List<py::typing::Tuple<py::str, py::str>>, py::bytes, py::str, py::str>;

Reply send(Transport& transport, const std::string& method, const std::string& url,
           const std::vector<std::pair<std::string, std::string>>& headers, const std::string& body) {
  HttpRequest request;
  request.method = method;
  request.url = url;
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  request.body = body;
  const HttpResponse response = run_interruptibly([&](std::stop_token stop) { return transport.send(request, stop); });
  py::list pairs;
  for (const auto& [name, value] : response.headers) pairs.append(py::make_tuple(name, value));
  return py::make_tuple(response.status, pairs, py::bytes(response.body.data(), response.body.size()), response.url, response.http_version);
}

void bind_transport(py::module_& module) {
  py::class_<Redactor, std::shared_ptr<Redactor>>(module, "Redactor", "Replaces known secret values by '***'.")
      .def(py::init<>())
      .def("add", &Redactor::add, py::arg("value"))
      .def("redact", &Redactor::redact, py::arg("text"));
  py::class_<TlsOptions>(module, "TlsOptions")
      .def(py::init(&tls_options), py::kw_only(), py::arg("verify") = true, py::arg("ca_file") = "", py::arg("cert_file") = "",
           py::arg("key_file") = "", py::arg("key_password") = "", py::arg("pinned_public_key") = "");
  py::class_<TransportOptions>(module, "TransportOptions")
      .def(py::init(&transport_options), py::kw_only(), py::arg("connect") = 10.0, py::arg("stalled") = 30.0, py::arg("total") = 300.0,
           py::arg_v("tls", TlsOptions{}, "TlsOptions()"), py::arg("proxy") = "", py::arg("max_reply_bytes") = std::uint64_t{256} << 20U,
           py::arg("http2") = true, py::arg("user_agent") = "switchgear");
  py::class_<Transport, std::shared_ptr<Transport>>(module, "Transport", "The way out to a source: libcurl, with connections kept open.")
      .def(py::init([](TransportOptions options) { return std::shared_ptr<Transport>(make_curl_transport(std::move(options))); }),
           py::arg("options"))
      .def("send", &send, py::arg("method"), py::arg("url"), py::arg("headers") = std::vector<std::pair<std::string, std::string>>{},
           py::arg("body") = "",
           "One request, without a connector: (status, headers, body, url, http_version). Any status is a reply; raises where there was "
           "none.");
  py::class_<RecordedTransport, Transport, std::shared_ptr<RecordedTransport>>(module, "RecordedTransport",
                                                                               "Exchanges written to a file, or answered from one.")
      .def_static(
          "record",
          [](std::string path, std::shared_ptr<Transport> real, std::shared_ptr<Redactor> redactor) {
            return std::shared_ptr<RecordedTransport>(RecordedTransport::record(std::move(path), std::move(real), std::move(redactor)));
          },
          py::arg("path"), py::arg("real"), py::arg("redactor"), "Sends through `real` and writes what happened to the file, anew.")
      .def_static(
          "replay",
          [](const std::string& path, std::shared_ptr<Redactor> redactor) {
            return std::shared_ptr<RecordedTransport>(RecordedTransport::replay(path, std::move(redactor)));
          },
          py::arg("path"), py::arg("redactor"), "Answers from the file; a request that is not in it raises ConfigError.");
  module.def("set_fallback_ca_file", &set_fallback_ca_file, py::arg("path"), "The CA bundle to use where the system has none.");
  module.def(
      "find_ca_file", [] { return find_ca_file(""); }, "The CA bundle that is used where a connection names none; empty: there is none.");
}

}  // namespace

void bind_http(py::module_& module) { bind_transport(module); }

}  // namespace switchgear::bindings

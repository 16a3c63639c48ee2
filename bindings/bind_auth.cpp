// http/: authentication. The classes that users see are thin ones of Python above these (auth.py, oauth2.py, sessions.py).
#include <pybind11/stl.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "module.hpp"
#include "switchgear/base/secret.hpp"
#include "switchgear/http/auth.hpp"
#include "switchgear/http/cookie_login.hpp"
#include "switchgear/http/csrf.hpp"
#include "switchgear/http/oauth2.hpp"
#include "switchgear/http/token_store.hpp"
#include "switchgear/http/transport.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

OAuth2Options oauth2_options(std::string token_url, std::string client_id, Secret client_secret, bool secret_in_body, std::string scope,
                             Fields parameters) {
  OAuth2Options options;
  options.token_url = std::move(token_url);
  options.client_id = std::move(client_id);
  options.client_secret = std::move(client_secret);
  options.client_auth = secret_in_body ? OAuth2Options::ClientAuth::body : OAuth2Options::ClientAuth::basic;
  options.scope = std::move(scope);
  options.parameters = std::move(parameters);
  return options;
}

void bind_given_secrets(py::module_& module) {
  py::class_<Authenticator, std::shared_ptr<Authenticator>>(module, "Authenticator");
  py::class_<BasicAuth, Authenticator, std::shared_ptr<BasicAuth>>(module, "BasicAuth")
      .def(py::init<std::string, Secret, std::shared_ptr<Redactor>>(), py::arg("user"), py::arg("password"), py::arg("redactor"));
  py::class_<BearerAuth, Authenticator, std::shared_ptr<BearerAuth>>(module, "BearerAuth")
      .def(py::init<Secret, std::shared_ptr<Redactor>>(), py::arg("token"), py::arg("redactor"));
  py::class_<ApiKey, Authenticator, std::shared_ptr<ApiKey>>(module, "ApiKey")
      .def(py::init([](bool in_query, std::string name, Secret key, std::shared_ptr<Redactor> redactor) {
             return std::make_shared<ApiKey>(in_query ? ApiKey::Place::query : ApiKey::Place::header, std::move(name), std::move(key),
                                             std::move(redactor));
           }),
           py::arg("in_query"), py::arg("name"), py::arg("key"), py::arg("redactor"));
}

void bind_token_stores(py::module_& module) {
  py::class_<TokenStore, std::shared_ptr<TokenStore>>(module, "TokenStore",
                                                      "Where refresh tokens outlive the process. Its tokens are not for show: it has no "
                                                      "way to read them from Python.");
  py::class_<MemoryTokenStore, TokenStore, std::shared_ptr<MemoryTokenStore>>(module, "MemoryTokenStore",
                                                                              "Forgets all tokens with the process.")
      .def(py::init<>())
      .def("__repr__", [](const MemoryTokenStore&) { return "MemoryTokenStore()"; });
  py::class_<FileTokenStore, TokenStore, std::shared_ptr<FileTokenStore>>(
      module, "FileTokenStore",
      "One JSON file that only its owner may read (0600), replaced as a whole; any number of processes may share it. A file that others "
      "may read is refused with StoreError.")
      .def(py::init([](std::string path) { return std::make_shared<FileTokenStore>(std::move(path)); }), py::arg("path"))
      .def_property_readonly("path", &FileTokenStore::path)
      .def(py::pickle([](const FileTokenStore& store) { return py::str(store.path()); },
                      [](const py::str& path) { return std::make_shared<FileTokenStore>(std::string(path)); }))
      .def(
          "__eq__",
          [](const FileTokenStore& store, const py::object& other) {
            return py::isinstance<FileTokenStore>(other) && store.path() == other.cast<const FileTokenStore&>().path();
          },
          py::arg("other"), "Two stores are equal if they are the same file, by name.")
      .def("__hash__", [](const FileTokenStore& store) { return std::hash<std::string>()(store.path()); })
      .def("__repr__",
           [](const FileTokenStore& store) { return "FileTokenStore(" + std::string(py::str(py::repr(py::str(store.path())))) + ")"; });
}

void bind_oauth2(py::module_& module) {
  py::class_<OAuth2Options>(module, "OAuth2Options")
      .def(py::init(&oauth2_options), py::kw_only(), py::arg("token_url"), py::arg("client_id"), py::arg("client_secret"),
           py::arg("secret_in_body"), py::arg("scope"), py::arg("parameters"));
  py::class_<OAuth2ClientCredentials, Authenticator, std::shared_ptr<OAuth2ClientCredentials>>(module, "OAuth2ClientCredentials")
      .def(py::init([](OAuth2Options options, std::shared_ptr<Transport> transport, std::shared_ptr<Redactor> redactor) {
             return std::make_shared<OAuth2ClientCredentials>(std::move(options),
                                                              OAuth2Services{std::move(transport), std::move(redactor)});
           }),
           py::arg("options"), py::arg("transport"), py::arg("redactor"));
  py::class_<OAuth2RefreshToken, Authenticator, std::shared_ptr<OAuth2RefreshToken>>(module, "OAuth2RefreshToken")
      .def(py::init([](OAuth2Options options, Secret refresh_token, std::shared_ptr<TokenStore> store, std::string store_key,
                       std::shared_ptr<Transport> transport, std::shared_ptr<Redactor> redactor) {
             return std::make_shared<OAuth2RefreshToken>(std::move(options), std::move(refresh_token), std::move(store),
                                                         std::move(store_key), OAuth2Services{std::move(transport), std::move(redactor)});
           }),
           py::arg("options"), py::arg("refresh_token"), py::arg("store"), py::arg("store_key"), py::arg("transport"), py::arg("redactor"));
}

void bind_sessions(py::module_& module) {
  py::class_<CookieLogin, Authenticator, std::shared_ptr<CookieLogin>>(module, "CookieLogin")
      .def(py::init([](std::string login_url, std::string user, Secret password, std::string user_field, std::string password_field,
                       Fields fields, bool as_json, std::string session_cookie, std::shared_ptr<Transport> transport,
                       std::shared_ptr<Redactor> redactor) {
             CookieLoginOptions options;
             options.login_url = std::move(login_url);
             options.user = std::move(user);
             options.password = std::move(password);
             options.user_field = std::move(user_field);
             options.password_field = std::move(password_field);
             options.fields = std::move(fields);
             options.format = as_json ? CookieLoginOptions::Format::json : CookieLoginOptions::Format::form;
             options.session_cookie = std::move(session_cookie);
             return std::make_shared<CookieLogin>(std::move(options), std::move(transport), std::move(redactor));
           }),
           py::kw_only(), py::arg("login_url"), py::arg("user"), py::arg("password"), py::arg("user_field"), py::arg("password_field"),
           py::arg("fields"), py::arg("as_json"), py::arg("session_cookie"), py::arg("transport"), py::arg("redactor"));
  py::class_<CsrfToken, Authenticator, std::shared_ptr<CsrfToken>>(module, "CsrfToken")
      .def(py::init([](std::string fetch_url, std::string fetch_method, std::string header,
                       const std::optional<std::shared_ptr<Authenticator>>& credentials, std::shared_ptr<Transport> transport,
                       std::shared_ptr<Redactor> redactor) {
             return std::make_shared<CsrfToken>(CsrfOptions{std::move(fetch_url), std::move(fetch_method), std::move(header)},
                                                credentials.value_or(nullptr), std::move(transport), std::move(redactor));
           }),
           py::kw_only(), py::arg("fetch_url"), py::arg("fetch_method"), py::arg("header"), py::arg("credentials"), py::arg("transport"),
           py::arg("redactor"));
}

}  // namespace

void bind_auth(py::module_& module) {
  bind_given_secrets(module);
  bind_token_stores(module);
  bind_oauth2(module);
  bind_sessions(module);
}

}  // namespace switchgear::bindings

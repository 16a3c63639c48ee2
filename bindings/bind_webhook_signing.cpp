// webhook/: signing and verifying. python/switchgear/webhooks.py makes of it what users see.
#include <pybind11/stl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "json_builder.hpp"
#include "policy_objects.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/webhook/signature.hpp"
#include "wall_time.hpp"
#include "webhook_objects.hpp"

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

struct VerifierObject {
  ClockReference time;
  WebhookVerifier verifier;
  py::object seen;
  mutable KeyCache keys;  // of the data's members: messages of one sender are alike

  VerifierObject(const std::vector<std::string>& secrets, WebhookOptions options, py::object clock, py::object guard)
      : time(std::move(clock)), verifier(secrets, std::move(options), time.clock), seen(std::move(guard)) {}
};

struct SignerObject {
  ClockReference time;
  WebhookSigner signer;

  SignerObject(const std::vector<std::string>& secrets, WebhookOptions options, py::object clock)
      : time(std::move(clock)), signer(secrets, std::move(options), time.clock) {}
};

template <class Value>
Value one_of(const std::string& word, const char* what, std::initializer_list<std::pair<const char*, Value>> known) {
  std::string all;
  for (const auto& [name, value] : known) {
    if (word == name) return value;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  throw Error(Category::config, "webhook", "there is no " + std::string(what) + " '" + word.substr(0, 60) + "'")
      .with_hint("there are " + all);
}

HmacRecipe recipe_from(const py::object& given) {
  const auto text = [&given](const char* name) { return given.attr(name).cast<std::string>(); };
  HmacRecipe recipe;
  recipe.header = text("header");
  recipe.algorithm =
      one_of<HashAlgorithm>(text("algorithm"), "algorithm",
                            {{"sha1", HashAlgorithm::sha1}, {"sha256", HashAlgorithm::sha256}, {"sha512", HashAlgorithm::sha512}});
  recipe.encoding =
      one_of<SignatureEncoding>(text("encoding"), "encoding", {{"hex", SignatureEncoding::hex}, {"base64", SignatureEncoding::base64}});
  recipe.prefix = text("prefix");
  recipe.content = text("template");
  recipe.timestamp_header = text("timestamp_header");
  recipe.id_header = text("id_header");
  return recipe;
}

WebhookOptions options_from(const std::string& scheme, const py::object& recipe, const py::object& tolerance, std::size_t max_body_bytes) {
  WebhookOptions options;
  options.scheme = webhook_scheme_from(scheme);
  if (!recipe.is_none()) options.recipe = recipe_from(recipe);
  const auto limit = optional_duration_from(tolerance, "tolerance");
  options.tolerance = limit ? std::optional(std::chrono::ceil<std::chrono::seconds>(*limit)) : std::nullopt;
  options.limits.max_body_bytes = max_body_bytes;
  return options;
}

void check_replay(const py::object& seen, const VerifiedWebhook& verified, const WebhookEvent& event) {
  const std::string key = event.id.empty() ? std::string(verified.signature) : event.id;
  if (!seen(key).cast<bool>()) return;
  throw Error(Category::signature, "replayed", "the message was here before: its id is '" + key.substr(0, 80) + "'")
      .with_hint("answer 2xx, so that the sender does not send it again; what it says was done before");
}

WebhookEventObject verify(const VerifierObject& self, const py::object& body, const py::object& headers, const py::object& url,
                          const py::object& params) {
  const WebhookOptions& options = self.verifier.options();
  const BodyBytes bytes(body, options.limits);
  const NameValues names(headers, "headers");
  const auto form = optional_name_values(params, "params");
  WebhookMessage message{bytes.view(), names.views()};
  const std::string address = url.is_none() ? std::string() : url.cast<std::string>();
  message.url = address;
  if (form) message.params = form->views();
  const VerifiedWebhook verified = self.verifier.verify(message);
  JsonBuilder builder(self.keys);
  WebhookEventObject result{read_event(message, verified, options, &builder), {}, bytes.bytes()};
  result.data = builder.take();
  if (!self.seen.is_none()) check_replay(self.seen, verified, result.event);
  return result;
}

std::optional<WallTime> instant_from(const py::object& given) {
  if (given.is_none()) return std::nullopt;
  if (!py::hasattr(given, "timestamp")) return from_seconds(number_from(given, "timestamp", "a datetime, or seconds since 1970"));
  if (given.attr("tzinfo").is_none()) {
    throw Error(Category::config, "webhook", "the timestamp is a datetime without a zone").with_hint("datetime.now(timezone.utc)");
  }
  return from_seconds(given.attr("timestamp")().cast<double>());
}

TextDict sign(const SignerObject& self, const py::object& body, const std::optional<std::string>& id, const py::object& timestamp,
              const std::optional<std::string>& url, const py::object& params) {
  WebhookLimits any_size;
  any_size.max_body_bytes = static_cast<std::size_t>(-1);
  const BodyBytes bytes(body, any_size);
  const auto form = optional_name_values(params, "params");
  WebhookToSign message{.body = bytes.view(), .id = id.value_or(""), .timestamp = instant_from(timestamp), .url = url.value_or("")};
  if (form) message.params = form->views();
  return to_dict(self.signer.sign(message));
}

}  // namespace

void bind_webhook_signing(py::module_& module) {
  py::class_<VerifierObject>(module, "WebhookVerifier", "The compiled part of switchgear.webhooks.Verifier.")
      .def(py::init([](const std::vector<std::string>& secrets, const std::string& scheme, const py::object& recipe,
                       const py::object& tolerance, std::size_t max_body_bytes, py::object seen, py::object clock) {
             return std::make_unique<VerifierObject>(secrets, options_from(scheme, recipe, tolerance, max_body_bytes), std::move(clock),
                                                     std::move(seen));
           }),
           py::arg("secrets"), py::kw_only(), py::arg("scheme"), py::arg("recipe"), py::arg("tolerance"), py::arg("max_body_bytes"),
           py::arg("seen"), py::arg("clock"))
      .def("verify", &verify, py::arg("body"), py::arg("headers"), py::arg("url") = py::none(), py::arg("params") = py::none(),
           "The event of a message that is signed as it should be. See switchgear.webhooks.verify.");
  py::class_<SignerObject>(module, "WebhookSigner", "The compiled part of switchgear.webhooks.Signer.")
      .def(py::init([](const std::vector<std::string>& secrets, const std::string& scheme, const py::object& recipe, py::object clock) {
             return std::make_unique<SignerObject>(secrets, options_from(scheme, recipe, py::none(), 0), std::move(clock));
           }),
           py::arg("secrets"), py::kw_only(), py::arg("scheme"), py::arg("recipe"), py::arg("clock"))
      .def("sign", &sign, py::arg("body"), py::arg("id") = py::none(), py::arg("timestamp") = py::none(), py::arg("url") = py::none(),
           py::arg("params") = py::none(), "The headers to send with a body. See switchgear.webhooks.sign.");
  module.def("new_webhook_id", &new_webhook_id, "A new id for a message: without full stops.");
  module.def("new_webhook_secret", &new_webhook_secret, "A new secret: whsec_ and 32 random bytes in base64.");
}

}  // namespace switchgear::bindings

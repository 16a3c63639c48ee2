// Any headers and any body, for every scheme: refused for a reason of its own, unless somebody who has the secret signed it.
#include <array>
#include <memory>
#include <optional>

#include "switchgear/base/error.hpp"
#include "switchgear/webhook/signature.hpp"
#include "webhook_input.hpp"

using namespace switchgear;

namespace {

constexpr const char* secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Scheme {
  WebhookOptions options;
  WebhookVerifier verifier;
  WebhookSigner signer;

  explicit Scheme(WebhookScheme scheme)
      : options(options_of(scheme)), verifier({secret}, options, clock()), signer({secret}, options, clock()) {}

  static WebhookOptions options_of(WebhookScheme scheme) {
    WebhookOptions options;
    options.scheme = scheme;
    options.recipe.header = "X-Sum";
    options.recipe.content = "{id}.{timestamp}.{body}.";
    options.recipe.timestamp_header = "X-At";
    options.recipe.id_header = "X-Id";
    return options;
  }

  static const Clock& clock() {
    static const ManualClock clock(WallTime(std::chrono::seconds(1'614'265'330)));
    return clock;
  }
};

void check_refusal(const Error& error) {
  const bool known = error.category == Category::signature || error.code() == "config.webhook";
  if (!known || error.message.empty() || error.hint.empty() || error.message.size() > 1000) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<Scheme, 8> schemes{Scheme(WebhookScheme::standard), Scheme(WebhookScheme::svix),  Scheme(WebhookScheme::stripe),
                                             Scheme(WebhookScheme::github),   Scheme(WebhookScheme::slack), Scheme(WebhookScheme::shopify),
                                             Scheme(WebhookScheme::twilio),   Scheme(WebhookScheme::hmac)};
  const WebhookInput input(data, size);
  // Twilio signs a URL: the first header's value is one.
  const std::string_view url = input.headers.empty() ? std::string_view("https://example.com/hook") : input.headers.front().value;
  for (const Scheme& scheme : schemes) {
    try {
      scheme.verifier.verify({input.body, input.headers, url});
    } catch (const Error& error) {
      check_refusal(error);
    }
    try {
      WebhookToSign message;
      message.body = input.body;
      message.url = "https://example.com/hook";
      message.params.emplace();
      const Headers headers = scheme.signer.sign(message);
      const std::vector<HeaderView> views = views_of(headers);
      WebhookMessage received{input.body, views, "https://example.com/hook"};
      received.params.emplace();
      scheme.verifier.verify(received);
    } catch (const Error&) {
      __builtin_trap();  // what was signed verifies
    }
  }
  return 0;
}

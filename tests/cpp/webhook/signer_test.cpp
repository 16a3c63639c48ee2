#include <gtest/gtest.h>

#include <set>

#include "received.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

TEST(WebhookSigner, GivesTheKnownAnswers) {
  const WebhookToSign message{
      .body = R"({"test": 2432232314})", .id = "msg_p5jXN8AQM9LWM0D4loKWxJek", .timestamp = WallTime(std::chrono::seconds(standard_time))};
  EXPECT_EQ(WebhookSigner({standard_secret}, {}).sign(message), standard_message().headers);
  EXPECT_EQ(WebhookSigner({standard_private}, {}).sign(message), standard_message(standard_ed25519).headers);
  EXPECT_EQ(WebhookSigner({standard_secret, standard_private}, {}).sign(message),
            standard_message(standard_mac + " " + standard_ed25519).headers);
  EXPECT_EQ(WebhookSigner({"It's a Secret to Everybody"}, {.scheme = WebhookScheme::github})
                .sign({.body = "Hello, World!"})
                .get("X-Hub-Signature-256"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
  const WebhookToSign call{.body = "",
                           .id = "",
                           .timestamp = std::nullopt,
                           .url = "https://mycompany.com/myapp.php?foo=1&bar=2",
                           .params = {{{"CallSid", "CA1234567890ABCDE"},
                                       {"Caller", "+14158675309"},
                                       {"Digits", "1234"},
                                       {"From", "+14158675309"},
                                       {"To", "+18005551212"}}}};
  EXPECT_EQ(WebhookSigner({"12345"}, {.scheme = WebhookScheme::twilio}).sign(call),
            (Headers{{"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}}));
}

TEST(WebhookSigner, IsVerifiedByEachScheme) {
  ManualClock clock = clock_at(standard_time);
  for (const char* word : {"standard", "svix", "stripe", "github", "slack", "shopify", "twilio", "hmac"}) {
    const WebhookOptions options{.scheme = webhook_scheme_from(word), .recipe = {.header = "X-Sum"}};
    const std::string url = "https://example.com/hook";
    const WebhookSigner signer({standard_secret}, options, clock);
    const Received message{"{}", signer.sign({.body = "{}", .url = url}), url};
    EXPECT_EQ(refusal(WebhookVerifier({standard_secret}, options, clock), message), "") << word;
    EXPECT_EQ(refusal(WebhookVerifier({standard_secret.substr(0, 34) + "xxxx"}, options, clock), message), "signature.bad_signature")
        << word;
  }
}

TEST(WebhookSigner, SignsWithBothSecretsWhileOneRotates) {
  ManualClock clock = clock_at(standard_time);
  const std::string next = new_webhook_secret();
  for (const WebhookScheme scheme : {WebhookScheme::standard, WebhookScheme::svix, WebhookScheme::stripe}) {
    const WebhookSigner signer({next, standard_secret}, {.scheme = scheme}, clock);
    const Received message{"{}", signer.sign({.body = "{}"})};
    EXPECT_EQ(refusal(WebhookVerifier({next}, {.scheme = scheme}, clock), message), "");
    EXPECT_EQ(refusal(WebhookVerifier({standard_secret}, {.scheme = scheme}, clock), message), "");
  }
  for (const WebhookScheme scheme : {WebhookScheme::github, WebhookScheme::slack, WebhookScheme::shopify, WebhookScheme::twilio}) {
    EXPECT_THROW(WebhookSigner({"a", "b"}, {.scheme = scheme}), Error) << "there is one signature only";
  }
}

TEST(WebhookSigner, RefusesWhatCannotBeSent) {
  const WebhookSigner signer({standard_secret}, {});
  for (const char* id : {"msg.1", "msg 1", "msg\r\nX-Evil: 1", "m\xc3\xa4rz"}) {
    EXPECT_THROW(signer.sign({.body = "{}", .id = id}), Error) << id;
  }
  EXPECT_THROW(signer.sign({.body = "{}", .id = std::string(256, 'a')}), Error);
  EXPECT_THROW(WebhookSigner({standard_public}, {}), Error) << "a public key does not sign";
  EXPECT_THROW(WebhookSigner({"12345"}, {.scheme = WebhookScheme::twilio}).sign({.body = ""}), Error);
}

TEST(WebhookSigner, MakesNewIdsAndSecrets) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = new_webhook_id();
    EXPECT_EQ(id.size(), 31U);
    EXPECT_TRUE(id.starts_with("msg_"));
    EXPECT_EQ(id.find('.'), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
  const std::string secret = new_webhook_secret();
  EXPECT_EQ(refused_secret({secret}), "");
  EXPECT_NE(secret, new_webhook_secret());
}

}  // namespace
}  // namespace switchgear

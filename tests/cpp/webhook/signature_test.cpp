#include "switchgear/webhook/signature.hpp"

#include <gtest/gtest.h>

#include "received.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

TEST(StandardSignature, GivesTheKnownAnswers) {
  ManualClock clock = clock_at(standard_time);
  for (const std::string& secret : {standard_secret, standard_secret.substr(6)}) {
    const WebhookVerifier verifier({secret}, {}, clock);
    const Received message = standard_message();
    const VerifiedWebhook verified = verify(verifier, message);
    EXPECT_EQ(verified.id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
    EXPECT_EQ(verified.timestamp, WallTime(std::chrono::seconds(standard_time)));
    EXPECT_EQ("v1," + std::string(verified.signature), standard_mac);
    EXPECT_TRUE(verified.id_is_signed);
  }
  for (const std::string& secret : {standard_public, standard_private}) {
    const WebhookVerifier verifier({secret}, {}, clock);
    EXPECT_EQ(refusal(verifier, standard_message(standard_ed25519)), "");
  }
}

TEST(StandardSignature, IsFoundInAListAndByAnyKey) {
  ManualClock clock = clock_at(standard_time);
  const std::string other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
  const WebhookVerifier rotating({other, standard_secret, standard_public}, {}, clock);
  const std::string wrong = "v1,Z0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  EXPECT_EQ(refusal(rotating, standard_message(wrong + " v9,aGVsbG8= " + standard_mac)), "");
  EXPECT_EQ(refusal(rotating, standard_message(wrong + " " + standard_ed25519)), "");
  EXPECT_EQ(refusal(rotating, standard_message("v1 " + standard_mac + "  ")), "");
  EXPECT_EQ(refusal(rotating, standard_message(wrong)), "signature.bad_signature");
  EXPECT_EQ(refusal(WebhookVerifier({other}, {}, clock), standard_message()), "signature.bad_signature");
}

TEST(StandardSignature, CoversIdTimeAndEveryByteOfTheBody) {
  ManualClock clock = clock_at(standard_time);
  for (const auto& [secret, signature] : {std::pair(standard_secret, standard_mac), std::pair(standard_public, standard_ed25519)}) {
    const WebhookVerifier verifier({secret}, {}, clock);
    Received changed = standard_message(signature);
    changed.body = R"({"test":2432232314})";
    EXPECT_EQ(refusal(verifier, changed), "signature.bad_signature");
    changed = standard_message(signature);
    changed.headers.set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJel");
    EXPECT_EQ(refusal(verifier, changed), "signature.bad_signature");
    changed = standard_message(signature);
    changed.headers.set("webhook-timestamp", "1614265331");
    EXPECT_EQ(refusal(verifier, changed), "signature.bad_signature");
  }
}

TEST(StandardSignature, SaysWhichVersionsAndKeysAreMissing) {
  ManualClock clock = clock_at(standard_time);
  const WebhookVerifier with_mac({standard_secret}, {}, clock);
  const WebhookVerifier with_public({standard_public}, {}, clock);
  EXPECT_EQ(refusal(with_mac, standard_message("v2,aGVsbG8=")), "signature.unsupported_version");
  EXPECT_EQ(refusal(with_mac, standard_message(standard_ed25519)), "signature.unsupported_version");
  EXPECT_EQ(refusal(with_public, standard_message(standard_mac)), "signature.unsupported_version");
  EXPECT_EQ(refusal(with_mac, standard_message("g0hM9SsE")), "signature.malformed_header");
  EXPECT_EQ(refusal(with_mac, standard_message("v1,")), "signature.bad_signature");
  EXPECT_EQ(refusal(with_public, standard_message("v1a,")), "signature.bad_signature");
}

TEST(StandardSignature, MissesEachHeader) {
  ManualClock clock = clock_at(standard_time);
  const WebhookVerifier verifier({standard_secret}, {}, clock);
  for (const char* name : {"webhook-id", "webhook-timestamp", "webhook-signature"}) {
    Received message = standard_message();
    message.headers.remove(name);
    EXPECT_EQ(refusal(verifier, message), "signature.missing_header") << name;
    message.headers.add(name, "");
    EXPECT_EQ(refusal(verifier, message), "signature.missing_header") << name;
  }
  Received shouted = standard_message();
  shouted.headers.remove("webhook-id");
  shouted.headers.add("WEBHOOK-ID", " msg_p5jXN8AQM9LWM0D4loKWxJek ");
  EXPECT_EQ(refusal(verifier, shouted), "");
}

TEST(StandardSignature, HoldsTimeToItsToleranceBothWays) {
  ManualClock clock = clock_at(standard_time);
  const WebhookVerifier verifier({standard_secret}, {}, clock);
  clock.step_wall(300s);
  EXPECT_EQ(refusal(verifier, standard_message()), "");
  clock.step_wall(1ns);
  EXPECT_EQ(refusal(verifier, standard_message()), "signature.too_old");
  clock.step_wall(-600s - 1ns);
  EXPECT_EQ(refusal(verifier, standard_message()), "");
  clock.step_wall(-1ns);
  EXPECT_EQ(refusal(verifier, standard_message()), "signature.too_new");
  const WebhookVerifier strict({standard_secret}, {.tolerance = 1s}, clock);
  EXPECT_EQ(refusal(strict, standard_message()), "signature.too_new");
  const WebhookVerifier careless({standard_secret}, {.tolerance = std::nullopt}, clock);
  EXPECT_EQ(refusal(careless, standard_message()), "");
}

TEST(SvixSignature, HasItsOwnHeadersAndPrefersThem) {
  ManualClock clock = clock_at(standard_time);
  const WebhookVerifier svix({standard_secret}, {.scheme = WebhookScheme::svix}, clock);
  EXPECT_EQ(refusal(svix, standard_message()), "") << "the names of Standard Webhooks do, too";
  Received own = standard_message();
  for (const char* name : {"id", "timestamp", "signature"}) {
    own.headers.add(std::string("svix-") + name, std::string(*own.headers.get(std::string("webhook-") + name)));
  }
  Received bad = own;
  bad.headers.set("svix-id", "msg_other");
  EXPECT_EQ(refusal(svix, bad), "signature.bad_signature") << "its own are there: the others do not count";
  bad = own;
  bad.headers.set("webhook-id", "msg_other");
  EXPECT_EQ(refusal(svix, bad), "");
  const WebhookVerifier standard({standard_secret}, {}, clock);
  EXPECT_EQ(refusal(standard, bad), "signature.bad_signature");
  EXPECT_EQ(refusal(svix, {"{}", {{"svix-id", "msg_1"}}}), "signature.missing_header");
}

TEST(GithubSignature, GivesTheKnownAnswer) {
  const WebhookVerifier verifier({"It's a Secret to Everybody"}, {.scheme = WebhookScheme::github});
  Received message{"Hello, World!",
                   {{"X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
                    {"X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"}}};
  EXPECT_EQ(verify(verifier, message).id, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
  EXPECT_FALSE(verify(verifier, message).id_is_signed);
  message.headers.remove("X-GitHub-Delivery");
  EXPECT_EQ(refusal(verifier, message), "");
  message.body += "\n";
  EXPECT_EQ(refusal(verifier, message), "signature.bad_signature");
  message.headers = {{"X-Hub-Signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"}};
  EXPECT_EQ(refusal(verifier, message), "signature.unsupported_version");
  message.headers = {{"X-Hub-Signature-256", "sha512=00"}};
  EXPECT_EQ(refusal(verifier, message), "signature.unsupported_version");
  message.headers = {};
  EXPECT_EQ(refusal(verifier, message), "signature.missing_header");
}

TEST(TwilioSignature, GivesTheKnownAnswer) {
  const WebhookVerifier verifier({"12345"}, {.scheme = WebhookScheme::twilio});
  Received message{"",
                   {{"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
                   "https://mycompany.com/myapp.php?foo=1&bar=2",
                   {{{"To", "+18005551212"},
                     {"Digits", "1234"},
                     {"CallSid", "CA1234567890ABCDE"},
                     {"From", "+14158675309"},
                     {"Caller", "+14158675309"}}}};
  EXPECT_EQ(refusal(verifier, message), "");
  message.url = "https://mycompany.com:443/myapp.php?foo=1&bar=2";
  EXPECT_EQ(refusal(verifier, message), "") << "with the port that the sender left out";
  message.url = "https://mycompany.com:8443/myapp.php?foo=1&bar=2";
  EXPECT_EQ(refusal(verifier, message), "") << "as Twilio's own library has it";
  message.url = "https://mycompany.com/myapp.php?foo=1&bar=3";
  EXPECT_EQ(refusal(verifier, message), "signature.bad_signature");
  message.url = "";
  EXPECT_EQ(refusal(verifier, message), "config.webhook");
}

TEST(TwilioSignature, ReadsTheFormItself) {
  const WebhookVerifier verifier({"12345"}, {.scheme = WebhookScheme::twilio});
  Received message{
      "Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE",
      {{"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, {"content-type", "application/x-www-form-urlencoded; charset=UTF-8"}},
      "https://mycompany.com/myapp.php?foo=1&bar=2"};
  EXPECT_EQ(refusal(verifier, message), "");
  message.body += "&Digits=1234";
  EXPECT_EQ(refusal(verifier, message), "") << "the same once more";
  message.body += "&Digits=1235";
  EXPECT_EQ(refusal(verifier, message), "signature.bad_signature");
}

TEST(StripeSignature, IsOverTimeAndBodyWithTheWholeSecret) {
  ManualClock clock = clock_at(standard_time);
  const WebhookOptions options{.scheme = WebhookScheme::stripe};
  const WebhookSigner signer({"whsec_test_secret"}, options, clock);
  Received message{R"({"id": "evt_1"})", signer.sign({.body = R"({"id": "evt_1"})"})};
  const std::string value(*message.headers.get("Stripe-Signature"));
  const WebhookVerifier verifier({"whsec_test_secret"}, options, clock);
  EXPECT_EQ(refusal(verifier, message), "");
  const auto with = [&](const std::string& text) { return refusal(verifier, {message.body, {{"Stripe-Signature", text}}}); };
  EXPECT_EQ(with(value + ",v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"), "");
  EXPECT_EQ(with("v1=00, " + value), "");
  EXPECT_EQ(with("t=1614265330,v0=6ffbb59b"), "signature.unsupported_version");
  EXPECT_EQ(with("t=1614265330"), "signature.malformed_header");
  EXPECT_EQ(with("v1=00"), "signature.malformed_header");
  EXPECT_EQ(with(value + ",t=1614265331"), "signature.malformed_header");
  EXPECT_EQ(with("t=1614265331" + value.substr(12)), "signature.bad_signature");
  EXPECT_EQ(with("hello"), "signature.malformed_header");
  clock.step_wall(-10h);
  EXPECT_EQ(refusal(verifier, message), "") << "one that comes too early is taken";
  clock.step_wall(10h + 301s);
  EXPECT_EQ(refusal(verifier, message), "signature.too_old");
}

TEST(SlackSignature, GivesTheAnswerOfItsDocumentation) {
  // https://api.slack.com/authentication/verifying-requests-from-slack
  ManualClock clock = clock_at(1'531'420'618);
  const WebhookVerifier verifier({"8f742231b10e8888abcd99yyyzzz85a5"}, {.scheme = WebhookScheme::slack}, clock);
  Received message{
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id="
      "U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2J"
      "H3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
      {{"X-Slack-Request-Timestamp", "1531420618"},
       {"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"}}};
  EXPECT_EQ(refusal(verifier, message), "");
  clock.step_wall(301s);
  EXPECT_EQ(refusal(verifier, message), "signature.too_old");
  message.headers.set("X-Slack-Signature", "v1=00");
  EXPECT_EQ(refusal(verifier, message), "signature.unsupported_version");
  message.headers.remove("X-Slack-Request-Timestamp");
  EXPECT_EQ(refusal(verifier, message), "signature.missing_header");
}

TEST(ShopifySignature, LooksAtTheTimeThatIsThere) {
  ManualClock clock = clock_at(standard_time);
  const WebhookOptions options{.scheme = WebhookScheme::shopify};
  const WebhookVerifier verifier({"hush"}, options, clock);
  Received message{"{}", WebhookSigner({"hush"}, options, clock).sign({.body = "{}", .id = "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"})};
  EXPECT_EQ(verify(verifier, message).id, "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043");
  clock.step_wall(301s);
  EXPECT_EQ(refusal(verifier, message), "signature.too_old");
  message.headers.set("X-Shopify-Triggered-At", "yesterday");
  EXPECT_EQ(refusal(verifier, message), "signature.malformed_header");
  message.headers.remove("X-Shopify-Triggered-At");
  EXPECT_EQ(refusal(verifier, message), "");
}

TEST(HmacSignature, GivesTheAnswerOfRfc4231) {
  const WebhookVerifier verifier({"Jefe"}, {.scheme = WebhookScheme::hmac, .recipe = {.header = "X-Sum", .prefix = "sum="}});
  Received message{"what do ya want for nothing?", {{"x-sum", "sum=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"}}};
  EXPECT_EQ(refusal(verifier, message), "");
  message.headers.set("x-sum", "sum=5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843");
  EXPECT_EQ(refusal(verifier, message), "");
  message.headers.set("x-sum", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(refusal(verifier, message), "signature.unsupported_version");
}

TEST(HmacSignature, FollowsEveryRecipe) {
  ManualClock clock = clock_at(standard_time);
  for (const HashAlgorithm algorithm : {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha512}) {
    for (const SignatureEncoding encoding : {SignatureEncoding::hex, SignatureEncoding::base64}) {
      const WebhookOptions options{.scheme = WebhookScheme::hmac,
                                   .recipe = {.header = "X-Sum",
                                              .algorithm = algorithm,
                                              .encoding = encoding,
                                              .prefix = "v7:",
                                              .content = "{timestamp}|{body}|{id}|end",
                                              .timestamp_header = "X-At",
                                              .id_header = "X-Id"}};
      const WebhookVerifier verifier({"k"}, options, clock);
      Received message{"text", WebhookSigner({"k"}, options, clock).sign({.body = "text"})};
      EXPECT_EQ(refusal(verifier, message), "");
      EXPECT_TRUE(verify(verifier, message).id_is_signed);
      for (const char* name : {"X-At", "X-Id"}) {
        Received changed = message;
        changed.headers.set(name, "1614265331");
        EXPECT_EQ(refusal(verifier, changed), "signature.bad_signature") << name;
        changed.headers.remove(name);
        EXPECT_EQ(refusal(verifier, changed), "signature.missing_header") << name;
      }
      clock.step_wall(-301s);
      EXPECT_EQ(refusal(verifier, message), "signature.too_new");
      clock.step_wall(301s);
    }
  }
}

TEST(HmacSignature, ReadsTimesInEachForm) {
  ManualClock clock = clock_at(standard_time);
  const WebhookOptions options{.scheme = WebhookScheme::hmac, .recipe = {.header = "X-Sum", .timestamp_header = "X-At"}};
  const WebhookVerifier verifier({"k"}, options, clock);
  Received message{"text", WebhookSigner({"k"}, options, clock).sign({.body = "text"})};
  for (const char* text : {"1614265330", "1614265330000", "2021-02-25T15:02:10Z", "2021-02-25T16:02:10+01:00"}) {
    message.headers.set("X-At", text);
    EXPECT_EQ(verify(verifier, message).timestamp, WallTime(std::chrono::seconds(standard_time))) << text;
  }
  for (const char* text : {"-1", "1614265330.5", "soon", "0x5"}) {
    message.headers.set("X-At", text);
    EXPECT_EQ(refusal(verifier, message), "signature.malformed_header") << text;
  }
}

TEST(WebhookOptions, AreHeldToSense) {
  const auto with = [](HmacRecipe recipe) { return refused_secret({"k"}, {.scheme = WebhookScheme::hmac, .recipe = std::move(recipe)}); };
  EXPECT_EQ(with({.header = "X-Sum"}), "");
  EXPECT_EQ(with({}), "config.webhook");
  EXPECT_EQ(with({.header = "X Sum"}), "config.webhook");
  EXPECT_EQ(with({.header = "X-Sum", .content = "{timestamp}.{body}"}), "config.webhook");
  EXPECT_EQ(with({.header = "X-Sum", .content = "{id}.{body}"}), "config.webhook");
  EXPECT_EQ(with({.header = "X-Sum", .content = "{id}", .id_header = "X-Id"}), "config.webhook");
  EXPECT_EQ(with({.header = "X-Sum", .content = "{body}{body}"}), "config.webhook");
  EXPECT_EQ(with({.header = "X-Sum", .content = "{body"}), "config.webhook");
  EXPECT_EQ(with({.header = "X-Sum", .content = "{url}{body}"}), "config.webhook");
  EXPECT_EQ(refused_secret({"k"}, {.scheme = WebhookScheme::github, .tolerance = -1s}), "config.webhook");
  EXPECT_EQ(webhook_scheme_from("svix"), WebhookScheme::svix);
  try {
    webhook_scheme_from("strip");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message.find("did you mean 'stripe'?"), std::string::npos);
  }
}

TEST(WebhookSecrets, AreRefusedWhenTheVerifierIsMade) {
  const std::string bytes23 = "whsec_" + std::string(31, 'A') + "=";
  const std::string bytes65 = "whsec_" + std::string(87, 'A') + "=";
  EXPECT_EQ(refused_secret({}), "config.secret");
  for (const std::string& secret :
       {std::string(), std::string("whsec_"), bytes23, bytes65, std::string("whsec_not base64 at all, but long enough"),
        std::string("whpk_AAAA"), std::string("whsk_AAAA"), "whsk_" + standard_private.substr(5, 84) + "AA==", standard_secret + "\n"}) {
    EXPECT_EQ(refused_secret({secret}), "config.secret") << secret;
    EXPECT_EQ(refused_secret({standard_secret, secret}), "config.secret") << secret;
    EXPECT_EQ(refused_secret({secret}, {.scheme = WebhookScheme::svix}), "config.secret") << secret;
  }
  EXPECT_EQ(refused_secret({"whsec_" + std::string(32, 'A')}), "") << "24 bytes";
  EXPECT_EQ(refused_secret({"whsec_" + std::string(86, 'A') + "=="}), "") << "64 bytes";
  for (const WebhookScheme scheme :
       {WebhookScheme::stripe, WebhookScheme::github, WebhookScheme::slack, WebhookScheme::shopify, WebhookScheme::twilio}) {
    EXPECT_EQ(refused_secret({""}, {.scheme = scheme}), "config.secret");
    EXPECT_EQ(refused_secret({"k"}, {.scheme = scheme}), "");
  }
}

}  // namespace
}  // namespace switchgear

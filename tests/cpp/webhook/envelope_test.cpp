#include "switchgear/webhook/envelope.hpp"

#include <gtest/gtest.h>

#include "received.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

WebhookEvent event_of(WebhookScheme scheme, const Received& received, JsonSink* sink = nullptr) {
  ManualClock clock = clock_at(standard_time);
  const WebhookOptions options{.scheme = scheme, .recipe = {.header = "X-Sum"}, .tolerance = std::nullopt};
  const WebhookSigner signer({standard_secret}, options, clock);
  Headers all = signer.sign({.body = received.body, .id = "msg_1", .url = "https://x/"});
  for (const auto& [name, value] : received.headers) all.add(name, value);
  const std::vector<HeaderView> headers = views_of(all);
  const WebhookMessage message{received.body, headers, "https://x/"};
  const WebhookVerifier verifier({standard_secret}, options, clock);
  return read_event(message, verifier.verify(message), options, sink);
}

std::string refused_body(WebhookScheme scheme, const Received& received) {
  try {
    event_of(scheme, received);
    return "";
  } catch (const Error& error) {
    return error.code();
  }
}

TEST(WebhookEnvelope, OfStandardWebhooks) {
  const WebhookEvent event = event_of(
      WebhookScheme::standard,
      {R"({"type": "sync.failed", "timestamp": "2026-11-27T04:00:00Z", "data": {"connection_id": "sap-mt", "run": {"connection_id": "inner"}}})",
       {}});
  EXPECT_EQ(event.id, "msg_1");
  EXPECT_EQ(event.type, "sync.failed");
  EXPECT_EQ(event.timestamp, WallTime(std::chrono::seconds(1'795'752'000)));
  EXPECT_EQ(event.connection_id, "sap-mt");
  EXPECT_EQ(event.kind, EventData::json);
  EXPECT_EQ(event.data, R"({"connection_id": "sap-mt", "run": {"connection_id": "inner"}})");
}

TEST(WebhookEnvelope, ThatIsNoneIsDataAsAWhole) {
  for (const char* body :
       {R"({"test": 2432232314})", R"({"type": 5, "data": {}})", R"({"type": "a.b"})", "[1]", "null", R"({"data": 1})", " 7 "}) {
    const WebhookEvent event = event_of(WebhookScheme::standard, {body, {}});
    EXPECT_EQ(event.data, body);
    EXPECT_EQ(event.timestamp, WallTime(std::chrono::seconds(standard_time))) << "when it was sent";
  }
  EXPECT_EQ(event_of(WebhookScheme::standard, {R"({"type": "a.b"})", {}}).type, "a.b");
  EXPECT_EQ(event_of(WebhookScheme::standard, {R"({"connection_id": "c"})", {}}).connection_id, "c");
}

TEST(WebhookEnvelope, TakesTheLastOfSeveralMembers) {
  const WebhookEvent event =
      event_of(WebhookScheme::standard,
               {R"({"type":"a","type":"b","data":{"connection_id":"x"},"data":{"connection_id":"y","connection_id":7}})", {}});
  EXPECT_EQ(event.type, "b");
  EXPECT_EQ(event.connection_id, "");
  EXPECT_EQ(event.data, R"({"connection_id":"y","connection_id":7})");
}

TEST(WebhookEnvelope, OfEachVendor) {
  const WebhookEvent stripe =
      event_of(WebhookScheme::stripe, {R"({"id":"evt_1","type":"charge.succeeded","created":1614265000,"data":{"object":{}}})", {}});
  EXPECT_EQ(stripe.id, "evt_1");
  EXPECT_EQ(stripe.type, "charge.succeeded");
  EXPECT_EQ(stripe.timestamp, WallTime(1'614'265'000s));
  EXPECT_EQ(stripe.data, R"({"object":{}})");
  const std::string body = R"({"type":"mine","data":{"a":1},"connection_id":"c"})";
  const WebhookEvent github = event_of(WebhookScheme::github, {body, {{"X-GitHub-Event", "push"}}});
  EXPECT_EQ(github.type, "push");
  EXPECT_EQ(github.data, body);
  EXPECT_EQ(github.id, "msg_1");
  EXPECT_EQ(github.timestamp, std::nullopt);
  const WebhookEvent shopify = event_of(WebhookScheme::shopify, {body, {{"X-Shopify-Topic", "orders/create"}}});
  EXPECT_EQ(shopify.type, "orders/create");
  EXPECT_EQ(shopify.timestamp, WallTime(std::chrono::seconds(standard_time)));
  const WebhookEvent slack = event_of(WebhookScheme::slack, {R"({"type":"event_callback","event":{"type":"message"}})", {}});
  EXPECT_EQ(slack.type, "event_callback");
  const WebhookEvent twilio = event_of(WebhookScheme::twilio, {"Digits=1", {{"Content-Type", "application/x-www-form-urlencoded"}}});
  EXPECT_EQ(twilio.kind, EventData::none);
  const WebhookEvent own = event_of(WebhookScheme::hmac, {R"({"type":"a.b","data":null})", {}});
  EXPECT_EQ(own.type, "a.b");
  EXPECT_EQ(own.data, "null");
  EXPECT_EQ(own.kind, EventData::json);
}

TEST(WebhookEnvelope, OfAnotherKindThanJson) {
  for (const WebhookScheme scheme : {WebhookScheme::github, WebhookScheme::slack, WebhookScheme::shopify, WebhookScheme::hmac}) {
    EXPECT_EQ(event_of(scheme, {"Hello, World!", {}}).kind, EventData::none);
    EXPECT_EQ(event_of(scheme, {"[hello", {{"Content-Type", "text/plain"}}}).kind, EventData::none);
    EXPECT_EQ(event_of(scheme, {"payload=%7B%7D", {{"Content-Type", "application/x-www-form-urlencoded"}}}).kind, EventData::none);
    EXPECT_EQ(refused_body(scheme, {"Hello, World!", {{"Content-Type", "application/json"}}}), "signature.malformed_body");
    EXPECT_EQ(refused_body(scheme, {"{", {}}), "signature.malformed_body");
  }
  for (const WebhookScheme scheme : {WebhookScheme::standard, WebhookScheme::svix, WebhookScheme::stripe}) {
    for (const std::string& body : {std::string("Hello, World!"), std::string(), std::string("{\"a\":\"\xff\"}"), std::string(100'000, '['),
                                    std::string(R"({"type":"a","data":)") + std::string(100'000, '[')}) {
      EXPECT_EQ(refused_body(scheme, {body, {}}), "signature.malformed_body");
    }
  }
}

std::optional<Headers> shake(const Headers& request, const HandshakeRules& rules) { return answer_handshake(views_of(request), rules); }

TEST(WebhookHandshake, GrantsAndDenies) {
  const Headers request{{"WebHook-Request-Origin", "eventemitter.example.com"}, {"WebHook-Request-Rate", "120"}};
  const HandshakeRules rules{.origins = {"EventEmitter.example.com"}, .per_minute = 100};
  EXPECT_EQ(shake(request, rules),
            (Headers{{"Allow", "OPTIONS, POST"}, {"WebHook-Allowed-Origin", "eventemitter.example.com"}, {"WebHook-Allowed-Rate", "100"}}));
  EXPECT_EQ(shake({{"webhook-request-origin", "a"}}, {.origins = {"*"}}),
            (Headers{{"Allow", "OPTIONS, POST"}, {"WebHook-Allowed-Origin", "a"}}));
  EXPECT_EQ(shake(request, {.origins = {"*"}})->get("WebHook-Allowed-Rate"), "120") << "what was asked for has an answer";
  EXPECT_EQ(shake(request, {.origins = {"other.example.com"}}), std::nullopt);
  EXPECT_EQ(shake(request, {.origins = {}}), std::nullopt);
  EXPECT_THROW(shake({}, rules), Error);
  for (const char* rate : {"0", "-1", "many", "1.5", "99999999999"}) {
    EXPECT_THROW(shake({{"WebHook-Request-Origin", "a"}, {"WebHook-Request-Rate", rate}}, rules), Error) << rate;
  }
}

}  // namespace
}  // namespace switchgear

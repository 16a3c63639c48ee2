// What nobody honest sends: refused, distinctly and at once. 10 ms are a hundred times what it takes.
#include <gtest/gtest.h>

#include <array>
#include <ctime>

#include "claims.hpp"
#include "received.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

double cpu_seconds() {
  std::timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The code, and that it came within 10 ms of processor time; the machine may be busy, so the best of three counts.
std::string refused_at_once(const WebhookVerifier& verifier, const Received& received) {
  double best = 1;
  std::string code;
  for (int i = 0; i < 3; ++i) {
    const double start = cpu_seconds();
    code = refusal(verifier, received);
    best = std::min(best, cpu_seconds() - start);
  }
  EXPECT_LT(best, 0.010);
  return code;
}

class HostileWebhook : public testing::Test {
 protected:
  ManualClock clock_ = clock_at(standard_time);
  WebhookVerifier verifier_{{standard_secret}, {}, clock_};
  Received message_ = standard_message();
};

TEST_F(HostileWebhook, WithTenThousandHeaders) {
  for (int i = 0; i < 10'000; ++i) message_.headers.add("X-Filler-" + std::to_string(i), "x");
  EXPECT_EQ(refused_at_once(verifier_, message_), "signature.too_large");
}

TEST_F(HostileWebhook, WithABodyOfAHundredMegabytes) {
  message_.body.assign(100'000'000, ' ');
  EXPECT_EQ(refused_at_once(verifier_, message_), "signature.too_large");
}

TEST_F(HostileWebhook, WithTheLargestBodyThatIsLookedAt) {
  message_.body.assign(WebhookLimits{}.max_body_bytes, ' ');
  EXPECT_EQ(refusal(verifier_, message_), "signature.bad_signature");
}

TEST_F(HostileWebhook, WithADuplicateHeaderInOtherCase) {
  for (const char* name : {"Webhook-Id", "WEBHOOK-TIMESTAMP", "webhook-Signature"}) {
    Received twice = message_;
    twice.headers.add(name, std::string(*message_.headers.get(name)));
    EXPECT_EQ(refused_at_once(verifier_, twice), "signature.duplicate_header") << name;
  }
  message_.headers.add("X-Other", "1");
  message_.headers.add("x-other", "2");
  EXPECT_EQ(refusal(verifier_, message_), "") << "a header that nobody reads may be there twice";
}

/// A signature that is right, over any text.
std::string signature(std::string_view key, const std::string& content, SignatureEncoding encoding) {
  const std::array<std::string_view, 1> parts{content};
  return webhook_detail::encode_signature(encoding, webhook_detail::HmacKey(HashAlgorithm::sha256, key).over(parts).view());
}

TEST_F(HostileWebhook, WithATimeBeyondAllTimeThatIsSigned) {
  const std::string key = *base64_decode(standard_secret.substr(6));
  for (const std::string& time : {"1" + std::string(30, '0'), std::string("9223372036854775807"), std::string("18446744073709551616"),
                                  std::string("9300000000"), std::string(8000, '9')}) {
    const std::string mac = signature(key, "msg_1." + time + ".{}", SignatureEncoding::base64);
    const Received standard{"{}", {{"webhook-id", "msg_1"}, {"webhook-timestamp", time}, {"webhook-signature", "v1," + mac}}};
    const Received svix{"{}", {{"svix-id", "msg_1"}, {"svix-timestamp", time}, {"svix-signature", "v1," + mac}}};
    const Received stripe{"{}", {{"Stripe-Signature", "t=" + time + ",v1=" + signature("k", time + ".{}", SignatureEncoding::hex)}}};
    const Received slack{
        "{}",
        {{"X-Slack-Request-Timestamp", time}, {"X-Slack-Signature", "v0=" + signature("k", "v0:" + time + ":{}", SignatureEncoding::hex)}}};
    // Even Stripe's, of which only the old ones are refused else, and where the time is not looked at.
    for (const auto tolerance : {std::optional(300s), std::optional<std::chrono::seconds>()}) {
      const auto refused = [&](WebhookScheme scheme, const std::string& secret, const Received& received) {
        return refused_at_once(WebhookVerifier({secret}, {.scheme = scheme, .tolerance = tolerance}, clock_), received);
      };
      EXPECT_EQ(refused(WebhookScheme::standard, standard_secret, standard), "signature.too_new") << time;
      EXPECT_EQ(refused(WebhookScheme::svix, standard_secret, svix), "signature.too_new") << time;
      EXPECT_EQ(refused(WebhookScheme::stripe, "k", stripe), "signature.too_new") << time;
      EXPECT_EQ(refused(WebhookScheme::slack, "k", slack), "signature.too_new") << time;
    }
  }
}

TEST_F(HostileWebhook, WithATimeThatIsNone) {
  for (const char* time : {"-1614265330", "1614265330.5", " ", "1e9", "0x60", "1614265330 1614265330", "\xef\xbc\x91"}) {
    Received message = message_;
    message.headers.set("webhook-timestamp", time);
    const std::string code = refused_at_once(verifier_, message);
    EXPECT_TRUE(code == "signature.malformed_header" || code == "signature.missing_header") << time << code;
  }
}

TEST_F(HostileWebhook, WithSignaturesWithoutEnd) {
  std::string many;
  while (many.size() + 50 < 8192) many += standard_mac + " ";
  message_.headers.set("webhook-signature", many);
  EXPECT_EQ(refused_at_once(verifier_, message_), "signature.malformed_header");
  message_.headers.set("webhook-signature", std::string(8192, ' '));
  EXPECT_EQ(refused_at_once(verifier_, message_), "signature.missing_header");
  message_.headers.set("webhook-signature", std::string(1'000'000, ','));
  EXPECT_EQ(refused_at_once(verifier_, message_), "signature.too_large");
}

TEST_F(HostileWebhook, WithAnIdThatMovesTheFullStops) {
  // "msg_1.1614265330.1614265330.{}" reads as two messages: only one of them is one.
  const std::string key = *base64_decode(standard_secret.substr(6));
  const std::string mac = "v1," + signature(key, "msg_1.1614265330.1614265330.5", SignatureEncoding::base64);
  const Received honest{"1614265330.5", {{"webhook-id", "msg_1"}, {"webhook-timestamp", "1614265330"}, {"webhook-signature", mac}}};
  EXPECT_EQ(refusal(verifier_, honest), "");
  const Received moved{"5", {{"webhook-id", "msg_1.1614265330"}, {"webhook-timestamp", "1614265330"}, {"webhook-signature", mac}}};
  EXPECT_EQ(refusal(verifier_, moved), "signature.malformed_header");
}

TEST_F(HostileWebhook, WithAFormOfAMillionFields) {
  const WebhookVerifier twilio({"12345"}, {.scheme = WebhookScheme::twilio});
  Received message{
      "", {{"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, {"content-type", "application/x-www-form-urlencoded"}}, "https://x/"};
  for (int i = 0; i < 1'000'000; ++i) message.body += "a=&";
  EXPECT_EQ(refused_at_once(twilio, message), "signature.too_large");
  message.body.assign(4'000'000, '&');
  EXPECT_EQ(refusal(twilio, message), "signature.bad_signature");
}

TEST_F(HostileWebhook, WithAnotherBodyThanTwiliosDigest) {
  const std::string url = "https://x/hook?bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";  // of {}
  const WebhookSigner signer({"12345"}, {.scheme = WebhookScheme::twilio});
  const WebhookVerifier verifier({"12345"}, {.scheme = WebhookScheme::twilio});
  const Headers headers = signer.sign({.body = "{}", .url = url});
  EXPECT_EQ(refusal(verifier, {"{}", headers, url}), "");
  EXPECT_EQ(refusal(verifier, {"{ }", headers, url}), "signature.bad_signature");
  EXPECT_EQ(refusal(verifier, {"{}", headers, url + "&a=1"}), "signature.bad_signature");
}

}  // namespace
}  // namespace switchgear

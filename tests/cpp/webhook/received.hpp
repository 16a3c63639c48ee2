// A webhook for a test to change and verify, and the code that it is refused with.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/webhook/signature.hpp"

namespace switchgear {

/// Owns what a WebhookMessage borrows.
struct Received {
  std::string body;
  Headers headers;
  std::string url = {};
  std::optional<std::vector<std::pair<std::string, std::string>>> params = {};
};

inline ManualClock clock_at(std::int64_t seconds) { return ManualClock(WallTime(std::chrono::seconds(seconds))); }

inline VerifiedWebhook verify(const WebhookVerifier& verifier, const Received& received) {
  const std::vector<HeaderView> headers = views_of(received.headers);
  WebhookMessage message{received.body, headers, received.url};
  std::vector<HeaderView> params;
  if (received.params) {
    for (const auto& [name, value] : *received.params) params.push_back({name, value});
    message.params = params;
  }
  return verifier.verify(message);
}

/// "" if it verifies.
inline std::string refusal(const WebhookVerifier& verifier, const Received& received) {
  try {
    verify(verifier, received);
    return "";
  } catch (const Error& error) {
    EXPECT_FALSE(error.message.empty());
    EXPECT_FALSE(error.hint.empty());
    return error.code();
  }
}

/// The code that making a verifier throws; "" if it is made.
inline std::string refused_secret(const std::vector<std::string>& secrets, const WebhookOptions& options = {}) {
  try {
    const WebhookVerifier verifier(secrets, options);
    return "";
  } catch (const Error& error) {
    for (const std::string& secret : secrets) {
      EXPECT_TRUE(secret.size() < 8 || error.describe().find(secret) == std::string::npos) << "a secret is shown";
    }
    return error.code();
  }
}

// The known answers of Standard Webhooks.
inline const std::string standard_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
inline const std::string standard_private = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
inline const std::string standard_public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
inline const std::string standard_mac = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
inline const std::string standard_ed25519 = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
inline constexpr std::int64_t standard_time = 1'614'265'330;

inline Received standard_message(const std::string& signature = standard_mac) {
  return {R"({"test": 2432232314})",
          {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"}, {"webhook-timestamp", "1614265330"}, {"webhook-signature", signature}}};
}

}  // namespace switchgear

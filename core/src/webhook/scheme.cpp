#include <algorithm>
#include <array>
#include <string>

#include "switchgear/base/error.hpp"
#include "switchgear/webhook/signature.hpp"

namespace switchgear {
namespace {

constexpr std::array<std::string_view, 8> words{"standard", "svix", "stripe", "github", "slack", "shopify", "twilio", "hmac"};

}  // namespace

std::string_view to_string(WebhookScheme scheme) noexcept { return words.at(static_cast<std::size_t>(scheme)); }

WebhookScheme webhook_scheme_from(std::string_view word) {
  const auto* const found = std::find(words.begin(), words.end(), word);
  if (found != words.end()) return static_cast<WebhookScheme>(found - words.begin());
  std::string all;
  for (const std::string_view known : words) all += (all.empty() ? "" : ", ") + std::string(known);
  throw Error(Category::config, "webhook", "there is no scheme '" + std::string(word.substr(0, 60)) + "'" + did_you_mean(word, words))
      .with_hint("there are " + all);
}

}  // namespace switchgear

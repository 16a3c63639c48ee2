#include <algorithm>
#include <charconv>

#include "refusal.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/webhook/envelope.hpp"

namespace switchgear {
namespace {

constexpr std::string_view rate_header = "WebHook-Request-Rate";

std::uint32_t asked_rate(std::string_view text) {
  std::uint32_t rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc() || end != text.data() + text.size() || rate == 0) {
    webhook_detail::refuse("malformed_header",
                           "the header " + std::string(rate_header) + " is '" + webhook_detail::shown(text) + "', not requests a minute",
                           "a whole number from 1");
  }
  return rate;
}

}  // namespace

std::optional<Headers> answer_handshake(std::span<const HeaderView> headers, const HandshakeRules& rules) {
  const std::string_view origin = need_header(headers, "WebHook-Request-Origin");
  const auto rate = find_header(headers, rate_header);
  const std::uint32_t asked = rate ? asked_rate(*rate) : 0;
  const bool allowed = std::any_of(rules.origins.begin(), rules.origins.end(),
                                   [&](const std::string& known) { return known == "*" || equal_ignoring_case(known, origin); });
  if (!allowed) return std::nullopt;
  Headers answer{{"Allow", "OPTIONS, POST"}, {"WebHook-Allowed-Origin", std::string(origin)}};
  // The smaller of what is asked for and what is granted; the header has to be there where a rate was asked for.
  const std::uint32_t granted = rules.per_minute.value_or(0);
  const std::uint32_t allowed_rate = asked != 0 && granted != 0 ? std::min(asked, granted) : std::max(asked, granted);
  if (allowed_rate != 0) answer.add("WebHook-Allowed-Rate", std::to_string(allowed_rate));
  return answer;
}

}  // namespace switchgear

#include "endpoint_client.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/base/secret.hpp"
#include "switchgear/base/utf8.hpp"
#include "switchgear/http/rate_headers.hpp"
#include "switchgear/store/runs.hpp"
#include "switchgear/webhook/sender.hpp"

namespace switchgear {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds longest_throttle = std::chrono::hours(24);
constexpr std::uint64_t most_reply_bytes = 4U << 20U;

/// A key, or where it is to be found.
std::string revealed(const std::string& text) {
  for (const char* kind : {"env:", "file:", "keyring:"}) {
    if (text.starts_with(kind)) return Secret::from_reference(text).reveal();
  }
  return text;
}

std::vector<std::string> texts_of(const std::vector<EndpointKey>& keys) {
  std::vector<std::string> texts;
  for (const EndpointKey& key : keys) texts.push_back(revealed(key.text));
  return texts;
}

AddressGuard guard_of(const StoredEndpoint& endpoint) {
  AddressGuard guard;
  const json subnets = json::parse(endpoint.subnets_json, nullptr, false);
  for (const json& each : subnets) guard.allowed.push_back(Subnet::parse(each.is_string() ? each.get<std::string>() : each.dump()));
  guard.public_too = endpoint.url.starts_with("https:");
  return guard;
}

/// As text that both databases take.
std::string as_text(std::string_view bytes) {
  std::string text = to_valid_utf8(bytes.substr(0, most_event_bytes));
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

Category category_of(std::int64_t status) {
  switch (status) {
    case 401:
      return Category::auth_invalid;
    case 403:
      return Category::permission;
    case 404:
      return Category::not_found;
    case 408:
      return Category::timeout;
    case 410:
      return Category::gone;
    case 413:
      return Category::too_large;
    case 429:
      return Category::rate_limit;
    case 503:
      return Category::unavailable;
    default:
      return status >= 500 ? Category::server : Category::bad_request;
  }
}

Error refusal_of(const StoredEndpoint& endpoint, const webhook_detail::Reply& reply) {
  const std::string said = "the endpoint '" + endpoint.id + "' answered " + std::to_string(reply.status);
  if (reply.status >= 300 && reply.status < 400) {
    return Error(Category::config, "redirect", said + " and redirects" + (reply.location.empty() ? "" : " to " + as_text(reply.location)))
        .with_hint("a webhook follows no redirect: give the endpoint the URL that answers itself");
  }
  Error error(category_of(reply.status), said);
  error.http_status = static_cast<int>(reply.status);
  if (reply.status == 410) error.hint = "it wants nothing any more; enable it again once that has changed";
  if (reply.status == 404 || reply.status == 405) error.hint = "check the path of its URL";
  if (reply.status == 401 || reply.status == 403) error.hint = "check that both sides have the same secret";
  return error;
}

/// One that does not answer three times in a row is left alone for a while: what waits for it would only wait in vain, one after the other.
bool deserves_pause(const webhook_detail::Reply& reply, std::int64_t failures) { return reply.error && failures >= 2; }

bool asks_for_pause(const webhook_detail::Reply& reply) {
  return reply.status == 429 || reply.status == 502 || reply.status == 504 || (reply.status == 503 && reply.retry_after);
}

}  // namespace

void check_endpoint(const StoredEndpoint& endpoint, const std::vector<std::string>& keys) {
  const Url url = Url::parse(endpoint.url);
  const AddressGuard guard = guard_of(endpoint);
  if (const auto address = IpAddress::of_host(url.host)) {
    if (const auto refusal = guard.refusal(*address)) {
      throw Error(Category::config, "address", "no webhook is sent to " + endpoint.url + ": its host is " + *refusal)
          .with_hint("if that is meant, allow it: allowed_subnets=[\"" + address->str() + "\"]");
    }
  }
  if (url.scheme != "https" && guard.allowed.empty()) {
    throw Error(Category::config, "url", "no webhook is sent to " + endpoint.url + ": http is read, and can be changed, on its way")
        .with_hint("use https; within a network of your own, allow its subnet: allowed_subnets=[\"10.1.0.0/16\"]");
  }
  if (keys.empty()) return;
  std::vector<std::string> texts;
  for (const std::string& key : keys) texts.push_back(revealed(key));
  const WebhookSigner signer(texts, WebhookOptions{});
}

namespace webhook_detail {

EndpointClient::EndpointClient(StoredEndpoint endpoint, const std::vector<EndpointKey>& keys, std::shared_ptr<Transport> transport,
                               const Clock& clock)
    : endpoint_(std::move(endpoint)), transport_(std::move(transport)), clock_(clock), signer_(texts_of(keys), WebhookOptions{}, clock) {
  for (const EndpointKey& key : keys) {
    if (key.until && (!until_ || *key.until < *until_)) until_ = key.until;
  }
}

Reply EndpointClient::post(const ClaimedDelivery& delivery, std::stop_token stop) const {
  Reply reply;
  try {
    HttpRequest request;
    request.method = "POST";
    request.url = endpoint_.url;
    WebhookToSign message{delivery.body};
    message.id = delivery.event_id;
    request.headers = signer_.sign(message);
    request.headers.add("Content-Type", "application/json");
    request.body = delivery.body;
    // One that a kept connection lost is sent again at once: that it may arrive twice is known.
    request.safe = true;
    const HttpResponse response = transport_->send(request, std::move(stop));
    reply.status = response.status;
    reply.body = as_text({response.body.data(), response.body.size()});
    if (const auto location = response.headers.get("Location")) reply.location = *location;
    reply.retry_after = read_rate_headers(response.headers, clock_.wall(), longest_throttle).retry_after;
  } catch (const Error& error) {
    reply.error = error;
  }
  return reply;
}

TransportOptions transport_options(const StoredEndpoint& endpoint, std::chrono::milliseconds timeout, const std::string& proxy) {
  TransportOptions options;
  options.timeouts = {timeout, timeout, timeout};
  options.tls.ca_file = endpoint.ca_file;
  options.proxy = proxy;
  options.max_reply_bytes = most_reply_bytes;
  options.max_redirects = 0;
  options.http2 = false;  // a connection is one attempt's at a time
  options.guard = guard_of(endpoint);
  return options;
}

DeliveryResult judge(const StoredEndpoint& endpoint, const ClaimedDelivery& delivery, const Reply& reply, std::int64_t failures,
                     double chance, WallTime now) {
  DeliveryResult result;
  result.id = delivery.id;
  result.fence = delivery.fence;
  result.endpoint_id = delivery.endpoint_id;
  result.status = reply.status;
  result.response = reply.body;
  if (reply.status >= 200 && reply.status < 300) return result;
  const Error error = reply.error ? *reply.error : refusal_of(endpoint, reply);
  result.error = error_json(error);
  if (reply.status == 410) {
    result.state = DeliveryState::dead;
    result.disable = "it answered 410: it wants no more";
    return result;
  }
  if (asks_for_pause(reply) || deserves_pause(reply, failures)) {
    const seconds own = std::min(seconds(5) * (std::int64_t{1} << std::clamp<std::int64_t>(failures, 0, 6)), seconds(300));
    result.throttle_until = now + std::max<milliseconds>(own, reply.retry_after.value_or(milliseconds(0)));
  }
  const auto pause = next_pause(endpoint.schedule_json, delivery.attempts + 1, chance);
  result.state = pause ? DeliveryState::retry : DeliveryState::dead;
  if (pause) result.due_at = std::max(now + *pause, result.throttle_until.value_or(now));
  return result;
}

}  // namespace webhook_detail
}  // namespace switchgear

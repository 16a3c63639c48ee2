// One endpoint as a sender has it ready: its keys, its transport, and what a reply of it means.
//
// Immutable but for the transport's own state; any thread. Made anew when the endpoint's version changes or one of its keys runs out.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "switchgear/http/transport.hpp"
#include "switchgear/store/deliveries.hpp"
#include "switchgear/store/endpoints.hpp"
#include "switchgear/webhook/signature.hpp"

namespace switchgear::webhook_detail {

/// What was answered to an attempt, or why nothing was.
struct Reply {
  std::int64_t status = 0;
  std::string body;      ///< its beginning, as text
  std::string location;  ///< of a redirect
  std::optional<std::chrono::milliseconds> retry_after = {};
  std::optional<Error> error = {};  ///< no reply came
};

class EndpointClient {
 public:
  EndpointClient(StoredEndpoint endpoint, const std::vector<EndpointKey>& keys, std::shared_ptr<Transport> transport, const Clock& clock);

  const StoredEndpoint& endpoint() const noexcept { return endpoint_; }
  bool holds(std::int64_t version, WallTime now) const noexcept { return version == endpoint_.version && (!until_ || now < *until_); }

  Reply post(const ClaimedDelivery& delivery, std::stop_token stop) const;

 private:
  StoredEndpoint endpoint_;
  std::optional<WallTime> until_;  ///< the first of its keys runs out
  std::shared_ptr<Transport> transport_;
  const Clock& clock_;
  WebhookSigner signer_;
};

/// The transport's options for an endpoint: what it may connect to, and whom it trusts.
TransportOptions transport_options(const StoredEndpoint& endpoint, std::chrono::milliseconds timeout, const std::string& proxy);

/// What becomes of a delivery after this reply. `failures`: attempts at this endpoint that failed in a row before.
DeliveryResult judge(const StoredEndpoint& endpoint, const ClaimedDelivery& delivery, const Reply& reply, std::int64_t failures,
                     double chance, WallTime now);

}  // namespace switchgear::webhook_detail

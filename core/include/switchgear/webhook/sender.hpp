// The sender: claims deliveries that are due, signs and POSTs them, and puts down what became of each.
//
// Any number of senders, in any number of processes, may share one store. Attempts run side by side on threads of the sender's own, of one
// endpoint so many and no more; of one whose last attempt failed one at a time. Endpoints that fail, are slow or hang share half of the
// threads, so that however many they are they delay no other. What is claimed and settled goes to the store many at once. A sender that is
// killed leaves its claims to the others once their lease has run out: an event may arrive twice, under one id.
// TLS is always verified, redirects are never followed, and connections are made to public addresses only, or to the endpoint's own
// subnets; plain http goes to those alone. run() belongs to one thread, on which `goes_on` is called; the rest may be called from any
// thread. Store and SecretStore must outlive the sender. run() throws what the store throws, unless that may pass: then it tries again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/store/deliveries.hpp"
#include "switchgear/store/endpoints.hpp"
#include "switchgear/store/secrets.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

struct SenderOptions {
  std::string name;                             ///< for people to read; empty: host and process
  std::size_t concurrency = 64;                 ///< attempts under way at once, 1 to 512
  std::size_t per_endpoint = 16;                ///< of these to one endpoint
  std::chrono::microseconds lease{30'000'000};  ///< after which others take over what a dead sender had; at least twice the timeout
  std::chrono::milliseconds timeout{10'000};    ///< of an attempt in all
  std::chrono::milliseconds poll{250};          ///< how often to look for what others have recorded
  bool until_idle = false;                      ///< return when nothing is due now
  std::string proxy = "none";                   ///< as TransportOptions has it; a proxy must see to it itself which addresses are public
  std::function<double()> chance = {};          ///< from 0 to 1; empty: the sender's own
};

/// Since the sender was made.
struct SenderStats {
  std::uint64_t attempts = 0;
  std::uint64_t delivered = 0;
  std::uint64_t failed = 0;  ///< attempts
  std::uint64_t dead = 0;    ///< deliveries that are not tried again
};

class WebhookSender {
 public:
  /// Throws Error(config, "sender") for options out of range.
  WebhookSender(Store& store, SecretStore& secrets, SenderOptions options = {});
  ~WebhookSender();
  WebhookSender(const WebhookSender&) = delete;
  WebhookSender& operator=(const WebhookSender&) = delete;

  /// `goes_on` is called ten times a second. False: claim nothing more and return once the attempts under way have ended; false again: end
  /// them now.
  void run(const std::function<bool()>& goes_on);

  SenderStats stats() const;

 private:
  class Lanes;

  SenderOptions options_;
  Store& store_;
  DeliveryStore deliveries_;
  std::unique_ptr<Lanes> lanes_;
};

/// The pauses before each attempt but the first. "default": 30 s, doubling, until a day is over; "standard": the one of Standard Webhooks.
std::vector<std::chrono::microseconds> delivery_pauses(std::string_view schedule_json);

/// Before the attempt that follows so many, a fifth more or less; `chance` from 0 to 1. Nothing: that was the last one.
std::optional<std::chrono::microseconds> next_pause(std::string_view schedule_json, std::int64_t attempts, double chance);

/// What can be said of an endpoint before anything is sent: throws Error(config) for a URL or key that is none, a subnet that is none, an
/// address that is not public, and plain http where no subnet is allowed.
void check_endpoint(const StoredEndpoint& endpoint, const std::vector<std::string>& keys);

}  // namespace switchgear

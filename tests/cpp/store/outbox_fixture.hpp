// A store with endpoints, events and deliveries, on each database.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "each_store.hpp"
#include "switchgear/store/deliveries.hpp"
#include "switchgear/store/endpoints.hpp"
#include "switchgear/store/events.hpp"

namespace switchgear {

class Outbox : public OnEachStore {
 protected:
  SecretStore secrets_{*store_, Secret(base64_key)};
  EventStore events_{*store_};
  EndpointStore endpoints_{*store_, secrets_};
  DeliveryStore deliveries_{*store_};

  void add(const std::string& id, const std::string& events = R"({"*":["*"]})", const std::string& filter = "{}", bool ordered = false,
           double rate = 0) {
    StoredEndpoint endpoint;
    endpoint.id = id;
    endpoint.url = "https://ops.example/" + id;
    endpoint.events_json = events;
    endpoint.filter_json = filter;
    endpoint.ordered = ordered;
    endpoint.rate = rate;
    endpoints_.add(endpoint, "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0");
  }

  std::string emit(const std::string& type = "order.urgent", const std::string& data = "{}", const std::string& connection = "",
                   const std::string& id = "") {
    NewEvent event;
    event.type = type;
    event.data_json = data;
    event.connection_id = connection;
    event.id = id;
    return events_.record(event);
  }

  std::vector<ClaimedDelivery> claim(std::int64_t room = 100, const std::vector<DeliveryResult>& results = {}) {
    DeliveryClaim claim;
    claim.sender = "s1";
    claim.lease = std::chrono::seconds(30);
    claim.room = [room](const std::string&) { return room; };
    return deliveries_.settle_and_claim(results, claim);
  }

  static DeliveryResult result(const ClaimedDelivery& claimed, DeliveryState state) {
    DeliveryResult result;
    result.id = claimed.id;
    result.fence = claimed.fence;
    result.endpoint_id = claimed.endpoint_id;
    result.state = state;
    return result;
  }

  std::vector<std::string> targets(const std::string& event_id) {
    DeliveryFilter filter;
    filter.event_id = event_id;
    std::vector<std::string> ids;
    for (const Delivery& each : deliveries_.list(filter)) ids.push_back(each.endpoint_id);
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  static constexpr const char* base64_key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
};

}  // namespace switchgear

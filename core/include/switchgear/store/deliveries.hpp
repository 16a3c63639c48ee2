// Deliveries: an event on its way to an endpoint, what became of each attempt, and the claims by which senders share them.
//
//     pending ─► sending (lease) ─► delivered
//                   │  ▲
//                   ▼  │ due
//                 retry(at) ─► … ─► dead          redeliver(): delivered, dead ─► pending
//
// A claim is a lease with a fencing token: of a sender that is killed others take over what it had once that ran out, so an event may
// arrive twice, under one id. What a sender says too late is left out. DeliveryStore holds no state of its own; any thread may use it, as
// long as the Store lives. Throws Error(not_found, "delivery"), Error(conflict, "delivery_state"), and what Store throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/store/events.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

enum class DeliveryState { pending, sending, delivered, retry, dead };

std::string_view to_string(DeliveryState state) noexcept;

struct Delivery {
  std::int64_t id = 0;
  std::string event_id, type, connection_id;
  std::string endpoint_id;
  DeliveryState state = DeliveryState::pending;
  std::int64_t attempts = 0;        ///< that were made, since it was last sent by hand
  std::optional<WallTime> due_at;   ///< of the next attempt
  std::optional<WallTime> last_at;  ///< of the last attempt
  std::int64_t status = 0;          ///< that the last attempt was answered with; 0: none came
  std::string error;                ///< of the last attempt, as error_json() writes it; "": it went well
  std::string response;             ///< the first bytes of the last reply, for the operator
  WallTime created_at;
  std::optional<WallTime> finished_at;
};

struct DeliveryFilter {
  std::optional<DeliveryState> state = {};
  std::string endpoint_id = {};  ///< "": to all
  std::string event_id = {};     ///< "": of all
  std::int64_t before = 0;       ///< the last id of the page before; 0: the first page
  std::int64_t limit = 100;
};

struct ClaimedDelivery {
  std::int64_t id = 0;
  std::int64_t fence = 0;
  std::string event_id, endpoint_id;
  std::int64_t attempts = 0;  ///< that were made before
  std::string body;
  std::int64_t endpoint_version = 0;
};

struct DeliveryClaim {
  std::string sender = {};  ///< who, for people to read
  std::chrono::microseconds lease{30'000'000};
  std::int64_t most = 256;  ///< of all endpoints
  /// How many of an endpoint, which is asked for each that has something due.
  std::function<std::int64_t(const std::string& endpoint_id)> room = {};
};

/// What became of an attempt, or of a claim that came to none.
struct DeliveryResult {
  std::int64_t id = 0;
  std::int64_t fence = 0;
  std::string endpoint_id;
  DeliveryState state = DeliveryState::delivered;  ///< delivered, dead, retry, or pending: it was not tried
  std::optional<WallTime> due_at = {};             ///< of the next attempt
  std::int64_t status = 0;
  std::string error = {};
  std::string response = {};
  std::optional<WallTime> throttle_until = {};  ///< the endpoint gets nothing before
  std::string disable = {};                     ///< why the endpoint gets nothing any more; "": it does
};

class DeliveryStore {
 public:
  explicit DeliveryStore(Store& store) : store_(store) {}

  /// The newest first.
  std::vector<Delivery> list(const DeliveryFilter& filter = {});
  Delivery get(std::int64_t id);

  /// Sends it again, at once and with all its attempts before it: the same event with the same id. Throws Error(conflict,
  /// "delivery_state") while it is under way, and if its endpoint is disabled or gone.
  Delivery redeliver(std::int64_t id);

  /// Puts results down and claims more, in one transaction.
  std::vector<ClaimedDelivery> settle_and_claim(const std::vector<DeliveryResult>& results, const DeliveryClaim& claim);

  /// Whether a claim may find something. Only reads, so that looking often costs the other processes nothing.
  bool anything_due();

  /// When something waits that is not due yet, or a lease runs out.
  std::optional<WallTime> next_due();

  /// An event for one endpoint alone, whatever it is set for: a sample. Returns the delivery's id.
  std::int64_t test(const std::string& endpoint_id, const std::string& type, const std::string& data_json);

  /// Removes deliveries that came to their end before; returns how many.
  std::int64_t remove_before(WallTime before);

 private:
  Store& store_;
};

}  // namespace switchgear

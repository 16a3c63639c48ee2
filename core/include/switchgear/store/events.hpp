// Events: what happened that others may want to know, kept in the transaction that made it happen, each with a delivery for every endpoint
// that wants it (endpoints.hpp, deliveries.hpp).
//
// An event never changes: its body is the very text that is sent, however often. Ids are given by what happened (event_id()), so that the
// same thing told again is the same event and is not sent twice. EventStore holds no state of its own; any thread may use it, as long as
// the Store lives. Throws Error(config, "event") for a type, an id or data that can't be sent, Error(data, "too_large") beyond
// most_event_bytes, and what Store throws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

/// Of a body, and of what is kept of an endpoint's reply.
inline constexpr std::size_t most_event_bytes = 20'000;

struct NewEvent {
  std::string type;                          ///< "sync.failed", "workorder.urgent": words of a-z, 0-9 and _, at least two
  std::string data_json = "{}";              ///< an object
  std::string connection_id = {};            ///< "": of none
  std::string id = {};                       ///< "": a new one; no full stop, no blanks
  std::optional<WallTime> occurred_at = {};  ///< nothing: now
};

struct StoredEvent {
  std::int64_t number = 0;  ///< counts up in the order of recording
  std::string id, type, connection_id;
  WallTime occurred_at, recorded_at;
  std::string body;   ///< {"type": …, "timestamp": …, "data": {…}}
  bool test = false;  ///< a sample, made to try an endpoint: nothing happened
};

struct EventFilter {
  std::string connection_id = {};          ///< "": of all
  std::string type = {};                   ///< "": of any; a pattern as endpoints have them
  std::optional<WallTime> since = {};      ///< recorded then or later
  std::optional<std::int64_t> after = {};  ///< those with a greater number, the oldest first; nothing: the newest first
  bool tests = false;                      ///< samples, too
  std::int64_t limit = 100;
};

/// What calls of a connection show: whether its source is there, and takes the credentials.
enum class Reach { online, offline, auth_required };

std::string_view to_string(Reach reach) noexcept;

class EventStore {
 public:
  explicit EventStore(Store& store) : store_(store) {}

  /// Returns its id. An event with this id that is there already stays as it is, and goes to nobody again.
  std::string record(const NewEvent& event);

  std::vector<StoredEvent> list(const EventFilter& filter = {});

  /// Throws Error(not_found, "event").
  StoredEvent get(const std::string& id);

  /// A connection is seen so. If it was otherwise before, that is an event: connection.online, .offline or .auth_required. That a new
  /// connection works is none. `error_json`: what went wrong, as error_json() writes it; "": nothing. Returns whether there was one.
  bool connection_seen(const std::string& connection_id, Reach reach, const std::string& error_json);

  /// Removes events that were recorded before, and of which no delivery is left; returns how many.
  std::int64_t remove_before(WallTime before);

 private:
  Store& store_;
};

/// The same for the same words: "evt_" and 32 letters.
std::string event_id(std::string_view what);

/// Whether it is a type's name; whether it is one, "*", or all below one: "connection.*".
bool is_event_type(std::string_view text) noexcept;
bool is_event_pattern(std::string_view text) noexcept;
bool matches_event_pattern(std::string_view pattern, std::string_view type) noexcept;

}  // namespace switchgear

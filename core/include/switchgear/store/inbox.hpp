// The inbox: webhooks that came for a connection, verified, kept before they are answered, and handled once by whoever claims them.
//
//     waiting ─► in_progress (lease) ─► done
//                    │  ▲
//                    ▼  │ due
//                 waiting(at) ─► … ─► failed        again(): done, failed ─► waiting
//
// A message is known by its connection and its id: one that comes again is not kept again. A claim is a lease with a fencing token: what a
// process that died had is claimed by others, so handling happens at least once. InboxStore holds no state of its own; any thread may use
// it, as long as the Store lives. Throws Error(not_found, "webhook"), Error(conflict, "webhook_state"), and what Store throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/store/store.hpp"

namespace switchgear {

enum class InboxState { waiting, in_progress, done, failed };

std::string_view to_string(InboxState state) noexcept;

struct InboxMessage {
  std::string connection_id, id;
  std::string type;                          ///< as its sender calls it; "": it says none
  std::optional<WallTime> occurred_at = {};  ///< as its sender says
  std::string content_type = {}, body = {};  ///< the bytes that were signed
  std::string data_json = {};                ///< what the body says, as JSON; "": it is none
  WallTime received_at = {};                 ///< by the store's clock; set by put()
  InboxState state = InboxState::waiting;
  std::int64_t attempts = 0;
  std::int64_t fence = 0;               ///< of the claim
  std::optional<WallTime> due_at = {};  ///< of the next attempt
  std::string error = {};               ///< of the last attempt, as error_json() writes it
};

struct InboxFilter {
  std::string connection_id = {};  ///< "": of all
  std::optional<InboxState> state = {};
  std::int64_t limit = 50;
};

class InboxStore {
 public:
  explicit InboxStore(Store& store) : store_(store) {}

  /// How webhooks of a connection are verified, and what they begin, as JSON; "": they are taken no more. Throws Error(not_found,
  /// "connection").
  void set_sender(const std::string& connection_id, const std::string& settings_json);
  /// Nothing: none are taken.
  std::optional<std::string> sender(const std::string& connection_id);

  /// On disk when it returns. False: it came before.
  bool put(const InboxMessage& message);

  /// The oldest of those that are due, `most` at most.
  std::vector<InboxMessage> claim(std::chrono::microseconds lease, std::int64_t most);

  /// What became of a claim. `error_json` "": it is done; else it is tried again at `due_at`, or has failed for good. False: its lease ran
  /// out, and somebody else has it.
  bool settle(const InboxMessage& claimed, const std::string& error_json, std::optional<WallTime> due_at);

  /// The newest first, without their bodies.
  std::vector<InboxMessage> list(const InboxFilter& filter = {});
  InboxMessage get(const std::string& connection_id, const std::string& id);

  /// Handles one again that came to its end.
  InboxMessage again(const std::string& connection_id, const std::string& id);

  /// Removes those that came to their end before; returns how many. Their ids are forgotten, too.
  std::int64_t remove_before(WallTime before);

 private:
  Store& store_;
};

}  // namespace switchgear

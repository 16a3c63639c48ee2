// What was answered to a request with an Idempotency-Key, so that the same request sent again is answered and not done again.
//
// A key belongs to who sent it (`owner`). It is claimed before anything is done and finished with the reply. A claim whose process died
// stays claimed: nobody can know how far it came. Kept for a day. IdempotencyStore holds no state of its own; any thread may use it, as
// long as the Store lives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "switchgear/store/store.hpp"

namespace switchgear {

struct KeptReply {
  std::string fingerprint;  ///< of the request that came first
  std::int64_t status = 0;  ///< 0: it has no reply yet
  std::string body;
  WallTime begun_at;
};

class IdempotencyStore {
 public:
  explicit IdempotencyStore(Store& store) : store_(store) {}

  /// Nothing: the key was free and is now claimed, the caller goes on. Else what there is of the request that came first.
  std::optional<KeptReply> claim(const std::string& owner, const std::string& key, const std::string& fingerprint);

  /// Keeps the reply, at most 16 MB. Throws Error(too_large, "reply"), and the claim stays.
  void finish(const std::string& owner, const std::string& key, std::int64_t status, const std::string& body);

  /// Gives the key up, because nothing was done.
  void release(const std::string& owner, const std::string& key);

 private:
  Store& store_;
};

}  // namespace switchgear

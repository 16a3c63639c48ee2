// Who may use the HTTP interface: bearer tokens, of which the store has only a hash, and the key that signs what the interface hands out.
//
// A token is 256 random bits, so its hash needs no salt and cannot be guessed back. It is shown once, when it is made. A revoked token
// stays in the table: once there was one, the interface asks for one for good.
// ApiTokenStore holds no state of its own; any thread may use it, as long as the Store lives.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/store/store.hpp"

namespace switchgear {

/// What a token allows: to look, or to look and to act.
enum class ApiScope { read, operate };

std::string_view to_string(ApiScope scope) noexcept;

struct ApiToken {
  std::string id;
  std::string name;  ///< for people to read
  ApiScope scope = ApiScope::read;
  std::optional<std::vector<std::string>> connections;  ///< these only; nothing: all, also those to come
  WallTime created_at;
  std::optional<WallTime> expires_at;
  std::optional<WallTime> revoked_at;
  std::optional<WallTime> last_used_at;  ///< to the minute
};

class ApiTokenStore {
 public:
  explicit ApiTokenStore(Store& store) : store_(store) {}

  /// Makes a token with the name, scope, connections and end of `wanted`. Returns it and its text, which is nowhere else.
  /// Throws Error(config, "token") for an end that has passed, or an empty list of connections.
  std::pair<ApiToken, std::string> create(const ApiToken& wanted);

  /// The token that this text is, if it is one that holds now; notes that it was used.
  std::optional<ApiToken> find(std::string_view text);

  /// All of them, the newest first.
  std::vector<ApiToken> list();

  /// From now on it is refused. Returns it as it is then. Throws Error(not_found, "token") with the nearest id.
  ApiToken revoke(const std::string& id);

  /// Whether there ever was a token.
  bool any();

  /// 32 bytes, the same for all who use the store, made when first asked for: for signing places in listings.
  std::string signing_key();

 private:
  Store& store_;
};

}  // namespace switchgear

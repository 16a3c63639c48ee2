// Where the key of the store's secrets comes from: what was given, else SWITCHGEAR_KEY, else a file beside a SQLite store.
// Not kept: it is looked up anew for each store that is opened.
#pragma once

#include <optional>
#include <string>

#include "switchgear/base/secret.hpp"

namespace switchgear {
class Store;
}

namespace switchgear::store_detail {

struct StoreKey {
  std::string bytes;
  std::string source;  ///< for messages: "SWITCHGEAR_KEY", "the file plant.db.key"
};

/// `may_make`: a SQLite store without a key file gets one (0600). Throws Error(config, "store_key") when there is no key, or one that is
/// not base64 of 32 bytes, or a file that others can read.
StoreKey find_store_key(const Store& store, const std::optional<Secret>& given, bool may_make);

}  // namespace switchgear::store_detail

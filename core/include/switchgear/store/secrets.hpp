// Secrets that the store itself must keep, because they come into being here: rotated refresh tokens, above all. Everything else is given
// by reference (Secret) and not stored.
//
// Sealed with AES-256-GCM under one key: the one given, else SWITCHGEAR_KEY (base64 of 32 bytes), else the file `<store>.key` (0600) beside
// a SQLite store, made when the first secret is put. Each row names its key, so that a wrong one is told from a damaged row. Any thread may
// use it, as long as the Store lives. Throws Error(config, "store_key") for a key that is missing, malformed or another one; Error(store,
// "corrupt") for a row that was changed.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/base/secret.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

class SecretStore {
 public:
  explicit SecretStore(Store& store, std::optional<Secret> key = std::nullopt) : store_(store), given_(std::move(key)) {}

  /// Replaces what has this name.
  void put(const std::string& name, const std::string& value);

  /// Nothing if there is none with this name.
  std::optional<std::string> find(const std::string& name);

  void erase(const std::string& name);

  /// Their names, which are no secret, in order.
  std::vector<std::string> names();

  /// Seals all of them with another key. Throws, changing nothing, when one cannot be opened with the present one.
  void change_key(const Secret& key);

 private:
  struct Key {
    std::string bytes, id, source;
  };
  Key key(bool may_make);
  std::string opened(const Key& key, const std::string& name, const std::string& key_id, const std::string& sealed) const;

  Store& store_;
  std::optional<Secret> given_;
  std::mutex mutex_;
  std::optional<Key> key_;
};

}  // namespace switchgear

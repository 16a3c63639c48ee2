// Single values by name that all who use the store share: how long history is kept, what connections' breakers have learnt.
//
// SettingStore holds no state of its own; any thread may use it, as long as the Store lives. Nothing secret belongs here.
#pragma once

#include <optional>
#include <string>

#include "switchgear/store/store.hpp"

namespace switchgear {

class SettingStore {
 public:
  explicit SettingStore(Store& store) : store_(store) {}

  /// Nothing if there is none with this name.
  std::optional<std::string> find(const std::string& name);

  /// Replaces what has this name.
  void put(const std::string& name, const std::string& value);

  /// One that is not there costs no write.
  void erase(const std::string& name);

 private:
  Store& store_;
};

}  // namespace switchgear

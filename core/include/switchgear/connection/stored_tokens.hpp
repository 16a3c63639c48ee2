// Tokens kept in the store: sealed, and shared by all processes that open it. What FileTokenStore is to a file.
//
// Renewals of one key are serialised across processes by a lease. `renewal_time` bounds it: a process that dies while it renews keeps the
// others waiting for this long, and one that takes longer may be overtaken. Any thread may use it, as long as the Store lives.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "switchgear/http/token_store.hpp"
#include "switchgear/store/leases.hpp"
#include "switchgear/store/secrets.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear {

class StoredTokens final : public TokenStore {
 public:
  explicit StoredTokens(Store& store, std::optional<Secret> key = std::nullopt,
                        std::chrono::microseconds renewal_time = std::chrono::minutes(2));

  std::optional<Tokens> load(const std::string& key) override;
  void save(const std::string& key, const Tokens& tokens) override;
  void erase(const std::string& key) override;
  std::shared_ptr<void> lock(const std::string& key, std::stop_token stop) override;

 private:
  Store& store_;
  SecretStore secrets_;
  std::shared_ptr<LeaseStore> leases_;
  std::chrono::microseconds renewal_time_;
};

}  // namespace switchgear

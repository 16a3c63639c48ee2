// The texts of secrets made into keys. Throws Error(config, secret), which never quotes a secret.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "key.hpp"
#include "switchgear/webhook/signature.hpp"

namespace switchgear::webhook_detail {

struct Keys {
  std::vector<std::unique_ptr<HmacKey>> macs;
  std::vector<Ed25519Key> ed25519;

  std::size_t count() const noexcept { return macs.size() + ed25519.size(); }
};

bool takes_standard_secrets(WebhookScheme scheme) noexcept;

HashAlgorithm algorithm_of(const WebhookOptions& options) noexcept;

Keys make_keys(const std::vector<std::string>& secrets, const WebhookOptions& options);

}  // namespace switchgear::webhook_detail

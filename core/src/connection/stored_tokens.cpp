#include "switchgear/connection/stored_tokens.hpp"

#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"

namespace switchgear {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds lock_retry{100};

std::string name_of(const std::string& key) { return "tokens/" + key; }

std::string this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {"?"};
  return std::string(host.data()) + ":" + std::to_string(::getpid());
}

}  // namespace

StoredTokens::StoredTokens(Store& store, std::optional<Secret> key, std::chrono::microseconds renewal_time)
    : store_(store), secrets_(store, std::move(key)), leases_(std::make_shared<LeaseStore>(store)), renewal_time_(renewal_time) {}

std::optional<Tokens> StoredTokens::load(const std::string& key) {
  const auto text = secrets_.find(name_of(key));
  if (!text) return std::nullopt;
  const json entry = json::parse(*text, nullptr, false);
  if (!entry.is_object()) {
    throw Error(Category::store, "tokens", "the tokens of '" + key + "' in the store are no JSON object").with_hint("sign in again");
  }
  Tokens tokens{entry.value("access_token", ""), entry.value("refresh_token", ""), std::nullopt};
  if (entry.contains("expires_at")) tokens.expires_at = from_microseconds(entry.value("expires_at", std::int64_t{0}));
  return tokens;
}

void StoredTokens::save(const std::string& key, const Tokens& tokens) {
  json entry{{"access_token", tokens.access_token}, {"refresh_token", tokens.refresh_token}};
  if (tokens.expires_at) entry["expires_at"] = to_microseconds(*tokens.expires_at);
  secrets_.put(name_of(key), entry.dump(-1, ' ', false, json::error_handler_t::replace));
}

void StoredTokens::erase(const std::string& key) { secrets_.erase(name_of(key)); }

std::shared_ptr<void> StoredTokens::lock(const std::string& key, std::stop_token stop) {
  for (;;) {
    if (auto lease = leases_->acquire(name_of(key), this_process(), renewal_time_)) {
      return {new Lease(std::move(*lease)), [leases = leases_](Lease* held) {
                const std::unique_ptr<Lease> owned(held);
                try {
                  leases->release(*owned);
                } catch (const std::exception& error) {
                  log(LogLevel::warning, "store",
                      "the lease '" + owned->name + "' could not be given back and runs out by itself: " + error.what());
                }
              }};
    }
    if (!store_.clock().sleep_for(lock_retry, stop)) {
      throw Error(Category::cancelled, "the request was cancelled while another process renewed the tokens of '" + key + "'");
    }
  }
}

}  // namespace switchgear

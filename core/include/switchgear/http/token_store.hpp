// Where tokens outlive the process: a refresh token that the server rotates is lost for good if nobody keeps the new one.
//
// A store is shared by all connections; the key is the connection's id and a mark of the sign-in that the tokens come from. All
// members may be called from any thread, and from several processes where the store is a shared one. They throw Error(store).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "switchgear/base/clock.hpp"

namespace switchgear {

struct Tokens {
  std::string access_token;
  std::string refresh_token;           ///< "" if there is none
  std::optional<WallTime> expires_at;  ///< of the access token; nothing: unknown
};

class TokenStore {
 public:
  virtual ~TokenStore() = default;
  virtual std::optional<Tokens> load(const std::string& key) = 0;
  virtual void save(const std::string& key, const Tokens& tokens) = 0;
  virtual void erase(const std::string& key) = 0;

  /// Held while tokens are renewed: of several processes one rotates at a time, until the returned object is destroyed. Throws
  /// Error(cancelled) on a stop request.
  virtual std::shared_ptr<void> lock(const std::string& key, std::stop_token stop) = 0;
};

/// Forgets everything with the process.
class MemoryTokenStore final : public TokenStore {
 public:
  std::optional<Tokens> load(const std::string& key) override;
  void save(const std::string& key, const Tokens& tokens) override;
  void erase(const std::string& key) override;
  std::shared_ptr<void> lock(const std::string& key, std::stop_token stop) override;

 private:
  std::mutex mutex_;
  std::map<std::string, Tokens> tokens_;
};

/// One JSON file, readable by its owner alone (0600), replaced atomically; a file that others can read is refused.
class FileTokenStore final : public TokenStore {
 public:
  explicit FileTokenStore(std::string path, Clock& clock = Clock::system()) : path_(std::move(path)), clock_(clock) {}
  std::optional<Tokens> load(const std::string& key) override;
  void save(const std::string& key, const Tokens& tokens) override;
  void erase(const std::string& key) override;
  std::shared_ptr<void> lock(const std::string& key, std::stop_token stop) override;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  Clock& clock_;
};

}  // namespace switchgear

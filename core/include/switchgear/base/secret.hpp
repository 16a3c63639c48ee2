// A password, key or token that never prints itself, and the means to keep its value out of every text.
//
// A Secret is a literal or a reference (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`) that is looked up each time it is
// revealed, so a rotated value is taken up without a restart. Only a reference may be stored. Values are immutable;
// Redactor may be used from any thread.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace switchgear {

class Secret {
 public:
  enum class Kind { literal, env, file, keyring };

  Secret() = default;
  explicit Secret(std::string value) : kind_(Kind::literal), text_(std::move(value)) {}

  static Secret env(std::string name) { return Secret(Kind::env, std::move(name)); }
  static Secret file(std::string path) { return Secret(Kind::file, std::move(path)); }
  static Secret keyring(std::string service_and_name) { return Secret(Kind::keyring, std::move(service_and_name)); }

  /// "env:X", "file:X" or "keyring:X". Anything else is refused with Category::config, so that a literal is never stored by accident.
  static Secret from_reference(std::string_view reference);

  /// The value. Throws Error(config) naming the reference when it leads nowhere.
  std::string reveal() const;

  Kind kind() const noexcept { return kind_; }
  bool is_literal() const noexcept { return kind_ == Kind::literal; }
  bool empty() const noexcept { return is_literal() && text_.empty(); }

  /// "env:PLANT_PW"; "***" for a literal. Safe to print.
  std::string display() const;

  /// How `keyring:` is looked up: Python's keyring package, set by the bindings. Empty: such a reference is refused.
  using KeyringLookup = std::function<std::string(const std::string& service_and_name)>;
  static void set_keyring_lookup(KeyringLookup lookup);

 private:
  Secret(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}

  Kind kind_ = Kind::literal;
  std::string text_;
};

/// Replaces every known secret value, in its plain, percent-encoded and base64 form, by "***".
class Redactor {
 public:
  void add(std::string_view value);
  std::string redact(std::string_view text) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> values_;  // longest first, so that a value inside another one leaves no remainder
};

}  // namespace switchgear

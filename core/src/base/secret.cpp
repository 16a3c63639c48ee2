#include "switchgear/base/secret.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

constexpr std::size_t shortest_redacted = 4;  // shorter values would redact ordinary words

std::mutex& keyring_mutex() {
  static std::mutex mutex;
  return mutex;
}

Secret::KeyringLookup& keyring_lookup() {
  static Secret::KeyringLookup lookup;
  return lookup;
}

std::string read_secret_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw Error(Category::config, "secret", "secret file '" + path + "' cannot be read")
        .with_hint("create it, readable by this user, holding nothing but the secret");
  }
  std::string value(std::istreambuf_iterator<char>(in), {});
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  return value;
}

}  // namespace

Secret Secret::from_reference(std::string_view reference) {
  const auto colon = reference.find(':');
  const std::string_view scheme = reference.substr(0, colon);
  const std::string rest(colon == std::string_view::npos ? std::string_view() : reference.substr(colon + 1));
  if (!rest.empty()) {
    if (scheme == "env") return env(rest);
    if (scheme == "file") return file(rest);
    if (scheme == "keyring") return keyring(rest);
  }
  // The text itself may be a pasted password: it is not repeated.
  throw Error(Category::config, "secret", "a secret must be given as a reference here")
      .with_hint("write env:NAME, file:PATH or keyring:SERVICE/NAME");
}

std::string Secret::reveal() const {
  switch (kind_) {
    case Kind::literal:
      return text_;
    case Kind::env:
      if (const char* value = std::getenv(text_.c_str())) return value;
      throw Error(Category::config, "secret", "environment variable '" + text_ + "' is not set").with_hint("export " + text_ + "=…");
    case Kind::file:
      return read_secret_file(text_);
    case Kind::keyring: {
      KeyringLookup lookup;
      {
        const std::lock_guard lock(keyring_mutex());
        lookup = keyring_lookup();
      }
      if (!lookup) {
        throw Error(Category::config, "secret", "no keyring is at hand for 'keyring:" + text_ + "'")
            .with_hint("pip install keyring, or use env: or file:");
      }
      return lookup(text_);
    }
  }
  return {};
}

std::string Secret::display() const {
  switch (kind_) {
    case Kind::literal:
      return "***";
    case Kind::env:
      return "env:" + text_;
    case Kind::file:
      return "file:" + text_;
    case Kind::keyring:
      return "keyring:" + text_;
  }
  return "***";
}

void Secret::set_keyring_lookup(KeyringLookup lookup) {
  const std::lock_guard lock(keyring_mutex());
  keyring_lookup() = std::move(lookup);
}

void Redactor::add(std::string_view value) {
  if (value.size() < shortest_redacted) return;
  const std::lock_guard lock(mutex_);
  for (std::string form : {std::string(value), percent_encode(value), base64_encode(value)}) {
    if (std::find(values_.begin(), values_.end(), form) == values_.end()) values_.push_back(std::move(form));
  }
  std::stable_sort(values_.begin(), values_.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Redactor::redact(std::string_view text) const {
  std::string result(text);
  const std::lock_guard lock(mutex_);
  for (const std::string& value : values_) {
    for (auto at = result.find(value); at != std::string::npos; at = result.find(value, at + 3)) result.replace(at, value.size(), "***");
  }
  return result;
}

}  // namespace switchgear

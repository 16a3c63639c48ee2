// AES-256-GCM by OpenSSL: texts that only the holder of the key can read, and that nobody can change or exchange unnoticed.
// Any thread. Throws Error(internal, "crypto") when OpenSSL fails, which it does not in a working installation.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace switchgear::store_detail {

/// 32 bytes.
inline constexpr std::size_t key_bytes = 32;

/// Unpredictable bytes from the operating system.
std::string random_bytes(std::size_t count);

/// Says which key it is without giving it away: 16 hexadecimal digits.
std::string key_id(std::string_view key);

/// base64 of nonce, ciphertext and tag. `context` is not stored but must be the same when it is opened: a text moved to another place
/// does not open there.
std::string seal(std::string_view key, std::string_view context, std::string_view text);

/// Nothing if it was not sealed with this key and context, or was changed since.
std::optional<std::string> open_sealed(std::string_view key, std::string_view context, std::string_view sealed);

}  // namespace switchgear::store_detail

// Signatures between their bytes and their texts, hexadecimal or base64.
#include "claims.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear::webhook_detail {
namespace {

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr int base64_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

constexpr auto base64_values = [] {
  std::array<std::int8_t, 256> values{};
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int8_t>(base64_value(static_cast<char>(i)));
  return values;
}();

/// The one spelling that there is of so many bytes: padded, no bits left over.
Digest from_base64(std::string_view text) noexcept {
  Digest digest;
  if (text.empty() || text.size() % 4 != 0) return {};
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::size_t bytes = text.size() / 4 * 3 - padding;
  if (bytes > digest.bytes.size()) return {};
  std::uint32_t block = 0;
  unsigned bits = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const std::int8_t value = base64_values[static_cast<unsigned char>(c)];
    if (value < 0) return {};
    block = block << 6U | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    digest.bytes[digest.size++] = static_cast<unsigned char>(block >> bits & 255U);
  }
  return (block & ((1U << bits) - 1U)) == 0 ? digest : Digest{};
}

Digest from_hex(std::string_view text) noexcept {
  Digest digest;
  if (text.size() % 2 != 0 || text.size() / 2 > digest.bytes.size()) return {};
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return {};
    digest.bytes[digest.size++] = static_cast<unsigned char>(high * 16 + low);
  }
  return digest;
}

}  // namespace

Digest decode_signature(SignatureEncoding encoding, std::string_view text) noexcept {
  return encoding == SignatureEncoding::hex ? from_hex(text) : from_base64(text);
}

std::string encode_signature(SignatureEncoding encoding, std::string_view digest) {
  if (encoding == SignatureEncoding::base64) return base64_encode(digest);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(digest.size() * 2);
  for (const char c : digest) {
    text += digits[static_cast<unsigned char>(c) >> 4U];
    text += digits[static_cast<unsigned char>(c) & 15U];
  }
  return text;
}

}  // namespace switchgear::webhook_detail

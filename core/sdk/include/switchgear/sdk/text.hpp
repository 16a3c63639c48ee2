// Texts of the ABI as C++ sees them. Views are borrowed: they live as long as the call that brought them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/sdk/abi.h"

namespace switchgear::sdk::detail {

inline std::string_view view(const sg_str& text) { return text.p == nullptr ? std::string_view() : std::string_view(text.p, text.n); }
inline std::string_view view(const sg_buf& bytes) { return bytes.p == nullptr ? std::string_view() : std::string_view(bytes.p, bytes.n); }
inline std::string str(const sg_str& text) { return std::string(view(text)); }
inline sg_str text_of(std::string_view text) { return sg_str{text.data(), text.size()}; }

inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/// A JSON array of texts.
inline std::string json_texts(const std::vector<std::string>& items) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string json = "[";
  for (const std::string& item : items) {
    json += json.size() > 1 ? ",\"" : "\"";
    for (const char c : item) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20) {
        json.append("\\u00").append({digits[byte >> 4U], digits[byte & 15U]});
      } else {
        if (c == '"' || c == '\\') json.push_back('\\');
        json.push_back(c);
      }
    }
    json.push_back('"');
  }
  return json + "]";
}

inline void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6U)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3FU)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12U)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6U) & 0x3FU)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3FU)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18U)));
    out.push_back(static_cast<char>(0x80 | ((code >> 12U) & 0x3FU)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6U) & 0x3FU)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3FU)));
  }
}

}  // namespace switchgear::sdk::detail

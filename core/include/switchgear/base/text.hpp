// Encodings of short texts: percent-encoding (RFC 3986), base64 (RFC 4648), case-insensitive comparison of ASCII.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace switchgear {

/// Everything but RFC 3986's unreserved characters becomes %XX.
std::string percent_encode(std::string_view text);

/// %XX becomes its byte; a malformed escape stays as it is.
std::string percent_decode(std::string_view text);

/// Standard alphabet, padded.
std::string base64_encode(std::string_view bytes);

/// Standard or URL-safe alphabet, padding optional; nothing for any other character or a wrong length.
std::optional<std::string> base64_decode(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

std::string to_lower_ascii(std::string_view text);

/// Without spaces and tabs at both ends (HTTP's OWS).
std::string_view trim(std::string_view text) noexcept;

}  // namespace switchgear

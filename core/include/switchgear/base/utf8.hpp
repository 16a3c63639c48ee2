// UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace switchgear {

/// The offset of the first byte that is not part of a well-formed sequence; text.size() if all are.
std::size_t first_invalid_utf8(std::string_view text) noexcept;

/// Every ill-formed byte becomes U+FFFD, so that any text can be shown and put into JSON.
std::string to_valid_utf8(std::string_view text);

}  // namespace switchgear

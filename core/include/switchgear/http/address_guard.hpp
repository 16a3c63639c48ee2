// Which addresses a request may go to whose URL somebody else chose: public ones, and those that the operator allows.
//
// Judged is the address that a connection is about to be made to, after the name was resolved, so that a name which leads elsewhere
// tomorrow, or a way to write an address that nobody thought of, gets nowhere. Plain values; any thread. Subnet::parse throws
// Error(config, "subnet").
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;  // NOLINT(readability-identifier-naming): POSIX's own name

namespace switchgear {

/// IPv4 or IPv6; a v4-mapped one (::ffff:127.0.0.1) is the IPv4 address that it means.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  ///< of IPv4 the first four
  bool v6 = false;

  /// In the usual form alone. Nothing for any other text.
  static std::optional<IpAddress> parse(const std::string& text);
  /// As resolvers read a host that is no name: 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1. With or without brackets.
  static std::optional<IpAddress> of_host(std::string_view host);
  /// Nothing for another family.
  static std::optional<IpAddress> from(const sockaddr& address);

  std::string str() const;
  bool operator==(const IpAddress&) const = default;
};

struct Subnet {
  IpAddress base;
  unsigned bits = 0;

  /// "10.1.0.0/16", "fd00::/8", or an address alone.
  static Subnet parse(std::string_view text);
  bool contains(const IpAddress& address) const noexcept;
};

/// What the address is for, if it is not for everybody: "loopback (127.0.0.0/8)".
std::optional<std::string> special_use(const IpAddress& address);

struct AddressGuard {
  std::vector<Subnet> allowed = {};
  bool public_too = true;  ///< false: nothing but what is allowed

  /// Why no connection is made to it; nothing: it is.
  std::optional<std::string> refusal(const IpAddress& address) const;
};

}  // namespace switchgear

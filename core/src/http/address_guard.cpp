#include "switchgear/http/address_guard.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

struct Range {
  const char* subnet;
  const char* use;
};

// IANA's registries of special-purpose addresses (RFC 6890), and what leads to an IPv4 address by another way.
constexpr std::array<Range, 36> ranges = {{
    {"0.0.0.0/8", "this network"},
    {"10.0.0.0/8", "private"},
    {"100.64.0.0/10", "carrier-grade NAT"},
    {"127.0.0.0/8", "loopback"},
    {"169.254.0.0/16", "link-local"},
    {"172.16.0.0/12", "private"},
    {"192.0.0.0/24", "protocol assignments"},
    {"192.0.2.0/24", "documentation"},
    {"192.31.196.0/24", "AS112"},
    {"192.52.193.0/24", "AMT"},
    {"192.88.99.0/24", "6to4 relay"},
    {"192.168.0.0/16", "private"},
    {"192.175.48.0/24", "AS112"},
    {"198.18.0.0/15", "benchmarking"},
    {"198.51.100.0/24", "documentation"},
    {"203.0.113.0/24", "documentation"},
    {"224.0.0.0/4", "multicast"},
    {"240.0.0.0/4", "reserved"},
    {"::/128", "unspecified"},
    {"::1/128", "loopback"},
    {"::/96", "IPv4-compatible"},
    {"64:ff9b::/96", "NAT64"},
    {"64:ff9b:1::/48", "NAT64"},
    {"100::/64", "discard"},
    {"2001::/32", "Teredo"},
    {"2001:2::/48", "benchmarking"},
    {"2001:10::/28", "ORCHID"},
    {"2001:20::/28", "ORCHID"},
    {"2001:db8::/32", "documentation"},
    {"2001::/23", "protocol assignments"},
    {"2002::/16", "6to4"},
    {"3fff::/20", "documentation"},
    {"5f00::/16", "segment routing"},
    {"fc00::/7", "unique local"},
    {"fe80::/10", "link-local"},
    {"ff00::/8", "multicast"},
}};

struct Special {
  Subnet subnet;
  std::string words;
};

const std::vector<Special>& specials() {
  static const std::vector<Special> all = [] {
    std::vector<Special> made;
    for (const Range& range : ranges) made.push_back({Subnet::parse(range.subnet), std::string(range.use) + " (" + range.subnet + ")"});
    return made;
  }();
  return all;
}

IpAddress from_v4(const void* bytes) {
  IpAddress address;
  std::memcpy(address.bytes.data(), bytes, 4);
  return address;
}

IpAddress from_v6(const void* bytes) {
  IpAddress address;
  address.v6 = true;
  std::memcpy(address.bytes.data(), bytes, 16);
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), address.bytes.begin())) return from_v4(address.bytes.data() + mapped.size());
  return address;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(const std::string& text) {
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return from_v4(bytes.data());
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return from_v6(bytes.data());
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::of_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(std::string(host).c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  return from(*found->ai_addr);
}

std::optional<IpAddress> IpAddress::from(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in as{};
    std::memcpy(&as, &address, sizeof as);
    return from_v4(&as.sin_addr);
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 as{};
    std::memcpy(&as, &address, sizeof as);
    return from_v6(&as.sin6_addr);
  }
  return std::nullopt;
}

std::string IpAddress::str() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* written = inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
  return written == nullptr ? std::string() : written;
}

Subnet Subnet::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = IpAddress::parse(std::string(text.substr(0, slash)));
  Subnet subnet;
  if (base) {
    subnet.base = *base;
    subnet.bits = base->v6 ? 128 : 32;
    if (slash == std::string_view::npos) return subnet;
    const std::string_view digits = text.substr(slash + 1);
    const unsigned most = subnet.bits;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), subnet.bits);
    if (problem == std::errc() && end == digits.data() + digits.size() && subnet.bits <= most) return subnet;
  }
  throw Error(Category::config, "subnet", "'" + std::string(text) + "' is no subnet")
      .with_hint("an address and the bits that count: 10.1.0.0/16, fd00::/8");
}

bool Subnet::contains(const IpAddress& address) const noexcept {
  if (address.v6 != base.v6) return false;
  const unsigned whole = bits / 8;
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, base.bytes.begin())) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const unsigned mask = (0xff00U >> rest) & 0xffU;
  return (address.bytes.at(whole) & mask) == (base.bytes.at(whole) & mask);
}

std::optional<std::string> special_use(const IpAddress& address) {
  for (const Special& special : specials()) {
    if (special.subnet.contains(address)) return special.words;
  }
  static const Subnet global = Subnet::parse("2000::/3");
  if (address.v6 && !global.contains(address)) return "not assigned";
  return std::nullopt;
}

std::optional<std::string> AddressGuard::refusal(const IpAddress& address) const {
  for (const Subnet& subnet : allowed) {
    if (subnet.contains(address)) return std::nullopt;
  }
  const auto use = special_use(address);
  if (use) return address.str() + ", which is " + *use + " and not public";
  if (!public_too) return address.str() + ", which is in no allowed subnet";
  return std::nullopt;
}

}  // namespace switchgear

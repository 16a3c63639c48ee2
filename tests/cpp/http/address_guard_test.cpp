#include "switchgear/http/address_guard.hpp"

#include <gtest/gtest.h>

#include "loopback_server.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {
namespace {

std::string refusal_of(const std::string& host, const AddressGuard& guard = {}) {
  const auto address = IpAddress::of_host(host);
  return address ? guard.refusal(*address).value_or("") : "no address";
}

TEST(AddressGuard, PublicAddressesPass) {
  for (const char* host : {"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
                           "198.17.255.255", "198.20.0.0", "223.255.255.255", "[2606:4700::1111]", "2a00:1450::1"}) {
    EXPECT_EQ(refusal_of(host), "") << host;
  }
}

TEST(AddressGuard, WhatIsForNobodyOutsideIsRefusedWithItsUse) {
  const std::pair<const char*, const char*> cases[] = {
      {"0.0.0.0", "this network"},
      {"10.0.0.1", "private (10.0.0.0/8)"},
      {"100.64.0.1", "carrier-grade NAT"},
      {"100.127.255.255", "carrier-grade NAT"},
      {"127.0.0.1", "loopback (127.0.0.0/8)"},
      {"127.255.255.254", "loopback"},
      {"169.254.169.254", "link-local"},
      {"172.16.0.1", "private (172.16.0.0/12)"},
      {"172.31.255.255", "private"},
      {"192.0.0.8", "protocol assignments"},
      {"192.0.2.1", "documentation"},
      {"192.168.1.1", "private (192.168.0.0/16)"},
      {"198.18.0.1", "benchmarking"},
      {"198.19.255.255", "benchmarking"},
      {"198.51.100.7", "documentation"},
      {"203.0.113.7", "documentation"},
      {"224.0.0.1", "multicast"},
      {"240.0.0.1", "reserved"},
      {"255.255.255.255", "reserved"},
      {"::", "unspecified"},
      {"::1", "loopback (::1/128)"},
      {"::7f00:1", "IPv4-compatible"},
      {"64:ff9b::a00:1", "NAT64"},
      {"2001:db8::1", "documentation"},
      {"2001::1", "Teredo"},
      {"2002:7f00:1::", "6to4"},
      {"fc00::1", "unique local"},
      {"fd12:3456::1", "unique local"},
      {"fe80::1", "link-local"},
      {"fec0::1", "not assigned"},
      {"ff02::1", "multicast"},
  };
  for (const auto& [host, use] : cases) {
    EXPECT_NE(refusal_of(host).find(use), std::string::npos) << host << ": " << refusal_of(host);
  }
}

/// However it is written, it is the address that it means.
TEST(AddressGuard, OtherWaysToWriteLoopbackAreLoopback) {
  for (const char* host :
       {"[::ffff:127.0.0.1]", "::ffff:7f00:1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "0x7f.0.0.01"}) {
    EXPECT_NE(refusal_of(host).find("127.0.0.1, which is loopback"), std::string::npos) << host << ": " << refusal_of(host);
  }
  EXPECT_EQ(refusal_of("plant.example"), "no address");
}

TEST(AddressGuard, AnAllowedSubnetPassesAndNothingBesideIt) {
  AddressGuard guard;
  guard.allowed = {Subnet::parse("10.1.0.0/20"), Subnet::parse("127.0.0.1"), Subnet::parse("fd00::/9")};
  for (const char* host : {"10.1.0.0", "10.1.15.255", "127.0.0.1", "[::ffff:127.0.0.1]", "fd7f::1", "8.8.8.8"})
    EXPECT_EQ(refusal_of(host, guard), "") << host;
  for (const char* host : {"10.1.16.0", "10.0.255.255", "127.0.0.2", "fd80::1"}) EXPECT_NE(refusal_of(host, guard), "") << host;
  guard.public_too = false;
  EXPECT_NE(refusal_of("8.8.8.8", guard).find("in no allowed subnet"), std::string::npos);
  EXPECT_EQ(refusal_of("10.1.0.1", guard), "");
}

TEST(AddressGuard, SubnetsThatAreNoneAreRefused) {
  for (const char* text : {"", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/8 ", "10.0.0.0/-1", "plant.example/8"}) {
    try {
      Subnet::parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "config.subnet") << text;
    }
  }
  EXPECT_TRUE(Subnet::parse("0.0.0.0/0").contains(*IpAddress::parse("8.8.8.8")));
  EXPECT_FALSE(Subnet::parse("0.0.0.0/0").contains(*IpAddress::parse("2a00::1")));
}

/// The resolved address counts: `localhost` is a name, and no request reaches the server behind it.
TEST(AddressGuard, ATransportConnectsToNoNameThatLeadsToLoopback) {
  std::atomic<int> requests{0};
  testing::LoopbackServer server([&](testing::Peer& peer) {
    while (!peer.read_request().empty()) {
      ++requests;
      peer.reply("{}");
    }
  });
  TransportOptions options;
  options.proxy = "none";
  options.guard = AddressGuard();
  HttpRequest request;
  for (const std::string host : {"localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "2130706433"}) {
    request.url = "http://" + host + ":" + std::to_string(server.port()) + "/";
    try {
      make_curl_transport(options)->send(request, {});
      ADD_FAILURE() << host;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "config.address") << host << ": " << error.message;
      EXPECT_NE(error.message.find("loopback"), std::string::npos) << error.message;
      EXPECT_TRUE(error.nothing_sent);
    }
  }
  EXPECT_EQ(requests, 0);
  options.guard->allowed = {Subnet::parse("127.0.0.0/8"), Subnet::parse("::1")};
  request.url = "http://127.0.0.1:" + std::to_string(server.port()) + "/";
  EXPECT_EQ(make_curl_transport(options)->send(request, {}).status, 200);
  EXPECT_EQ(requests, 1);
}

}  // namespace
}  // namespace switchgear

// The way to a source as it is seen from here: its name, the proxy, TCP and TLS, each timed on its own, without sending a request.
//
// Made by Transport::examine(). Plain values; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {

/// What a server shows of itself. The texts are made fit for a terminal: one line, no control characters, not endless.
struct Certificate {
  std::string subject, issuer;  ///< "CN = plant.example, O = Plant"
  std::optional<WallTime> valid_from, valid_until;
  std::vector<std::string> names;  ///< host names and addresses that it is for

  /// "CN = plant.example, issued by CN = Some CA, valid until 2027-01-31, for plant.example".
  std::string describe() const;
};

/// From the fields as OpenSSL prints them: "Subject", "Issuer", "Start date", "Expire date", "X509v3 Subject Alternative Name". What is
/// missing or unreadable is left out.
Certificate certificate_from(const std::vector<std::pair<std::string, std::string>>& fields);

/// "Jan 31 08:00:00 2027 GMT"; nothing for any other text.
std::optional<WallTime> certificate_time(std::string_view text);

struct EndpointReport {
  std::string place;    ///< host:port
  std::string proxy;    ///< what stands between, without its password; "": nothing
  std::string address;  ///< the peer that TCP was tried with, the proxy's where there is one; "": none was known
  /// How long each took, also the one that failed; nothing where it was not reached.
  std::optional<std::chrono::microseconds> dns, connect, tls;
  std::optional<Certificate> certificate;  ///< also of one that is refused
  std::optional<Error> error;              ///< the first thing that stands in the way
};

}  // namespace switchgear

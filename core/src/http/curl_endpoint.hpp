// Looking at the way to a server by libcurl: connections that are made and closed again, with the options of a transport.
#pragma once

#include <stop_token>
#include <string>

#include "switchgear/http/endpoint.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {

/// A certificate that is refused is fetched over a second connection, on which nothing is sent either. Throws only Error(cancelled).
EndpointReport examine_endpoint(const Url& url, const TransportOptions& options, const std::string& ca_file, std::stop_token stop);

}  // namespace switchgear

// How a listing is divided, so that its parts can be read side by side: what the connector's `plan` says, and whether it is asked at all.
//
// Plain values and functions without state; any thread. Throws Error: the connector's, and plugin.contract for a plan that is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/connection/call_services.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/connector/plugin.hpp"

namespace switchgear {

struct ReadRequest;

/// Whether a read goes side by side, by what is known before anything is sent. Text: why not.
std::optional<std::string> why_not_parallel(const Connection& connection, const ReadRequest& request);

/// How many parts are wished for. More than are read at once, so that in order no part is long in the way of the others; and not so many
/// that a stored place, which names those that are left, grows large.
std::int64_t wished_parts(std::size_t parallel) noexcept;

/// What `plan` returned, a JSON array of texts.
std::vector<std::string> parse_partitions(std::string_view json, const std::string& connector);

/// Asks the connector. Fewer than two: it does not divide this listing.
std::vector<std::string> plan_partitions(Connection& connection, CallServices& services, PageRequest page, std::size_t parallel,
                                         std::stop_token stop);

/// What reading will take, as far as it can be told before anything is sent. Nothing: the source has not said yet.
struct ReadExplanation {
  std::optional<std::uint64_t> records, page_size, pages, requests;
  std::optional<std::uint64_t> partitions;    ///< at most; the connector divides the listing when it is read
  std::size_t parallel = 1;                   ///< at once
  std::optional<double> requests_per_second;  ///< the connection's limit
  std::optional<double> seconds_at_limit;     ///< that the requests take at least
  std::vector<std::string> notes;             ///< in words, also why something is not as it was asked for
};

/// `records`: how many there are thought to be; nothing: the request's limit, if it has one.
ReadExplanation explain_read(Connection& connection, const ReadRequest& request, std::optional<std::uint64_t> records);

}  // namespace switchgear

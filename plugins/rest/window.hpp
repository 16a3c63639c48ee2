// Listings by time windows, [from, until): the oldest first, each window a page. A window that holds more than the source gives at once is
// halved and asked for again; an empty or nearly empty one makes the next wider. The last window has no end, so that no record is newer
// than it; the first has no beginning.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "description.hpp"

namespace switchgear::rest {

struct Ask;
struct Answer;
struct Place;
struct Tell;

struct Window {
  std::optional<std::int64_t> from, until;  ///< microseconds since 1970
  std::int64_t step = 0;                    ///< microseconds

  std::string to_token() const;
};

/// The window that a place stands for. Throws sdk::Error(bad_request, "token").
Window window_at(const Paging& paging, const Place& place);

/// The token of a narrower window with the same beginning. Throws sdk::Error(protocol, "window") where it can't be narrower.
std::string narrower(const Paging& paging, const Place& place);

/// The token of the window after this one, which held `records`; "" after the last.
std::string following(const Paging& paging, const Place& place, std::size_t records);

void ask_window(const Paging& paging, const Place& place, Ask& asked);
void tell_window(const Paging& paging, const Place& place, const Answer& answer, Tell& told);

}  // namespace switchgear::rest

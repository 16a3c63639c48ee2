// A reader's place in a listing, as text that can be stored and handed to another process.
//
// Names the entity, so that a place in one listing is not taken for a place in another, and tells the end from the beginning: reading
// on from the end gives nothing, not everything again. A listing that is read in parts has a place for each part that is not finished.
// Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchgear {

/// Where to go on in one listing, or in one part of it.
struct Place {
  std::string partition;            ///< one of those that the connector's `plan` named; "": the listing is not in parts
  std::string token;                ///< the source's continuation token; "" is the first page
  std::vector<std::uint64_t> seen;  ///< hashes of the keys that the page before ended with, where pages overlap

  bool operator==(const Place&) const = default;
};

struct Continuation {
  std::string entity;
  std::vector<Place> places = {Place{}};  ///< in the listing's order; none: all pages have been taken

  bool ended() const noexcept { return places.empty(); }
  std::string to_text() const;

  /// Throws Error(config, "token") for text that is none, or that is of another entity.
  static Continuation from_text(std::string_view text, std::string_view entity);
};

}  // namespace switchgear

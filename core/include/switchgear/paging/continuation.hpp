// A reader's place in a listing, as text that can be stored and handed to another process.
//
// Names the entity, so that a place in one listing is not taken for a place in another, and tells the end from the beginning: reading
// on from the end gives nothing, not everything again. Plain values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace switchgear {

struct Continuation {
  std::string entity;
  std::string token;   ///< the source's continuation token; "" is the first page
  bool ended = false;  ///< all pages have been taken

  std::string to_text() const;

  /// Throws Error(config, "token") for text that is none, or that is of another entity.
  static Continuation from_text(std::string_view text, std::string_view entity);
};

}  // namespace switchgear

// How a listing is paged, found out from its first reply. What is found goes into the continuation token, so that every later page is read
// the same way; the reason is given for the log, with the lines of TOML that say the same.
//
// Pure functions; any thread. Throw sdk::Error(unsupported, "paging") where a reply says that there is more but not how to get it, and
// sdk::Error(protocol, "records") where no list of records is found.
#pragma once

#include <string>
#include <string_view>

#include "description.hpp"
#include "paging.hpp"

namespace switchgear::rest {

struct Detected {
  Paging paging;
  std::string records;  ///< JSON pointer
  std::string reason;   ///< "the reply holds /next_cursor"
  std::string toml;     ///< `style = "cursor"\nparam = …`: what the description could say instead

  /// A token for the page after, from which at_token() finds all of this again.
  std::string to_token(const std::string& inner) const;
};

Detected detect(const Entity& entity, const Answer& answer);

/// `inner` gets the token of the style. Throws sdk::Error(bad_request, "token").
Detected from_token(const Entity& entity, const std::string& token, std::string& inner);

}  // namespace switchgear::rest

// The paging styles, in one table: what each asks for, and what it tells the host about going on. A style keeps nothing: a page depends on
// its token alone.
//
// Pure functions; any thread. They throw sdk::Error(bad_request, "token") for a token that is none of the style's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "description.hpp"
#include "query.hpp"

namespace switchgear::rest {

/// Where in a listing a page begins.
struct Place {
  std::string token;                      ///< "": the first page
  std::int64_t size = 0;                  ///< records asked for; 0: the source's own number
  std::optional<std::int64_t> low, high;  ///< of a part of the listing, or of a time window's listing (microseconds)
  std::int64_t part_size = 0;             ///< of the pages whose numbers the bounds are; 0: they are no such
  std::int64_t now = 0;                   ///< microseconds since 1970
};

/// What a page asks for beside the entity's own parameters.
struct Ask {
  Parameters parameters;
  std::string url;       ///< the source's own link, instead of the entity's path and all parameters
  bool nothing = false;  ///< the part of the listing is at its end: an empty last page, without a request
};

/// What the host is told about a page (the members of sg_page of the same names).
struct Tell {
  std::optional<std::string> next, more, total, next_token;
  std::vector<std::string> next_fields;
  std::optional<std::int64_t> offset;
  bool empty_is_last = false;
  std::optional<std::uint64_t> overlap;  ///< set on every page of a listing that reads records twice, on the first to 0
  std::string back;
};

/// A reply as paging looks at it. `header` gives all values of a name, with ", " between; "" for none.
struct Answer {
  std::string_view body;
  std::function<std::string(std::string_view)> header;
};

/// The page size to ask for: the wished one, or the description's, within its maximum.
std::int64_t page_size(const Paging& paging, std::int64_t wished);

Ask ask(const Paging& paging, const Place& place);
Tell tell(const Paging& paging, const Place& place, const Answer& answer);

/// The token that the host would come to, for listings that are made of others. `records` points into `body`. "": the last page.
std::string resolve(const Tell& told, std::string_view body, std::string_view records);

/// The records of a reply as they stand. Throws sdk::Error(protocol, "records") where there is no list.
std::vector<std::string_view> records_of(std::string_view body, std::string_view pointer);

/// A whole number; sdk::Error(bad_request, "token") for another text.
std::int64_t whole_number(std::string_view token);

}  // namespace switchgear::rest

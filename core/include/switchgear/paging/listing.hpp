// One listing, or one part of it, from token to token: where it goes on, that it ends, and that nothing of it comes twice.
//
// fetch() loads the page at the present place, finds the next one before any column is built, drops what pages repeat because rows shift
// between them, and moves on. The place after a page is all that another process needs to go on. One thread at a time. Throws Error: the
// loader's, and protocol.page_loop | protocol.shifted | protocol.json | protocol.token for a listing that is wrong; the place is then
// still before that page, so that nothing is lost by going on from there.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include "switchgear/connector/plugin.hpp"
#include "switchgear/data/json_page.hpp"
#include "switchgear/data/record_batch.hpp"
#include "switchgear/paging/continuation.hpp"

namespace switchgear {

/// Fetches the page at `token` ("" is the first). Called by one thread at a time.
using PageLoader = std::function<RawPage(const std::string& token, std::stop_token stop)>;

struct ListingOptions {
  std::string connection_id;  ///< whose listing it is, for messages
  std::string entity;
  std::vector<std::string> key;  ///< fields that identify a record; empty: none do
  bool key_in_pages = true;      ///< false: the caller asked for columns without it
};

struct FetchedPage {
  std::optional<JsonPage> json;
  std::optional<RecordBatch> foreign;
  Place before;
  std::optional<Place> after;  ///< nothing: this is the last page
  std::optional<std::int64_t> total;
  std::uint64_t bytes = 0;  ///< of the reply
  std::uint64_t held = 0;   ///< of memory, until it has become columns
};

class Listing {
 public:
  Listing(PageLoader load, ListingOptions options, Place start);

  /// Must not be called after the end.
  FetchedPage fetch(const std::stop_token& stop);
  bool ended() const noexcept { return ended_; }

  /// Where it goes on.
  const Place& place() const noexcept { return place_; }

 private:
  struct Loaded {
    FetchedPage page;
    std::string next;                   // "": the end
    std::vector<std::uint64_t> hashes;  // of the records' keys, where pages overlap
    std::uint64_t overlap = 0;
    std::optional<std::string> back;
    bool went_back = false;
  };

  Loaded load(const std::string& token, const std::stop_token& stop) const;
  bool drop_repeated(Loaded& loaded) const;  // false: rows have shifted by more than the overlap
  std::string next_of(const RawPage& raw, const FetchedPage& page) const;
  void watch_for_loops(const Loaded& loaded);
  std::vector<std::uint64_t> remembered(Loaded& loaded) const;
  bool identified() const noexcept { return !options_.key.empty() && options_.key_in_pages; }

  PageLoader load_;
  ListingOptions options_;
  Place place_;
  bool ended_ = false;
  std::unordered_set<std::size_t> seen_tokens_;
  std::uint64_t last_page_hash_ = 0;
  std::uint64_t repeated_pages_ = 0;
  std::uint64_t repeated_records_ = 0;
};

}  // namespace switchgear

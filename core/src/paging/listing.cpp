#include "switchgear/paging/listing.hpp"

#include <algorithm>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"

namespace switchgear {
namespace {

// How often one page may be looked for further back before its listing is given up.
constexpr int max_steps_back = 8;
// Pages that overlap may well be equal for once: as many rows as a page holds were inserted before it.
constexpr std::uint64_t max_equal_overlapping = 3;
// Records without a key in them may be equal and yet be others, as readings of a meter.
constexpr std::uint64_t max_equal_records = 1000;
constexpr std::uint64_t max_equal_projected = 1'000'000;
// Keys that a place carries along.
constexpr std::size_t least_remembered = 64;
constexpr std::size_t most_remembered = 1024;

PagePointers pointers_of(RawPage& raw) {
  return {std::move(raw.records), std::move(raw.next),    std::move(raw.removed), std::move(raw.delta),
          std::move(raw.total),   std::move(raw.control), std::move(raw.more),    std::move(raw.next_fields)};
}

std::string shortened(const std::string& token) { return token.size() <= 100 ? token : token.substr(0, 100) + "..."; }

Error loop(const std::string& what) {
  return Error(Category::protocol, "page_loop", what)
      .with_hint(
          "what came before is good, and reading can go on from there; report it to the source's operator, and try another page_size or an "
          "order by a unique key");
}

bool contains(const std::vector<std::uint64_t>& hashes, std::uint64_t hash) {
  return hash != 0 && std::find(hashes.begin(), hashes.end(), hash) != hashes.end();
}

}  // namespace

Listing::Listing(PageLoader load, ListingOptions options, Place start)
    : load_(std::move(load)), options_(std::move(options)), place_(std::move(start)) {
  if (!place_.token.empty()) seen_tokens_.insert(std::hash<std::string>()(place_.token));
}

FetchedPage Listing::fetch(const std::stop_token& stop) {
  Loaded loaded = load(place_.token, stop);
  for (int steps = 0; !drop_repeated(loaded); ++steps) {
    if (steps == max_steps_back || !loaded.back || loaded.back->empty()) {
      throw Error(Category::protocol, "shifted",
                  "rows were deleted or inserted faster than the pages came: the page at '" + shortened(place_.token) +
                      "' does not join the page before, also not " + std::to_string(steps) + " steps further back")
          .with_hint("read again from the beginning, with larger pages, or in an order that does not change (by a key or a cursor)");
    }
    loaded = load(*loaded.back, stop);
    loaded.went_back = true;
  }
  watch_for_loops(loaded);
  loaded.page.before = place_;
  if (loaded.next.empty()) {
    ended_ = true;
    return std::move(loaded.page);
  }
  place_.seen = remembered(loaded);
  place_.token = std::move(loaded.next);
  loaded.page.after = place_;
  return std::move(loaded.page);
}

Listing::Loaded Listing::load(const std::string& token, const std::stop_token& stop) const {
  RawPage raw = load_(token, stop);
  Loaded loaded;
  FetchedPage& page = loaded.page;
  if (raw.batch) {
    page.foreign.emplace(raw.batch->schema, raw.batch->array);
    page.bytes = page.held = page.foreign->bytes();
  } else {
    page.json.emplace(std::move(raw.body), pointers_of(raw));
    page.bytes = page.json->bytes();
    page.held = page.json->held_bytes();
    page.total = page.json->total();
  }
  loaded.overlap = raw.overlap;
  loaded.back = raw.back;
  if (page.json && !options_.key.empty() && (raw.overlap > 0 || raw.back || raw.offset))
    loaded.hashes = page.json->key_hashes(options_.key);
  loaded.next = next_of(raw, page);
  return loaded;
}

std::string Listing::next_of(const RawPage& raw, const FetchedPage& page) const {
  if (page.json && page.json->more() == false) return {};
  if (raw.offset || raw.empty_is_last) {
    const auto records =
        page.json ? static_cast<std::uint64_t>(page.json->count_records()) : static_cast<std::uint64_t>(page.foreign->length());
    // Where nothing stands behind what is read again, the listing ends, too.
    if (records == 0 || (raw.offset && records <= raw.overlap)) return {};
    if (raw.offset) return std::to_string(*raw.offset + static_cast<std::int64_t>(records));
  }
  if (raw.next_token) return *raw.next_token;
  return page.json ? page.json->next().value_or("") : std::string();
}

bool Listing::drop_repeated(Loaded& loaded) const {
  if (loaded.overlap == 0 || !loaded.page.json) return true;
  const std::vector<std::uint64_t>& hashes = loaded.hashes;
  const bool has_keys = std::any_of(hashes.begin(), hashes.end(), [](std::uint64_t hash) { return hash != 0; });
  if (!has_keys && !(hashes.empty() && identified())) {
    throw Error(Category::config, "overlap",
                "pages of '" + options_.entity + "' overlap, but there is no key by which repeated records could be told")
        .with_hint("give the entity its key, and read the key's columns");
  }
  if (place_.seen.empty()) {
    // The page before had no records, or a connector forgot to say of it that it would be overlapped.
    log(LogLevel::warning, options_.connection_id + "/" + options_.entity,
        "the page at '" + shortened(place_.token) + "' may repeat records: the keys of the page before are not known");
    return true;
  }
  const auto overlap = static_cast<std::size_t>(std::min<std::uint64_t>(loaded.overlap, hashes.size()));
  std::vector<bool> repeated(hashes.size(), false);
  bool joins = false;
  for (std::size_t i = 0; i < overlap; ++i) {
    repeated[i] = contains(place_.seen, hashes[i]);
    joins = joins || repeated[i];
  }
  if (!joins) return false;
  // Rows that were inserted before this page push more of the page before into it. A known key further on is a row that has moved: news.
  for (std::size_t i = overlap; i < hashes.size() && contains(place_.seen, hashes[i]); ++i) repeated[i] = true;
  loaded.page.json->leave_out(std::move(repeated));
  return true;
}

std::vector<std::uint64_t> Listing::remembered(Loaded& loaded) const {
  const auto wanted =
      std::clamp(static_cast<std::size_t>(std::min<std::uint64_t>(loaded.overlap, most_remembered)) * 4, least_remembered, most_remembered);
  std::vector<std::uint64_t>& hashes = loaded.hashes;
  // A page without records leaves the one before it the last to join.
  if (hashes.empty() && loaded.back) return place_.seen;
  if (hashes.size() > wanted) hashes.erase(hashes.begin(), hashes.end() - static_cast<std::ptrdiff_t>(wanted));
  return std::move(hashes);
}

void Listing::watch_for_loops(const Loaded& loaded) {
  const std::string& next = loaded.next;
  // A hash each, not the token: a listing of a million pages would keep a million URLs. Going back may well lead to a token again.
  if (!next.empty() && !seen_tokens_.insert(std::hash<std::string>()(next)).second && !loaded.went_back) {
    throw loop("the source named the continuation token '" + shortened(next) + "' a second time: its pages go in a circle");
  }
  const FetchedPage& page = loaded.page;
  if (!page.json || !page.json->has_records()) return;
  const std::uint64_t hash = page.json->records_hash();
  if (std::exchange(last_page_hash_, hash) != hash) {
    repeated_pages_ = repeated_records_ = 0;
    return;
  }
  repeated_pages_ += 1;
  repeated_records_ += page.json->count_records();
  const bool endless = identified() ? repeated_pages_ >= (loaded.overlap > 0 ? max_equal_overlapping : 1)
                                    : repeated_records_ >= (options_.key_in_pages ? max_equal_records : max_equal_projected);
  if (!endless) return;
  throw loop("the page at '" + shortened(place_.token) + "' holds the very records of the page before: the source does not heed the token");
}

}  // namespace switchgear

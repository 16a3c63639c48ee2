// Fetches pages ahead of the one who turns them into columns: those of one listing, or of several parts of it side by side.
//
// Each part is a Listing with a loader (a session) of its own. Requests run on a FetchPool, at most `parallel` at once and no more than
// `in_flight_limit` says; pages are handed out in the listing's order, or as they come. Pages are counted in bytes from before they are
// asked for until settle(): none is asked for beyond `max_bytes` or the process's budget, but one, that of the first part that is not
// finished, always is. One thread takes pages; stop() and ready_fd() may be used from any. The destructor stops what is in flight and waits
// for it. wait() throws what went wrong in a part, after the pages before it; places() is then where to go on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/paging/continuation.hpp"
#include "switchgear/paging/fetch_pool.hpp"
#include "switchgear/paging/listing.hpp"
#include "switchgear/paging/memory_budget.hpp"

namespace switchgear {

struct FetchOptions {
  std::size_t parallel = 1;  ///< parts in flight at once
  bool ordered = true;       ///< false: pages come as they arrive, those of one part in order
  std::size_t prefetch =
      2;  ///< pages ahead, where one part is read at a time (0: none before it is waited for); side by side the bytes alone count
  std::uint64_t max_bytes = 64U << 20U;
  std::string group;                                  ///< whose turn it is in the pool: the connection
  std::function<std::size_t()> in_flight_limit = {};  ///< what the source bears at the moment; empty: anything
  FetchPool* pool = nullptr;                          ///< nothing: the process's
  MemoryBudget* budget = nullptr;                     ///< nothing: the process's
};

class PageFetcher {
 public:
  /// Makes the loader of a part when its first page is asked for; it is dropped after the last.
  using Open = std::function<PageLoader(const std::string& partition)>;

  enum class State { page, end, pending };

  /// No places: the end at once.
  PageFetcher(Open open, std::vector<Place> places, ListingOptions listing, FetchOptions options);
  ~PageFetcher();
  PageFetcher(const PageFetcher&) = delete;
  PageFetcher& operator=(const PageFetcher&) = delete;

  /// Starts fetching with the first call; waits at most `timeout`.
  State wait(std::chrono::milliseconds timeout);

  /// The page that comes next; only after wait() said so, and the same one until it is popped.
  FetchedPage& front();

  /// Takes it. Its bytes are counted until it is settled.
  struct Taken {
    FetchedPage page;
    std::size_t part = 0;
  };
  Taken pop();

  /// The page has become columns, or was passed over. `whole`: false, when going on begins with this page again.
  void settle(const Taken& taken, bool whole = true);

  /// Where to go on after the pages that were settled.
  std::vector<Place> places() const;

  void stop();

  /// Becomes readable when wait(0) would not be pending, for an event loop. Starts fetching. -1: the system has no more of them.
  int ready_fd();

  std::uint64_t held_bytes() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace switchgear

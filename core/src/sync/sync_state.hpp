// What a destination keeps with the rows of an entity: how far its sync has come, as text.
//
// Plain values. parse() throws Error(destination, "state") for text that is none of ours; it is fed what a database holds, and fuzzed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cursor.hpp"
#include "switchgear/store/runs.hpp"

namespace switchgear::sync_detail {

/// A listing that has begun and is not complete.
struct OpenListing {
  std::string token;                 ///< where it goes on
  std::string lower;                 ///< from where on changes are asked for; "": it is of everything
  bool whole = false;                ///< of everything there is, so that what it lacks is gone
  bool tracked = false;              ///< its end is to name a token for what changes from now on
  bool changes = false;              ///< of what has changed since such a token
  std::vector<std::string> run_ids;  ///< those that have written of it
  std::optional<Watermark> candidate;
  std::optional<Watermark> bound;  ///< the newest value of the cursor when it began
  Edge edge;
};

struct SyncState {
  std::int64_t sequence = 0;  ///< of commits
  std::string cursor, mode;   ///< with other ones it is another sync, which begins anew
  std::optional<Watermark> watermark;
  Edge edge;
  bool complete = false;                 ///< one listing at least has come to its end
  std::chrono::microseconds lookback{};  ///< so far below the watermark the edge reaches
  std::string changes;                   ///< the token with which to ask for what has changed; "": there is none
  bool untracked = false;                ///< the source was asked for one, and named none
  std::optional<OpenListing> listing;
  std::string run_id;  ///< that committed last
  RunCounts counts;    ///< its

  std::string text() const;
  static SyncState parse(std::string_view text);
};

}  // namespace switchgear::sync_detail

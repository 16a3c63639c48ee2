// How far an incremental sync has come, and which of the records at the edge it has read before.
//
// A sync asks for records whose cursor is at least the watermark, less the lookback: records that share the watermark's value, and those
// that a source shows a little later than it dates them, are read again, and left out if they are the same version. The watermark
// moves only when a listing is complete, so the order in which a source lists does not matter, and never beyond what there was when the
// listing began: a record that changed meanwhile, after its page was read, must not lie below it. Nor beyond the source's own clock: one
// record from the year 2099 must not hide those of the years before.
// Plain values, used by one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "row_keys.hpp"
#include "switchgear/base/clock.hpp"

namespace switchgear::sync_detail {

/// A watermark as text: an instant, a local time, a date, a whole number, or text.
struct Watermark {
  DataType type = DataType::utf8;
  bool utc = true;
  CursorValue value;

  /// As a source is asked for it, less so much where it is a time.
  std::string asked(std::chrono::microseconds lookback = {}) const;
  std::string text() const { return asked(); }
};

/// Records at the edge, by key and cursor: what was seen, so that it need not be written again. Where there are too many they are
/// forgotten.
struct Edge {
  std::map<CursorValue, std::vector<KeyHash>> seen;
  std::size_t size = 0;
  std::optional<CursorValue> cut;  ///< some were forgotten, none of them with a larger value

  void add(const CursorValue& value, const KeyHash& hash);
  void forget_below(const CursorValue& value);
  void forget();
};

class CursorTracker {
 public:
  struct Options {
    std::string cursor;            ///< "": there is none
    std::vector<std::string> key;  ///< empty: the whole record
    std::chrono::microseconds lookback{};
    std::optional<CursorValue> bound = {};  ///< the newest one when the listing began; nothing: it is one page, read at one moment
    std::optional<WallTime> newest = {};    ///< see set_newest()
    bool must_know = false;                 ///< nobody else tells a record that comes again: an edge that is too large is an error
    bool once = false;                      ///< rows are only added: a version that one listing names twice is written once
  };

  CursorTracker(Options options, std::optional<Watermark> candidate, Edge edge, const Edge* known);

  /// Later instants do not move the watermark.
  void set_newest(WallTime newest) { options_.newest = newest; }
  void set_bound(CursorValue bound) { options_.bound = std::move(bound); }

  /// Which rows are to be written; counts those that are not.
  std::vector<std::uint8_t> see(const RecordBatch& batch);

  /// What was seen is in the destination now. A source that pages by offset names again what a new record before it has moved on to the
  /// next page, so that what comes twice comes soon: versions are remembered until the second commit after theirs.
  void committed();

  const std::optional<Watermark>& candidate() const noexcept { return candidate_; }
  const Edge& edge() const noexcept { return edge_; }
  std::int64_t unchanged() const noexcept { return unchanged_; }
  std::int64_t without_value() const noexcept { return without_value_; }
  std::int64_t from_the_future() const noexcept { return from_the_future_; }

 private:
  void move(const CursorColumn& column, const CursorValue& value);
  std::optional<CursorValue> oldest_of_edge() const;
  void watch_zones(const std::string& text);
  bool is_repeated(const KeyHash& version);

  Options options_;
  std::optional<Watermark> candidate_;
  Edge edge_;
  std::unordered_set<KeyHash, KeyHasher> known_, lately_, before_;
  std::int64_t unchanged_ = 0, without_value_ = 0, from_the_future_ = 0;
  char zone_ = '\0';
};

}  // namespace switchgear::sync_detail

// One entity's part of a run, under way: see entity_sync.hpp. Which listings it takes is in entity_sync.cpp, what becomes of one in
// entity_listing.cpp.
//
// Used by the thread that made it; throws nothing but what the host of the run throws.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cursor.hpp"
#include "pages_ahead.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/sync/entity_sync.hpp"
#include "sync_state.hpp"
#include "unwritten.hpp"

namespace switchgear::sync_detail {

/// Ends the reading without being a failure.
struct Stopped : std::exception {
  explicit Stopped(bool at_once) : abort(at_once) {}
  bool abort;
};

class OneEntity {
 public:
  OneEntity(const std::shared_ptr<Connection>& connection, Destination& destination, const EntityPlan& plan, const EntitySyncRun& run,
            const EntitySyncHost& host);

  RunEntity run();

 private:
  void look_up();
  /// Does the source tell of changes, and of what is gone, by a token of its own?
  void look_up_changes();
  void check_fields() const;
  /// Another cursor or mode: another sync, of which nothing is known.
  void forget();

  // ---- which listings

  void begin_listing();
  /// Is the listing one that the cursor leads through? What has changed since a token is known without.
  bool heeds_cursor() const { return !cursor_.empty() && !state_.listing->changes; }
  /// Rows are added, each version of a record once.
  bool adds_versions() const { return plan_.mode == SyncMode::append && !cursor_.empty() && !key_.empty(); }
  /// Where nobody knows a record again, no further back than what is remembered.
  std::chrono::microseconds lookback() const;
  std::optional<Watermark> newest_of_source();
  /// A listing that was broken off shows the source as it was then, so it is gone on with only where what changed since can be asked for,
  /// or where its records would be added twice.
  bool can_resume() const;
  void read_all();
  void read_one(bool resumed);
  /// False: it was no place in an earlier listing.
  bool give_up_place(bool resumed, const Error& error);

  // ---- a listing

  /// False: an incremental listing turned out to be of several pages, and has to be begun again with a bound.
  bool read_listing();
  /// Nothing of it was committed.
  void start_over();
  void spend(const EntityReader& reader);
  void heed_wish() const;
  /// The source failed; what it had sent before is committed, and a second failure is not what there is to tell.
  void keep_what_was_read();
  /// False at the end.
  bool take_page();
  void take(const Page& page);
  /// The page's own rows come after them.
  void take_removed(const RecordBatch& keys);
  /// The source's clock is known with its first reply. Where it could not be asked for its newest record, what its clock was when the
  /// listing began stands for that.
  void learn_clock(const Page& page);
  void note_counts(std::int64_t read, std::int64_t unchanged);
  bool checkpoint_is_due() const;
  /// It names the next listing of changes: its token and that are to be committed together, or the next run has neither.
  bool is_last_page() const noexcept { return !next_changes_.empty(); }
  void finish_listing();
  /// Of an entity without records the table has its columns all the same, where they are known (all but `_rescued`).
  void add_columns();
  /// The token that the listing's last page named.
  void keep_token();
  /// Nothing moves what the next run asks for.
  bool same_place() const;
  void tell_what_was_odd();
  void checkpoint(bool last, std::optional<std::vector<std::string>> live = std::nullopt);

  std::shared_ptr<Connection> connection_;
  Destination& destination_;
  const EntityPlan& plan_;
  const EntitySyncRun& run_;
  const EntitySyncHost& host_;

  EntityInfo entity_;
  std::vector<std::string> key_;
  std::string cursor_;
  std::unique_ptr<DestinationTable> table_;
  std::optional<std::string> previous_;
  SyncState state_;
  RunEntity result_;

  bool incremental_ = false;
  bool first_ = false;
  bool may_repeat_ = false;
  bool newest_known_ = false;
  bool bounded_ = false;
  bool tracks_ = false;   // the source is asked for a token with which to ask for changes
  bool deletes_ = false;  // what it has removed is taken out of the table
  WallTime began_at_;
  RunCounts spent_;  // on listings that were begun again
  std::int64_t pages_in_listing_ = 0, read_in_listing_ = 0;
  std::string next_changes_;       // the token that this listing named
  std::int64_t kept_removed_ = 0;  // records that are gone, and whose rows stay
  std::optional<EntityReader> reader_;
  std::optional<PagesAhead> ahead_;  // of the reader, and gone before it
  std::optional<CursorTracker> tracker_;
  Unwritten unwritten_;
  SteadyTime last_commit_;
};

}  // namespace switchgear::sync_detail

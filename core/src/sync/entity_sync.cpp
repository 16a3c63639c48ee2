#include "switchgear/sync/entity_sync.hpp"

#include <algorithm>
#include <utility>

#include "cursor.hpp"
#include "listing_bound.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/data/rows.hpp"
#include "sync_state.hpp"
#include "unwritten.hpp"

namespace switchgear {
namespace {

using std::chrono::milliseconds;
using sync_detail::CursorTracker;
using sync_detail::OpenListing;
using sync_detail::SyncState;
using sync_detail::Unwritten;

constexpr milliseconds tick{100};
/// Read ahead, within the reader's budget of bytes, while a commit is under way.
constexpr std::size_t pages_during_a_commit = 32;

/// Ends the reading without being a failure.
struct Stopped : std::exception {
  explicit Stopped(bool at_once) : abort(at_once) {}
  bool abort;
};

/// What an error in a page's token amounts to: the source knows the place no longer.
bool place_is_gone(const Error& error) {
  return error.category == Category::gone || error.category == Category::not_found || error.category == Category::bad_request ||
         (error.category == Category::protocol && error.detail == "token");
}

class EntitySync {
 public:
  EntitySync(const std::shared_ptr<Connection>& connection, Destination& destination, const EntityPlan& plan, const EntitySyncRun& run,
             const EntitySyncHost& host)
      : connection_(connection), destination_(destination), plan_(plan), run_(run), host_(host) {
    result_.entity = plan.entity;
    result_.mode = to_string(plan.mode);
  }

  RunEntity run() {
    try {
      look_up();
      result_.started_at = connection_->clock().wall();
      result_.state = RunState::in_progress;
      host_.started(result_);
      read_all();
      result_.state = RunState::completed;
    } catch (const Stopped& stopped) {
      result_.state = RunState::cancelled;
      const std::string where = state_.listing ? "the next sync goes on in the listing, where this one was committed last"
                                               : "the next sync goes on where this one began";
      result_.error = error_json(Error(Category::cancelled, "stopped", stopped.abort ? "broken off" : "stopped").with_hint(where));
    } catch (const Error& error) {
      result_.state = RunState::failed;
      Error named = error;
      named.connection_id = connection_->id();
      named.entity = plan_.entity;
      result_.error = error_json(named);
    }
    result_.finished_at = connection_->clock().wall();
    return std::move(result_);
  }

 private:
  // ---- where it stands

  void look_up() {
    entity_ = connection_->entity(plan_.entity);
    key_ = plan_.key.empty() ? entity_.key : plan_.key;
    cursor_ = plan_.cursor.empty() ? entity_.cursor : plan_.cursor;
    if (plan_.mode == SyncMode::upsert && key_.empty())
      throw Error(Category::config, "key", "'" + plan_.entity + "' has no key, so its records can't be updated in place")
          .with_hint("name the fields that identify a record: key = [\"Number\"]; or choose mode = \"append\" or \"replace\"");
    check_fields();
    table_ = destination_.open({connection_->id(), plan_.entity, run_.schema, run_.table, key_, cursor_, plan_.mode});
    previous_ = table_->state();
    if (previous_) {
      state_ = SyncState::parse(*previous_);
      host_.replay(state_.run_id, state_.counts, state_.watermark ? state_.watermark->text() : "");
    }
    if (state_.mode != to_string(plan_.mode) || state_.cursor != cursor_) forget();
    look_up_changes();
    // In replace mode each run is of everything.
    if (run_.full || plan_.mode == SyncMode::replace) {
      if (state_.listing && !state_.listing->whole) state_.listing.reset();
      state_.changes.clear();
      state_.untracked = false;
      if (!can_resume()) state_.complete = false;
    }
    if (state_.watermark) result_.watermark = state_.watermark->text();
    result_.initial = !state_.complete;
  }

  /// Does the source tell of changes, and of what is gone, by a token of its own?
  void look_up_changes() {
    const ReadRequest& read = plan_.read;
    const bool tracks =
        entity_.tracks_changes() && plan_.mode != SyncMode::replace && read.filter.empty() && read.raw_filter.empty() && read.limit < 0;
    if (!tracks) {
      state_.changes.clear();
      state_.untracked = false;
    }
    tracks_ = tracks && (!state_.untracked || run_.full);
    // A listing that was begun otherwise leads to no token, or from one that is not heeded any more.
    if (state_.listing && state_.listing->tracked != tracks_) state_.listing.reset();
    deletes_ = plan_.mode == SyncMode::upsert && destination_.deletes() && entity_.key.size() == key_.size() &&
               std::is_permutation(key_.begin(), key_.end(), entity_.key.begin());
    if (tracks_ && state_.complete && state_.changes.empty() && !run_.full)
      host_.message("info", "the source is asked to track changes from now on: everything is read once more");
  }

  void check_fields() const {
    if (entity_.schema.fields.empty()) return;  // known when records come
    std::vector<std::string> names;
    for (const Field& field : entity_.schema.fields) names.push_back(field.name);
    const auto check = [&](const std::string& name, const char* what) {
      if (name.empty() || entity_.schema.find(name) != nullptr) return;
      throw Error(Category::config, what, "'" + plan_.entity + "' has no field '" + name + "'" + did_you_mean(name, names));
    };
    check(cursor_, "cursor");
    for (const std::string& name : key_) check(name, "key");
  }

  /// Another cursor or mode: another sync, of which nothing is known.
  void forget() {
    if (previous_ && (!state_.mode.empty() || !state_.cursor.empty()))
      host_.message("warning", "mode or cursor were changed: everything is read again");
    SyncState fresh;
    fresh.sequence = state_.sequence;
    state_ = std::move(fresh);
    state_.mode = to_string(plan_.mode);
    state_.cursor = cursor_;
  }

  // ---- a listing

  void begin_listing() {
    OpenListing listing;
    listing.tracked = tracks_;
    listing.changes = tracks_ && !state_.changes.empty();
    const bool by_cursor = !cursor_.empty() && plan_.mode != SyncMode::replace;
    const bool incremental = listing.changes || (state_.complete && by_cursor && state_.watermark && !tracks_);
    if (listing.changes) {
      listing.token = state_.changes;
    } else if (incremental) {
      listing.lower = state_.watermark->asked(lookback());
    } else if (plan_.initial_window && by_cursor) {
      listing.lower = sync_detail::instant_text(
          std::chrono::floor<std::chrono::microseconds>(connection_->clock().wall() - *plan_.initial_window).time_since_epoch().count());
    }
    listing.whole = listing.lower.empty() && !listing.changes;
    incremental_ = incremental;
    first_ = true;
    may_repeat_ = adds_versions() && previous_ && (listing.changes || !incremental || state_.edge.cut || plan_.lookback > state_.lookback);
    state_.listing = std::move(listing);
    began_at_ = connection_->clock().wall();
    // What is one page is read at one moment, and needs no bound: so a look for changes that finds none takes one request.
    if (!incremental && heeds_cursor()) state_.listing->bound = newest_of_source();
  }

  /// Is the listing one that the cursor leads through? What has changed since a token is known without.
  bool heeds_cursor() const { return !cursor_.empty() && !state_.listing->changes; }

  /// Rows are added, each version of a record once.
  bool adds_versions() const { return plan_.mode == SyncMode::append && !cursor_.empty() && !key_.empty(); }

  /// Where nobody knows a record again, no further back than what is remembered.
  std::chrono::microseconds lookback() const {
    return plan_.mode == SyncMode::append && key_.empty() ? std::min(plan_.lookback, state_.lookback) : plan_.lookback;
  }

  std::optional<sync_detail::Watermark> newest_of_source() {
    ReadRequest request;
    request.entity = plan_.entity;
    request.cursor = plan_.cursor;
    request.modified_after = state_.listing->lower;
    return sync_detail::newest_of_source(
        connection_, std::move(request), cursor_, [this] { heed_wish(); }, [this](const EntityReader& reader) { spend(reader); });
  }

  /// A listing that was broken off shows the source as it was then, so it is gone on with only where what changed since can be asked for,
  /// or where its records would be added twice.
  bool can_resume() const {
    return state_.listing && plan_.mode != SyncMode::replace &&
           (!cursor_.empty() || plan_.mode == SyncMode::append || state_.listing->changes);
  }

  void read_all() {
    const bool resumed = can_resume();
    read_one(resumed);
    if (!resumed || (cursor_.empty() && state_.changes.empty())) return;
    bounded_ = false;
    read_one(false);  // what has changed since the listing began
  }

  void read_one(bool resumed) {
    if (resumed) {
      incremental_ = state_.complete && !state_.listing->whole;
      may_repeat_ = adds_versions();
      host_.message("info", "goes on in the listing that an earlier run began");
    } else {
      begin_listing();
    }
    for (;;) {
      try {
        if (read_listing()) return;  // else it is of several pages, during which records may change
      } catch (const Error& error) {
        if (pages_in_listing_ > 0 || !place_is_gone(error) || !give_up_place(resumed, error)) throw;
      }
      resumed = false;
      bounded_ = true;
      begin_listing();
      if (!state_.listing->bound && heeds_cursor()) state_.listing->bound = newest_of_source();
    }
  }

  /// False: it was no place in an earlier listing.
  bool give_up_place(bool resumed, const Error& error) {
    if (resumed) {
      host_.message("warning",
                    "the source knows the place in its listing no longer (" + error.code() + "), which is read from its beginning");
    } else if (state_.listing->changes) {
      host_.message("warning", "the source knows no longer what has changed since the last sync (" + error.code() +
                                   "): everything is read again, and what is gone is marked as deleted");
      state_.changes.clear();
    } else {
      return false;
    }
    return true;
  }

  /// False: an incremental listing turned out to be of several pages, and has to be begun again with a bound.
  bool read_listing() {
    OpenListing& listing = *state_.listing;
    if (std::find(listing.run_ids.begin(), listing.run_ids.end(), run_.run_id) == listing.run_ids.end())
      listing.run_ids.push_back(run_.run_id);
    ReadRequest request = plan_.read;
    request.entity = plan_.entity;
    request.token = listing.token;
    request.modified_after = listing.lower;
    if (!plan_.cursor.empty()) request.cursor = plan_.cursor;
    request.nested = Nested::json;
    request.changes = listing.tracked;
    if (listing.tracked) request.parallel = 1;  // parts would have a token each
    const bool may_be_one_page = first_ && incremental_ && !bounded_ && !listing.changes;
    if (!may_be_one_page) request.prefetch = std::max(request.prefetch, pages_during_a_commit);
    if (reader_) spend(*reader_);
    reader_.emplace(read_entity(connection_, request));
    unwritten_.begin(*result_.started_at, run_.run_id, listing.changes && deletes_ ? entity_.key : std::vector<std::string>());
    next_changes_.clear();
    kept_removed_ = 0;
    CursorTracker::Options options;
    options.cursor = heeds_cursor() ? cursor_ : "";
    options.key = key_;
    options.lookback = plan_.lookback;
    options.must_know = plan_.mode == SyncMode::append && key_.empty() && !cursor_.empty();
    options.once = plan_.mode == SyncMode::append;
    if (listing.bound) options.bound = listing.bound->value;
    tracker_.emplace(std::move(options),
                     listing.candidate ? listing.candidate
                     : incremental_    ? state_.watermark
                                       : std::nullopt,
                     listing.edge, incremental_ ? &state_.edge : nullptr);
    newest_known_ = false;
    read_in_listing_ = pages_in_listing_ = 0;
    last_commit_ = connection_->clock().now();
    try {
      for (std::int64_t pages = 0; take_page(); ++pages) {
        if (may_be_one_page && pages == 1) {
          start_over();
          return false;
        }
        if (!may_be_one_page && checkpoint_is_due()) checkpoint(false);
      }
    } catch (const Stopped& stopped) {
      if (!stopped.abort && !unwritten_.empty()) checkpoint(false);
      throw;
    } catch (const Error&) {
      if (!unwritten_.empty()) keep_what_was_read();
      throw;
    }
    finish_listing();
    return true;
  }

  /// Nothing of it was committed.
  void start_over() {
    spend(*reader_);
    reader_.reset();
    result_.counts.read -= read_in_listing_;
    result_.counts.unchanged -= tracker_->unchanged();
    unwritten_.clear();
  }

  void spend(const EntityReader& reader) {
    const PageStats stats = reader.pages->stats();
    const GuardCounters& calls = reader.services->counters();
    spent_.pages += static_cast<std::int64_t>(stats.pages);
    spent_.bytes += static_cast<std::int64_t>(stats.bytes);
    spent_.requests += static_cast<std::int64_t>(calls.attempts.load());
    spent_.retries += static_cast<std::int64_t>(calls.retries.load() + calls.renewals.load());
    spent_.waited_us += static_cast<std::int64_t>(calls.waited_ns.load() / 1000);
  }

  void heed_wish() const {
    if (const StopWish wish = host_.wish(); wish != StopWish::none) throw Stopped(wish == StopWish::abort);
  }

  /// The source failed; what it had sent before is committed, and a second failure is not what there is to tell.
  void keep_what_was_read() {
    try {
      checkpoint(false);
    } catch (const Error& error) {
      host_.message("error", "what was read before could not be committed either: " + error.describe());
    }
  }

  /// False at the end.
  bool take_page() {
    for (;;) {
      std::optional<Page> page;
      const PageReader::Wait wait = reader_->pages->next_for(tick, page);
      heed_wish();
      if (wait == PageReader::Wait::end) return false;
      if (wait != PageReader::Wait::page) continue;
      ++pages_in_listing_;
      take(*page);
      return true;
    }
  }

  void take(const Page& page) {
    if (!newest_known_ && heeds_cursor()) learn_clock(page);
    if (page.removed) take_removed(*page.removed);
    if (!page.changes.empty()) next_changes_ = page.changes;
    const std::int64_t unchanged = tracker_->unchanged();
    std::vector<std::uint8_t> wanted;
    if (!heeds_cursor()) {
      wanted.assign(static_cast<std::size_t>(page.batch.length()), 1);
    } else {
      wanted = tracker_->see(page.batch);
    }
    state_.listing->token = page.token;
    note_counts(page.batch.length(), tracker_->unchanged() - unchanged);
    const RecordBatch kept =
        tracker_->unchanged() == unchanged ? page.batch : select_rows(page.batch, from_arrow_schema(*page.batch.schema()), wanted);
    if (kept.length() == 0) return;
    unwritten_.add(kept);
  }

  /// The page's own rows come after them.
  void take_removed(const RecordBatch& keys) {
    if (!state_.listing->changes) return;  // what was never listed
    if (!deletes_) {
      kept_removed_ += keys.length();
      return;
    }
    if (unwritten_.would_revive(keys)) checkpoint(false);
    unwritten_.add_removed(keys);
  }

  /// The source's clock is known with its first reply. Where it could not be asked for its newest record, what its clock was when the
  /// listing began stands for that.
  void learn_clock(const Page& page) {
    newest_known_ = true;
    const WallTime now = reader_->services->source_now();
    tracker_->set_newest(now + std::chrono::seconds(1));
    if (state_.listing->bound || (incremental_ && !bounded_ && first_) || page.batch.length() == 0) return;
    const WallTime began = now - (connection_->clock().wall() - began_at_) - std::chrono::seconds(1);
    state_.listing->bound = sync_detail::clock_bound(page.batch, cursor_, began);
    if (state_.listing->bound) return tracker_->set_bound(state_.listing->bound->value);
    host_.message("warning", "'" + cursor_ +
                                 "' is no time, and the source can't be asked for its newest record: what changes while it is read may be "
                                 "missed until a full sync");
  }

  void note_counts(std::int64_t read, std::int64_t unchanged) {
    result_.counts.read += read;
    read_in_listing_ += read;
    result_.counts.unchanged += unchanged;
    const PageStats stats = reader_->pages->stats();
    const GuardCounters& calls = reader_->services->counters();
    RunCounts& counts = result_.counts;
    counts.pages = spent_.pages + static_cast<std::int64_t>(stats.pages);
    counts.bytes = spent_.bytes + static_cast<std::int64_t>(stats.bytes);
    counts.rescued = static_cast<std::int64_t>(stats.rescued);
    counts.requests = spent_.requests + static_cast<std::int64_t>(calls.attempts.load());
    counts.retries = spent_.retries + static_cast<std::int64_t>(calls.retries.load() + calls.renewals.load());
    counts.waited_us = spent_.waited_us + static_cast<std::int64_t>(calls.waited_ns.load() / 1000);
  }

  bool checkpoint_is_due() const {
    if (unwritten_.empty()) return false;
    return unwritten_.rows() + unwritten_.removed() >= plan_.commit_rows || unwritten_.bytes() >= plan_.commit_bytes ||
           connection_->clock().now() - last_commit_ >= plan_.commit_every;
  }

  void finish_listing() {
    const bool whole = state_.listing->whole;
    std::vector<std::string> live = state_.listing->run_ids;
    const bool nothing_new = unwritten_.empty() && first_ && !whole && state_.complete && same_place();
    if (nothing_new) {  // and so nothing to commit
      state_.listing.reset();
      return;
    }
    if (heeds_cursor()) {
      if (tracker_->candidate()) state_.watermark = tracker_->candidate();
      state_.edge = tracker_->edge();
      state_.lookback = plan_.lookback;
    }
    keep_token();
    state_.listing.reset();
    state_.complete = true;
    if (state_.watermark) result_.watermark = state_.watermark->text();
    std::optional<std::vector<std::string>> gone;
    if (whole && plan_.mode == SyncMode::upsert && plan_.read.filter.empty() && plan_.read.raw_filter.empty() && plan_.read.limit < 0)
      gone = std::move(live);
    if (unwritten_.empty() && first_ && !incremental_) add_columns();
    checkpoint(true, std::move(gone));
    tell_of_cursor();
    for (const std::string& name : table_->kept_columns())
      host_.message("warning", "the source sends no '" + name + "' any more; the table keeps the values that it has");
  }

  /// Of an entity without records the table has its columns all the same, where they are known (all but `_rescued`).
  void add_columns() {
    const Schema& schema = reader_->pages->schema();
    if (schema.fields.size() > 1) unwritten_.add(no_rows(schema));
  }

  /// The token that the listing's last page named.
  void keep_token() {
    const OpenListing& listing = *state_.listing;
    if (!listing.tracked) return;
    state_.changes = next_changes_;
    state_.untracked = next_changes_.empty() && !listing.changes;
    if (!next_changes_.empty()) return;
    if (state_.untracked) tracks_ = false;
    host_.message("warning", listing.changes
                                 ? "the source does not say how to ask for what changes from now on: the next sync reads everything again"
                                 : "the source does not track changes, though it is set up as if it did: the next syncs ask by the "
                                   "cursor, or read everything, and records that are gone stay until a full sync");
  }

  bool same_place() const {
    if (state_.listing->changes) return next_changes_ == state_.changes;
    const auto& candidate = tracker_->candidate();
    return candidate.has_value() == state_.watermark.has_value() && (!candidate || candidate->value == state_.watermark->value) &&
           tracker_->edge().seen == state_.edge.seen;
  }

  void tell_of_cursor() {
    if (kept_removed_ > 0)
      host_.message("warning",
                    std::to_string(kept_removed_) + " records that the source has removed stay in the table: " +
                        (plan_.mode == SyncMode::append ? "mode \"append\" only adds"
                                                        : "the destination, or a key of your own, does not let them be deleted"));
    if (tracker_->without_value() > 0)
      host_.message("warning", std::to_string(tracker_->without_value()) + " records have no value in '" + cursor_ +
                                   "': a source does not name them when they change; a full sync (full=True) reads them");
    if (tracker_->from_the_future() > 0)
      host_.message("warning", std::to_string(tracker_->from_the_future()) + " records have a '" + cursor_ +
                                   "' later than the source's own clock; the watermark stops at its clock, and they are read again");
  }

  void checkpoint(bool last, std::optional<std::vector<std::string>> live = std::nullopt) {
    if (state_.listing && heeds_cursor()) {
      state_.listing->candidate = tracker_->candidate();
      state_.listing->edge = tracker_->edge();
    }
    result_.counts.written += unwritten_.rows();
    result_.counts.deleted += unwritten_.removed();
    ++result_.counts.checkpoints;
    ++state_.sequence;
    state_.run_id = run_.run_id;
    state_.counts = result_.counts;
    Checkpoint next;
    unwritten_.give(next);
    next.state = state_.text();
    next.previous = previous_;
    next.first = first_;
    next.last = last;
    next.run_id = run_.run_id;
    next.at = connection_->clock().wall();
    next.live_run_ids = std::move(live);
    next.may_repeat = may_repeat_;
    host_.passed("before_commit");
    try {
      table_->commit(next);
    } catch (...) {  // what was not committed was not written
      result_.counts.written -= unwritten_.rows();
      result_.counts.deleted -= unwritten_.removed();
      --result_.counts.checkpoints;
      unwritten_.clear();
      throw;
    }
    host_.passed("after_commit");
    previous_ = std::move(next.state);
    first_ = false;
    unwritten_.clear();
    tracker_->committed();
    last_commit_ = connection_->clock().now();
    host_.progress(result_);
    host_.passed("after_progress");
  }

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
  std::optional<CursorTracker> tracker_;
  Unwritten unwritten_;
  SteadyTime last_commit_;
};

}  // namespace

RunEntity sync_entity(const std::shared_ptr<Connection>& connection, Destination& destination, const EntityPlan& plan,
                      const EntitySyncRun& run, const EntitySyncHost& host) {
  return EntitySync(connection, destination, plan, run, host).run();
}

}  // namespace switchgear

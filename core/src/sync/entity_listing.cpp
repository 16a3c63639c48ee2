#include <algorithm>
#include <chrono>
#include <utility>

#include "listing_bound.hpp"
#include "one_entity.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/data/rows.hpp"

namespace switchgear::sync_detail {
namespace {

constexpr std::chrono::milliseconds tick{100};

}  // namespace

bool OneEntity::read_listing() {
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
  if (reader_) spend(*reader_);
  ahead_.reset();
  reader_.emplace(read_entity(connection_, request));
  ahead_.emplace(*reader_->pages, may_be_one_page ? 0 : request.max_bytes);
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
      if (!may_be_one_page && checkpoint_is_due() && !is_last_page()) checkpoint(false);
    }
  } catch (const Stopped& stopped) {
    if (!stopped.abort && !unwritten_.empty()) is_last_page() ? finish_listing() : checkpoint(false);
    throw;
  } catch (const Error&) {
    if (!unwritten_.empty()) keep_what_was_read();
    throw;
  }
  finish_listing();
  return true;
}

void OneEntity::start_over() {
  spend(*reader_);
  ahead_.reset();
  reader_.reset();
  result_.counts.read -= read_in_listing_;
  result_.counts.unchanged -= tracker_->unchanged();
  unwritten_.clear();
}

void OneEntity::spend(const EntityReader& reader) {
  const PageStats stats = reader.pages->stats();
  const GuardCounters& calls = reader.services->counters();
  spent_.pages += static_cast<std::int64_t>(stats.pages);
  spent_.bytes += static_cast<std::int64_t>(stats.bytes);
  spent_.requests += static_cast<std::int64_t>(calls.attempts.load());
  spent_.retries += static_cast<std::int64_t>(calls.retries.load() + calls.renewals.load());
  spent_.waited_us += static_cast<std::int64_t>(calls.waited_ns.load() / 1000);
}

void OneEntity::heed_wish() const {
  if (const StopWish wish = host_.wish(); wish != StopWish::none) throw Stopped(wish == StopWish::abort);
}

void OneEntity::keep_what_was_read() {
  try {
    checkpoint(false);
  } catch (const Error& error) {
    host_.message("error", "what was read before could not be committed either: " + error.describe());
  }
}

bool OneEntity::take_page() {
  for (;;) {
    std::optional<Page> page;
    const PageReader::Wait wait = ahead_->next_for(tick, page);
    heed_wish();
    if (wait == PageReader::Wait::end) return false;
    if (wait != PageReader::Wait::page) continue;
    ++pages_in_listing_;
    take(*page);
    return true;
  }
}

void OneEntity::take(const Page& page) {
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

void OneEntity::take_removed(const RecordBatch& keys) {
  if (!state_.listing->changes) return;  // what was never listed
  if (!deletes_) {
    kept_removed_ += keys.length();
    return;
  }
  if (unwritten_.would_revive(keys)) checkpoint(false);
  unwritten_.add_removed(keys);
}

void OneEntity::learn_clock(const Page& page) {
  newest_known_ = true;
  const WallTime now = reader_->services->source_now();
  tracker_->set_newest(now + std::chrono::seconds(1));
  if (state_.listing->bound || (incremental_ && !bounded_ && first_) || page.batch.length() == 0) return;
  const WallTime began = now - (connection_->clock().wall() - began_at_) - std::chrono::seconds(1);
  state_.listing->bound = clock_bound(page.batch, cursor_, began);
  if (state_.listing->bound) return tracker_->set_bound(state_.listing->bound->value);
  host_.message("warning", "'" + cursor_ +
                               "' is no time, and the source can't be asked for its newest record: what changes while it is read may be "
                               "missed until a full sync");
}

void OneEntity::note_counts(std::int64_t read, std::int64_t unchanged) {
  result_.counts.read += read;
  read_in_listing_ += read;
  result_.counts.unchanged += unchanged;
  const PageStats& stats = ahead_->stats();
  const GuardCounters& calls = reader_->services->counters();
  RunCounts& counts = result_.counts;
  counts.pages = spent_.pages + static_cast<std::int64_t>(stats.pages);
  counts.bytes = spent_.bytes + static_cast<std::int64_t>(stats.bytes);
  counts.rescued = static_cast<std::int64_t>(stats.rescued);
  counts.requests = spent_.requests + static_cast<std::int64_t>(calls.attempts.load());
  counts.retries = spent_.retries + static_cast<std::int64_t>(calls.retries.load() + calls.renewals.load());
  counts.waited_us = spent_.waited_us + static_cast<std::int64_t>(calls.waited_ns.load() / 1000);
}

bool OneEntity::checkpoint_is_due() const {
  if (unwritten_.empty()) return false;
  return unwritten_.rows() + unwritten_.removed() >= plan_.commit_rows || unwritten_.bytes() >= plan_.commit_bytes ||
         connection_->clock().now() - last_commit_ >= plan_.commit_every;
}

void OneEntity::finish_listing() {
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
  tell_what_was_odd();
  for (const std::string& name : table_->kept_columns())
    host_.message("warning", "the source sends no '" + name + "' any more; the table keeps the values that it has");
}

void OneEntity::add_columns() {
  const Schema& schema = reader_->pages->schema();
  if (schema.fields.size() > 1) unwritten_.add(no_rows(schema));
}

void OneEntity::keep_token() {
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

bool OneEntity::same_place() const {
  if (state_.listing->changes) return next_changes_ == state_.changes;
  const auto& candidate = tracker_->candidate();
  return candidate.has_value() == state_.watermark.has_value() && (!candidate || candidate->value == state_.watermark->value) &&
         tracker_->edge().seen == state_.edge.seen;
}

void OneEntity::tell_what_was_odd() {
  if (kept_removed_ > 0)
    host_.message("warning", std::to_string(kept_removed_) + " records that the source has removed stay in the table: " +
                                 (plan_.mode == SyncMode::append ? "mode \"append\" only adds"
                                                                 : "the destination, or a key of your own, does not let them be deleted"));
  if (tracker_->without_value() > 0)
    host_.message("warning", std::to_string(tracker_->without_value()) + " records have no value in '" + cursor_ +
                                 "': a source does not name them when they change; a full sync (full=True) reads them");
  if (tracker_->from_the_future() > 0)
    host_.message("warning", std::to_string(tracker_->from_the_future()) + " records have a '" + cursor_ +
                                 "' later than the source's own clock; the watermark stops at its clock, and they are read again");
}

void OneEntity::checkpoint(bool last, std::optional<std::vector<std::string>> live) {
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
  try {
    host_.stage(state_.sequence, next.batches);
    host_.passed("before_commit");
    table_->commit(next);
  } catch (...) {  // what was not committed was not written
    result_.counts.written -= unwritten_.rows();
    result_.counts.deleted -= unwritten_.removed();
    --result_.counts.checkpoints;
    unwritten_.clear();
    throw;
  }
  host_.passed("after_commit");
  host_.settle(state_.sequence);
  previous_ = std::move(next.state);
  first_ = false;
  unwritten_.clear();
  tracker_->committed();
  last_commit_ = connection_->clock().now();
  host_.progress(result_);
  host_.passed("after_progress");
}

}  // namespace switchgear::sync_detail

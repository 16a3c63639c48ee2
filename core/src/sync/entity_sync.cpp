#include "switchgear/sync/entity_sync.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "listing_bound.hpp"
#include "one_entity.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace sync_detail {
namespace {

/// What an error in a page's token amounts to: the source knows the place no longer.
bool place_is_gone(const Error& error) {
  return error.category == Category::gone || error.category == Category::not_found || error.category == Category::bad_request ||
         (error.category == Category::protocol && error.detail == "token");
}

}  // namespace

OneEntity::OneEntity(const std::shared_ptr<Connection>& connection, Destination& destination, const EntityPlan& plan,
                     const EntitySyncRun& run, const EntitySyncHost& host)
    : connection_(connection), destination_(destination), plan_(plan), run_(run), host_(host) {
  result_.entity = plan.entity;
  result_.mode = to_string(plan.mode);
}

RunEntity OneEntity::run() {
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

void OneEntity::look_up() {
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
  host_.settle(state_.sequence);
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

void OneEntity::look_up_changes() {
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

void OneEntity::check_fields() const {
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

void OneEntity::forget() {
  if (previous_ && (!state_.mode.empty() || !state_.cursor.empty()))
    host_.message("warning", "mode or cursor were changed: everything is read again");
  SyncState fresh;
  fresh.sequence = state_.sequence;
  state_ = std::move(fresh);
  state_.mode = to_string(plan_.mode);
  state_.cursor = cursor_;
}

void OneEntity::begin_listing() {
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
    listing.lower = instant_text(
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

std::chrono::microseconds OneEntity::lookback() const {
  return plan_.mode == SyncMode::append && key_.empty() ? std::min(plan_.lookback, state_.lookback) : plan_.lookback;
}

std::optional<Watermark> OneEntity::newest_of_source() {
  ReadRequest request;
  request.entity = plan_.entity;
  request.cursor = plan_.cursor;
  request.modified_after = state_.listing->lower;
  return sync_detail::newest_of_source(
      connection_, std::move(request), cursor_, [this] { heed_wish(); }, [this](const EntityReader& reader) { spend(reader); });
}

bool OneEntity::can_resume() const {
  return state_.listing && plan_.mode != SyncMode::replace &&
         (!cursor_.empty() || plan_.mode == SyncMode::append || state_.listing->changes);
}

void OneEntity::read_all() {
  const bool resumed = can_resume();
  read_one(resumed);
  if (!resumed || (cursor_.empty() && state_.changes.empty())) return;
  bounded_ = false;
  read_one(false);  // what has changed since the listing began
}

void OneEntity::read_one(bool resumed) {
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

bool OneEntity::give_up_place(bool resumed, const Error& error) {
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

}  // namespace sync_detail

RunEntity sync_entity(const std::shared_ptr<Connection>& connection, Destination& destination, const EntityPlan& plan,
                      const EntitySyncRun& run, const EntitySyncHost& host) {
  return sync_detail::OneEntity(connection, destination, plan, run, host).run();
}

}  // namespace switchgear

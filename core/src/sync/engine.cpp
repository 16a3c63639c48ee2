#include "switchgear/sync/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "run_leases.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"
#include "switchgear/store/rule_events.hpp"
#include "switchgear/sync/naming.hpp"

namespace switchgear {
namespace {

using std::chrono::milliseconds;
using sync_detail::RunLeases;

constexpr milliseconds tick{100};

std::string this_process() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host.front() = '?';
  return std::string(host.data()) + ":" + std::to_string(getpid());
}

std::string words_of(const std::string& error) {
  const nlohmann::json said = nlohmann::json::parse(error);
  const std::string hint = said.value("hint", "");
  return said.value("code", "") + ": " + said.value("message", "") + (hint.empty() ? "" : "; " + hint);
}

/// The words of one run, numbered, from whichever thread.
class Messages {
 public:
  Messages(RunStore& runs, Store& store, std::string run_id) : runs_(runs), store_(store), run_id_(std::move(run_id)) {}

  void add(std::string_view level, const std::string& entity, const std::string& text) {
    const std::int64_t number = ++count_;
    if (number < RunStore::max_messages) {
      runs_.add_message(run_id_, number, {store_.clock().wall(), std::string(level), entity, text});
    } else if (number == RunStore::max_messages) {
      runs_.add_message(run_id_, number, {store_.clock().wall(), "warning", "", "there were more messages, which are left out"});
    }
  }

 private:
  RunStore& runs_;
  Store& store_;
  const std::string run_id_;
  std::atomic<std::int64_t> count_{0};
};

/// Whether the source is there, as its calls have shown it; nothing where none did.
std::optional<SeenReach> seen(const Connection& connection) {
  const ConnectionStatus status = connection.status();
  const std::string error = status.error ? error_json(*status.error) : "";
  switch (status.state) {
    case LiveState::online:
    case LiveState::degraded:
      return SeenReach{Reach::online, ""};
    case LiveState::offline:
      return SeenReach{Reach::offline, error};
    case LiveState::auth_required:
      return SeenReach{Reach::auth_required, error};
    default:
      return std::nullopt;
  }
}

/// One run under way.
class RunUnderWay {
 public:
  RunUnderWay(Store& store, std::shared_ptr<Connection> connection, const DestinationSource& source, const SyncRequest& request,
              const SyncHost& host)
      : store_(store),
        runs_(store),
        staged_(store),
        connection_(std::move(connection)),
        source_(source),
        request_(request),
        host_(host),
        plans_(request.entities) {}

  Run run() {
    begin();
    Messages messages(runs_, store_, run_.id);
    messages_ = &messages;
    messages.add("info", "", std::string(request_.full ? "full sync" : "sync") + " into " + source_.display);
    for (const std::string& said : left_out_) messages.add("info", "", said + ", and is left to it");
    if (open_destination()) {
      const bool alone = request_.concurrency <= 1 || destination_->single_threaded();
      alone ? run_here() : run_side_by_side();
      destination_.reset();  // before others are let in
    }
    return end();
  }

 private:
  void begin() {
    run_.id = runs_.new_id();
    run_.connection_id = connection_->id();
    run_.state = RunState::in_progress;
    run_.cause = request_.cause;
    run_.full = request_.full;
    run_.holder = this_process();
    run_.destination = source_.display;
    run_.started_at = store_.clock().wall();
    for (const EntityPlan& plan : plans_) {
      RunEntity entity;
      entity.entity = plan.entity;
      entity.mode = to_string(plan.mode);
      run_.entities.push_back(std::move(entity));
    }
    leases_ = std::make_unique<RunLeases>(store_, run_, request_.lease);
    leave_out_what_others_have();
    runs_.begin(run_);
  }

  /// Entities that another run is syncing now. Throws Error(conflict, "locked") if that leaves none.
  void leave_out_what_others_have() {
    for (const RunEntity& each : run_.entities) {
      if (const auto holder = leases_->taken(each.entity)) left_out_.push_back("'" + each.entity + "' is being synced by " + *holder);
    }
    if (left_out_.size() == run_.entities.size()) {
      Error error = Error(Category::conflict, "locked", left_out_.front() + (left_out_.size() > 1 ? ", and so are the others" : ""))
                        .with_hint("wait for its end; runs shows it")
                        .with_retry(true);
      error.connection_id = connection_->id();
      throw error;
    }
    std::erase_if(run_.entities, [this](const RunEntity& each) { return leases_->taken(each.entity).has_value(); });
    std::erase_if(plans_, [this](const EntityPlan& plan) { return leases_->taken(plan.entity).has_value(); });
  }

  /// False: it can't be had, and that is what became of each entity.
  bool open_destination() {
    std::optional<Error> problem;
    try {
      if (!source_.one_writer || wait_for_turn()) {
        destination_ = source_.open();
        if (request_.snake_case) destination_ = in_snake_case(destination_);
        return true;
      }
    } catch (const Error& error) {
      problem = error;
      problem->connection_id = connection_->id();
      messages_->add("error", "", problem->describe());
    }
    for (RunEntity& each : run_.entities) {
      each.state = problem ? RunState::failed : RunState::cancelled;
      each.error = error_json(problem.value_or(Error(Category::cancelled, "stopped", "stopped while it waited for its destination")));
      each.finished_at = store_.clock().wall();
      runs_.entity_finished(run_.id, each);
    }
    return false;
  }

  /// False: the run is to stop.
  bool wait_for_turn() {
    bool told = false;
    while (!leases_->take_destination("destination/" + source_.display)) {
      if (!told) messages_->add("info", "", "waits for another run that writes to the same destination");
      told = true;
      if (host_.wish() != StopWish::none || leases_->lost()) return stopped_ = true, false;
      store_.clock().sleep_for(tick);
    }
    return true;
  }

  void run_here() {
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      if (host_.wish() != StopWish::none) stopped_ = true;
      sync(i, [this] {
        const StopWish wish = host_.wish();
        if (wish != StopWish::none) stopped_ = true;
        return leases_->lost() ? StopWish::abort : wish;
      });
      tell_progress();
    }
  }

  void run_side_by_side() {
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> busy{0};
    std::atomic<StopWish> wish{StopWish::none};
    const std::size_t count = std::min(request_.concurrency, std::max<std::size_t>(plans_.size(), 1));
    std::vector<std::jthread> threads;
    busy = count;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&] {
        for (std::size_t mine = next++; mine < plans_.size(); mine = next++)
          sync(mine, [&] { return leases_->lost() ? StopWish::abort : wish.load(); });
        const std::lock_guard lock(mutex_);
        --busy;
        changed_.notify_all();
      });
    }
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, tick, [&] { return busy == 0; })) break;
      }
      if (const StopWish now = host_.wish(); now != StopWish::none) {
        stopped_ = true;
        wish = now;
      }
      tell_progress();
    }
    threads.clear();
    tell_progress();
    if (failure_) std::rethrow_exception(failure_);
  }

  void sync(std::size_t index, const std::function<StopWish()>& wish) {
    const EntityPlan& plan = plans_[index];
    RunEntity result = run_.entities[index];
    try {
      if (stopped_) {
        result.state = RunState::cancelled;
      } else {
        result = synced(plan, result, wish);
      }
      result.finished_at = store_.clock().wall();
      if (!leases_->lost()) runs_.entity_finished(run_.id, result);
      if (result.state == RunState::failed) messages_->add("error", plan.entity, words_of(result.error));
      leases_->release(plan.entity);
    } catch (const Error& error) {
      const std::lock_guard lock(mutex_);
      if (error.category == Category::conflict && error.detail == "lease_lost")
        overtaken_ = true;
      else if (!failure_)
        failure_ = std::current_exception();
      result.state = RunState::failed;
      result.error = error_json(error);
    } catch (...) {  // the store's: nothing can be kept any more
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      result.state = RunState::failed;
    }
    const std::lock_guard lock(mutex_);
    run_.entities[index] = std::move(result);
    news_.push_back(run_.entities[index]);
  }

  RunEntity synced(const EntityPlan& plan, RunEntity queued, const std::function<StopWish()>& wish) {
    try {
      if (request_.snake_case) refuse_same_names(plan);
    } catch (Error& error) {
      error.connection_id = connection_->id();
      error.entity = plan.entity;
      queued.state = RunState::failed;
      queued.error = error_json(error);
      return queued;
    }
    return sync_entity(connection_, *destination_, plan, place_of(plan), entity_host(plan, wish));
  }

  /// Where the entity's fields are known before anything is read.
  void refuse_same_names(const EntityPlan& plan) const {
    const auto entity = connection_->known_entity(plan.entity);
    if (!entity) return;
    std::vector<std::string> names = plan.read.columns;
    if (names.empty()) {
      for (const Field& field : entity->schema.fields) names.push_back(field.name);
    }
    refuse_same_snake_case(names);
  }

  EntitySyncRun place_of(const EntityPlan& plan) const {
    EntitySyncRun place;
    place.run_id = run_.id;
    place.full = request_.full;
    place.schema = request_.schema.empty() ? schema_name(connection_->id()) : request_.schema;
    place.table = request_.table_name ? request_.table_name(plan.entity) : request_.snake_case ? snake_case(plan.entity) : plan.entity;
    return place;
  }

  EntitySyncHost entity_host(const EntityPlan& plan, const std::function<StopWish()>& wish) {
    EntitySyncHost host;
    host.wish = wish;
    host.passed = host_.passed;
    host.started = [this](const RunEntity& entity) { runs_.entity_started(run_.id, entity); };
    host.progress = [this](const RunEntity& entity) {
      runs_.entity_progress(run_.id, entity);
      const std::lock_guard lock(mutex_);
      news_.push_back(entity);
    };
    host.message = [this, name = plan.entity](std::string_view level, const std::string& text) { messages_->add(level, name, text); };
    host.replay = [this, name = plan.entity](const std::string& run_id, const RunCounts& counts, const std::string& watermark) {
      if (run_id != run_.id) runs_.replay(run_id, connection_->id(), name, counts, watermark);
    };
    host.stage = [this, name = plan.entity](std::int64_t sequence, const std::vector<RecordBatch>& batches) {
      if (host_.judge) staged_.stage(connection_->id(), name, sequence, host_.judge(name, batches));
    };
    host.settle = [this, name = plan.entity](std::int64_t sequence) { staged_.settle(connection_->id(), name, sequence); };
    return host;
  }

  void tell_progress() {
    std::deque<RunEntity> news;
    {
      const std::lock_guard lock(mutex_);
      news.swap(news_);
    }
    for (const RunEntity& each : news) host_.progress(each);
  }

  Run end() {
    if (failure_) std::rethrow_exception(failure_);
    std::map<RunState, int> states;
    for (const RunEntity& each : run_.entities) {
      ++states[each.state];
      if (run_.error.empty() && each.state == RunState::failed) run_.error = each.error;
    }
    const auto all = static_cast<int>(run_.entities.size());
    if (states[RunState::completed] == all) {
      run_.state = RunState::completed;
    } else if (states[RunState::cancelled] > 0 && stopped_) {
      run_.state = RunState::cancelled;
      for (const RunEntity& each : run_.entities) {
        if (run_.error.empty()) run_.error = each.error;
      }
    } else {
      run_.state = states[RunState::completed] > 0 ? RunState::partial : RunState::failed;
    }
    if (leases_->lost() || overtaken_) {
      run_.state = RunState::failed;
      run_.error =
          error_json(Error(Category::conflict, "lease_lost", "the run's lease ran out, and it stopped")
                         .with_hint("the store could not be reached for too long, or this process stood still; the next sync goes on"));
      return run_;
    }
    runs_.finished(run_.id, run_.state, run_.error, seen(*connection_));
    leases_.reset();
    return runs_.get(run_.id);  // as everybody sees it
  }

  Store& store_;
  RunStore runs_;
  RuleEventStore staged_;
  std::shared_ptr<Connection> connection_;
  const DestinationSource& source_;
  std::shared_ptr<Destination> destination_;
  const SyncRequest& request_;
  const SyncHost& host_;

  std::vector<EntityPlan> plans_;
  std::vector<std::string> left_out_;
  Run run_;
  std::unique_ptr<RunLeases> leases_;
  Messages* messages_ = nullptr;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> overtaken_{false};  // somebody took the run for dead
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<RunEntity> news_;
  std::exception_ptr failure_;
};

}  // namespace

std::string schema_name(std::string_view connection_id) {
  std::string name;
  for (const char c : connection_id) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    const bool upper = c >= 'A' && c <= 'Z';
    name += kept ? c : upper ? static_cast<char>(c + 32) : '_';
  }
  return name;
}

Run SyncEngine::run(const std::shared_ptr<Connection>& connection, const DestinationSource& destination, const SyncRequest& request,
                    const SyncHost& host) {
  if (request.entities.empty())
    throw Error(Category::config, "entities", "there is nothing to sync: '" + connection->id() + "' has no entities, or none were named");
  return RunUnderWay(store_, connection, destination, request, host).run();
}

Run SyncEngine::failed_to_begin(const Connection& connection, const std::string& destination, const SyncRequest& request,
                                const std::string& error_json) {
  RunStore runs(store_);
  Run run;
  run.id = runs.new_id();
  run.connection_id = connection.id();
  run.cause = request.cause;
  run.full = request.full;
  run.holder = this_process();
  run.destination = destination;
  run.started_at = store_.clock().wall();
  run.error = error_json;
  runs.failed_to_begin(run, seen(connection));
  return runs.get(run.id);
}

}  // namespace switchgear

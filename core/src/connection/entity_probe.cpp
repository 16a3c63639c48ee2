#include "entity_probe.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <string>
#include <thread>
#include <utility>

#include "switchgear/connection/call_services.hpp"
#include "switchgear/data/json_page.hpp"

namespace switchgear {
namespace {

using State = HealthStep::State;
using std::chrono::duration;

/// The next entity would meet it, too.
bool is_everybodys(const Error& error) {
  switch (error.category) {
    case Category::offline:
    case Category::timeout:
    case Category::auth_expired:
    case Category::auth_invalid:
    case Category::rate_limit:
    case Category::cancelled:
    case Category::circuit_open:
      return true;
    default:
      return false;
  }
}

class EntityProbe {
 public:
  EntityProbe(std::shared_ptr<Connection> connection, std::stop_token stop) : connection_(std::move(connection)), stop_(std::move(stop)) {}

  std::vector<EntityHealth> run(const CheckOptions& options) {
    choose(options);
    const std::size_t workers = std::min(std::max<std::size_t>(options.parallel, 1), chosen_.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 1; i < workers; ++i) threads.emplace_back([this] { work(); });
      work();
    }
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    if (stop_.stop_requested()) throw Error(Category::cancelled, "the check was cancelled");
    return std::move(results_);
  }

 private:
  void choose(const CheckOptions& options) {
    if (options.entities && options.entities->empty()) return;
    CallServices services(connection_, "", "discover", CallServices::Mode::unguarded);
    const std::vector<EntityInfo> declared = connection_->manifest().entities;
    const std::vector<EntityInfo> all = declared.empty() ? connection_->discover(services, stop_) : declared;
    std::vector<std::string> names;
    for (const EntityInfo& info : all) names.push_back(info.name);
    if (!options.entities) {
      for (std::size_t i = 0; i < std::min(all.size(), options.most_entities); ++i) add(all[i]);
      return;
    }
    for (const std::string& name : *options.entities) {
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end()) {
        throw Error(Category::not_found, "entity", "'" + connection_->id() + "' has no entity '" + name + "'" + did_you_mean(name, names))
            .with_hint("entities() lists them");
      }
      add(all[static_cast<std::size_t>(found - names.begin())]);
    }
  }

  void add(const EntityInfo& info) {
    chosen_.push_back(info);
    results_.push_back({info.name, State::skipped, 0, std::nullopt});
  }

  void work() {
    try {
      for (std::size_t i = next_++; i < chosen_.size() && !over_ && !stop_.stop_requested(); i = next_++) look_at(chosen_[i], results_[i]);
    } catch (...) {  // out of memory, or a fork: neither is the source's
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      over_ = true;
    }
  }

  void look_at(const EntityInfo& info, EntityHealth& result) {
    const SteadyTime begin = connection_->clock().now();
    try {
      // A limit that was agreed on holds for a check too.
      if (RateLimiter* const limiter = connection_->guard().rate_limiter(); limiter != nullptr) limiter->acquire(stop_);
      read_one(info);
      result.state = State::ok;
    } catch (const Error& error) {
      if (error.code() == "unsupported.fork") throw;
      if (is_everybodys(error)) over_ = true;
      if (error.category == Category::cancelled) return;
      result.state = State::failed;
      result.error = error;
      result.error->connection_id = connection_->id();
      result.error->entity = info.name;
    }
    result.latency_ms = duration<double, std::milli>(connection_->clock().now() - begin).count();
  }

  void read_one(const EntityInfo& info) {
    CallServices services(connection_, info.name, "read", CallServices::Mode::unguarded);
    CallContext call{services, stop_, connection_->clock(), {}};
    SessionLease session = connection_->lease(stop_);
    PageRequest request;
    request.entity = info.name;
    request.properties = info.properties;
    request.page_size = 1;
    try {
      RawPage page = session->read_page(request, call);
      if (!page.batch) {  // is it what was asked for? Finding the records tells
        const JsonPage read(std::move(page.body), {std::move(page.records), {}, {}, {}, {}, {}});
      }
    } catch (const Error& error) {
      if (error.category == Category::plugin) session.discard();
      throw;
    }
  }

  std::shared_ptr<Connection> connection_;
  std::stop_token stop_;
  std::vector<EntityInfo> chosen_;
  std::vector<EntityHealth> results_;  // each written by the one thread that took its number
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

std::vector<EntityHealth> probe_entities(const std::shared_ptr<Connection>& connection, const CheckOptions& options, std::stop_token stop) {
  return EntityProbe(connection, std::move(stop)).run(options);
}

}  // namespace switchgear

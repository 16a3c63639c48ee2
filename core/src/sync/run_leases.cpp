#include "run_leases.hpp"

#include <condition_variable>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"

namespace switchgear::sync_detail {

RunLeases::RunLeases(Store& store, const Run& run, std::chrono::microseconds ttl) : leases_(store), ttl_(ttl) {
  if (ttl < std::chrono::milliseconds(100))
    throw Error(Category::config, "lease", "the lease is shorter than 0.1 s").with_hint("60 s suit most: it has to outlast a pause");
  held_.emplace("", leases_.acquire(run_lease_name(run.id), run.holder, ttl).value());
  for (const RunEntity& each : run.entities) {
    const std::string name = "sync/" + run.connection_id + "/" + each.entity;
    if (auto lease = leases_.acquire(name, run.holder + ", run " + run.id, ttl)) {
      held_.emplace(each.entity, std::move(*lease));
    } else {
      const auto other = leases_.find(name);
      others_.emplace(each.entity, other ? other->holder : "which has just ended");
    }
  }
  keeper_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
}

RunLeases::~RunLeases() {
  keeper_.request_stop();
  keeper_.join();
  for (const auto& [entity, lease] : held_) {
    try {
      leases_.release(lease);
    } catch (const Error& error) {  // it runs out by itself
      log(LogLevel::warning, "store", "a lease could not be given up: " + error.describe());
    }
  }
}

std::optional<std::string> RunLeases::taken(const std::string& entity) const {
  const std::lock_guard lock(mutex_);
  const auto other = others_.find(entity);
  return other == others_.end() ? std::nullopt : std::optional(other->second);
}

bool RunLeases::take_destination(const std::string& name) {
  std::string holder;
  {
    const std::lock_guard lock(mutex_);
    holder = held_.at("").holder;
  }
  auto lease = leases_.acquire(name, holder, ttl_);
  if (!lease) return false;
  const std::lock_guard lock(mutex_);
  held_.emplace(name, std::move(*lease));
  return true;
}

void RunLeases::release(const std::string& entity) {
  std::optional<Lease> lease;
  {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(entity);
    if (found == held_.end()) return;
    lease = std::move(found->second);
    held_.erase(found);
  }
  leases_.release(*lease);
}

void RunLeases::keep(const std::stop_token& stop) {
  std::mutex sleeping;
  std::condition_variable_any alarm;
  auto renewed = std::chrono::steady_clock::now();
  for (;;) {
    {
      std::unique_lock lock(sleeping);
      if (alarm.wait_for(lock, stop, ttl_ / 3, [] { return false; }); stop.stop_requested()) return;
    }
    if (renew_all()) {
      renewed = std::chrono::steady_clock::now();
    } else if (std::chrono::steady_clock::now() - renewed > ttl_) {
      lost_ = true;
    }
    if (lost_) return;
  }
}

/// False: the store could not be asked, which is tried again.
bool RunLeases::renew_all() {
  std::map<std::string, Lease> now;
  {
    const std::lock_guard lock(mutex_);
    now = held_;
  }
  try {
    for (auto& [entity, lease] : now) {
      if (leases_.renew(lease, ttl_)) continue;
      const std::lock_guard lock(mutex_);
      if (held_.contains(entity)) lost_ = true;
    }
    return true;
  } catch (const std::exception& problem) {
    log(LogLevel::warning, "store", std::string("a lease could not be renewed: ") + problem.what());
    return false;
  }
}

}  // namespace switchgear::sync_detail

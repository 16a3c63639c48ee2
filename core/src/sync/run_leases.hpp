// The leases of a run: its own, which says that it is under way, and one for each of its entities.
//
// They are renewed at a third of their time by a thread of this class, and given up when it is destroyed.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "switchgear/store/leases.hpp"
#include "switchgear/store/runs.hpp"

namespace switchgear::sync_detail {

class RunLeases {
 public:
  /// Takes them; those that somebody has are left out.
  RunLeases(Store& store, const Run& run, std::chrono::microseconds ttl);
  ~RunLeases();
  RunLeases(const RunLeases&) = delete;
  RunLeases& operator=(const RunLeases&) = delete;

  /// Who else has the entity; nothing: it is this run's.
  std::optional<std::string> taken(const std::string& entity) const;
  void release(const std::string& entity);

  /// Whether it is this run's turn to write to a destination.
  bool take_destination(const std::string& name);

  /// One ran out before it was renewed: others may have taken over.
  bool lost() const noexcept { return lost_; }

 private:
  void keep(const std::stop_token& stop);
  bool renew_all();

  LeaseStore leases_;
  const std::chrono::microseconds ttl_;
  mutable std::mutex mutex_;
  std::map<std::string, Lease> held_;          // by entity; "" is the run's own
  std::map<std::string, std::string> others_;  // who has those that are not
  std::atomic<bool> lost_{false};
  std::jthread keeper_;  // last: it uses the others
};

}  // namespace switchgear::sync_detail

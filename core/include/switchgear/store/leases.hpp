// Who may do what only one may do at a time, across threads, processes and machines: a name is leased for a while, and again if need be.
//
// A lease that runs out can be taken by another while its first holder still believes to have it. So each comes with a fencing token that
// only ever grows, and whoever writes under a lease calls require() in the same transaction.
// Time is the store's wall clock. If that is moved back, leases run longer, but by no more than the time they were given for.
// LeaseStore holds no state of its own; any thread may use it, as long as the Store lives.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "switchgear/store/store.hpp"

namespace switchgear {

struct Lease {
  std::string name;
  std::string holder;
  std::int64_t token = 0;
  WallTime expires_at;
};

class LeaseStore {
 public:
  explicit LeaseStore(Store& store) : store_(store) {}

  /// Nothing if somebody has it, be it the same `holder`, which is for people to read. `ttl` is more than zero.
  std::optional<Lease> acquire(const std::string& name, const std::string& holder, std::chrono::microseconds ttl);

  /// From now on for `ttl`. False: it ran out and is lost, even if nobody else took it yet.
  bool renew(Lease& lease, std::chrono::microseconds ttl);

  /// Gives it up; does nothing if it is lost.
  void release(const Lease& lease);

  /// Who has it now.
  std::optional<Lease> find(const std::string& name);

  /// Throws Error(conflict, "lease_lost") unless the lease is held at `now`; to be called in the transaction that it protects, which it
  /// keeps others from taking the lease in.
  static void require(DatabaseSession& session, const Lease& lease, std::int64_t now);

 private:
  Store& store_;
};

}  // namespace switchgear

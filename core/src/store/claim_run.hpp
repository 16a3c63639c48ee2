// One claim, within one transaction: first what ran out or became due, then the batches with the best right to go.
//
// Every step reads an index that holds only what it looks for. What it passes over on the way is bounded by the number of batches under
// way: a connection at its limit has some, and a job whose batches are all under way is taken out of the index when it is met.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "job_tables.hpp"
#include "switchgear/store/job_claims.hpp"

namespace switchgear::store_detail {

struct ClaimedPlace {
  ClaimedBatch batch;  ///< without its records
  std::string outcomes;
  std::int64_t first_index = 0;
};

class ClaimRun {
 public:
  /// `turn`: the connection that was served last; the one behind it comes first.
  ClaimRun(DatabaseSession& session, const ClaimOptions& options, std::int64_t now, std::string turn)
      : session_(&session), options_(&options), now_(now), turn_(std::move(turn)) {}

  void run();

  std::vector<ClaimedPlace>& batches() noexcept { return batches_; }
  const std::string& turn() const noexcept { return turn_; }

 private:
  struct Place {
    std::int64_t rank;
    std::string connection_id;
  };

  void take_back_expired();
  void wake_jobs();
  std::optional<Place> first_of_rank_above(std::optional<std::int64_t> rank);
  std::optional<Place> next_in_rank(const Place& place);
  void serve_rank(const Place& first);
  void serve(const Place& place);
  std::int64_t room_of(const std::string& connection_id);
  std::int64_t claim_from(const Job& job, std::int64_t most);
  void rest(const std::string& job_id);
  std::int64_t wanted() const noexcept { return options_->max_batches - static_cast<std::int64_t>(batches_.size()); }

  DatabaseSession* session_;
  const ClaimOptions* options_;
  std::int64_t now_;
  std::string turn_;
  std::vector<ClaimedPlace> batches_;
};

}  // namespace switchgear::store_detail

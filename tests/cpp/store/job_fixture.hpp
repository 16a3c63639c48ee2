// A store with two connections, and short ways to make jobs and to do them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "each_store.hpp"
#include "switchgear/store/connections.hpp"
#include "switchgear/store/job_claims.hpp"
#include "switchgear/store/jobs.hpp"

namespace switchgear {

inline void add_connection(Store& store, const std::string& id) {
  StoredConnection connection;
  connection.id = id;
  connection.connector = "odata";
  ConnectionStore(store).add(connection);
}

/// `batches` of `size` records with the keys k0, k1, …; `order_keys` are given to them in turn.
inline Job submit(JobStore& jobs, const JobSpec& spec, int batches, int size, const std::vector<std::string>& order_keys = {""}) {
  auto submission = jobs.submit(spec);
  int index = 0;
  for (int batch = 0; batch < batches; ++batch) {
    std::vector<std::string> texts;
    for (int i = 0; i < size; ++i) texts.push_back(std::to_string(index++));
    std::vector<std::string> keys;
    std::vector<std::string> jsons;
    std::vector<NewRecord> records;
    for (const auto& text : texts) {
      keys.push_back("k" + text);
      jsons.push_back(R"({"id":)" + text + "}");
    }
    for (std::size_t i = 0; i < keys.size(); ++i) records.push_back({keys[i], jsons[i]});
    submission.add(records, order_keys[static_cast<std::size_t>(batch) % order_keys.size()]);
  }
  return submission.finish();
}

/// The outcome for all that is pending in a batch.
inline std::vector<RecordResult> all(const ClaimedBatch& batch, RecordState state = RecordState::ok) {
  std::vector<RecordResult> results;
  for (const auto& record : batch.records) {
    RecordOutcome outcome;
    outcome.state = state;
    if (state != RecordState::ok) {
      outcome.category = Category::bad_request;
      outcome.detail = "field";
      outcome.message = "the source refuses " + record.key;
    }
    results.push_back({record.index, outcome});
  }
  return results;
}

class OnEachJobStore : public OnEachStore {
 protected:
  OnEachJobStore() {
    add_connection(*store_, "plant");
    add_connection(*store_, "works");
    spec_.connection_id = "plant";
    spec_.entity = "WorkOrders";
  }

  std::vector<ClaimedBatch> claim(std::int64_t most = 1, const std::string& worker = "w1") {
    return claims_.claim({.worker = worker, .max_batches = most});
  }

  ClaimedBatch claim_one(const std::string& worker = "w1") {
    auto batches = claim(1, worker);
    if (batches.empty()) throw std::runtime_error("nothing to claim");
    return std::move(batches.front());
  }

  /// Does what there is, until nothing can be claimed.
  int work_off() {
    int done = 0;
    for (auto batches = claim(4); !batches.empty(); batches = claim(4)) {
      for (const auto& batch : batches) claims_.complete(batch, all(batch));
      done += static_cast<int>(batches.size());
    }
    return done;
  }

  JobStore jobs_{*store_};
  JobClaims claims_{*store_};
  JobSpec spec_;
};

}  // namespace switchgear

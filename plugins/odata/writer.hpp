// Writes a batch of records by $batch, and reports what became of each.
//
// An upsert is a PATCH (MERGE in V2); where the service says that there is no such record, a POST; and where that fails because another was
// faster, a PATCH again. A record that brings an ETag is only ever changed, by If-Match. Belongs to one call.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <switchgear/sdk.hpp>

#include "batch.hpp"
#include "record_body.hpp"

namespace switchgear::odata {

/// How a service takes $batch. `either`: in JSON, until it refuses that and takes the other.
enum class BatchFormat { either, json, multipart };

/// How the connection writes. A session keeps it from batch to batch, with what was learned.
struct WriteStyle {
  BatchFormat format = BatchFormat::either;
  bool exact_numbers = true;
  std::string update_method;                         ///< empty: PATCH, in V2 MERGE
  std::function<sdk::Request(const char*)> prepare;  ///< makes the POST to $batch that accepts this type, without its body
};

class Writer {
 public:
  Writer(const sdk::Entity& entity, const sdk::Batch& batch, sdk::Outcomes& outcomes, sdk::Call& call, WriteStyle& style);

  void run();

 private:
  struct Step {
    const sdk::Record* record;
    std::string method;
    std::string if_match;
    int round = 0;
  };
  using Steps = std::vector<Step>;

  Steps first_steps();
  void split_atomic_upsert(Steps& steps);
  Steps send(const Steps& steps);
  std::vector<BatchPart> exchange(const Steps& steps);
  template <class Body>
  Body body_of(const Steps& steps, Body body) const;
  std::vector<BatchPart> exchange_json(const Steps& steps);
  std::vector<BatchPart> exchange_multipart(const Steps& steps);
  std::optional<sdk::Error> json_refusal(const Steps& steps, std::vector<BatchPart>& parts);
  void judge(const Step& step, const BatchPart& part, Steps& again);
  void judge_group(const Steps& steps, const std::vector<BatchPart>& parts);
  std::string path_for(const Step& step) const;
  std::optional<sdk::Error> verdict(const BatchPart& part);

  const sdk::Entity& entity_;
  const sdk::Batch& batch_;
  sdk::Outcomes& outcomes_;
  sdk::Call& call_;
  WriteStyle& style_;
  Dialect dialect_;
  std::string path_;
  std::string update_method_;
  std::string any_version_;                    ///< the If-Match of a change: "*" where the entity has ETags
  std::vector<WireRecord> wire_;               ///< by the record's index in the batch
  std::map<std::size_t, sdk::Error> refused_;  ///< what a POST met, by record, while another PATCH is tried
};

}  // namespace switchgear::odata

// Writes a batch of records by $batch, and reports what became of each.
//
// An upsert is a PATCH; where the service says that there is no such record, a POST; and where that fails because another was faster, a
// PATCH again. Belongs to one call.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <switchgear/sdk.hpp>

#include "batch.hpp"

namespace switchgear::odata {

class Writer {
 public:
  /// `prepare` makes the POST to $batch, without its body.
  Writer(const sdk::Entity& entity, const sdk::Batch& batch, sdk::Outcomes& outcomes, sdk::Call& call,
         std::function<sdk::Request()> prepare);

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
  void judge(const Step& step, const BatchPart& part, Steps& again);
  void judge_group(const Steps& steps, const std::vector<BatchPart>& parts);
  std::string path_for(const Step& step) const;
  std::optional<sdk::Error> verdict(const BatchPart& part);

  const sdk::Entity& entity_;
  const sdk::Batch& batch_;
  sdk::Outcomes& outcomes_;
  sdk::Call& call_;
  std::function<sdk::Request()> prepare_;
  std::string path_;
  std::string any_version_;                    ///< the If-Match of a change: "*" where the entity has ETags
  std::map<std::size_t, sdk::Error> refused_;  ///< what a POST met, by record, while another PATCH is tried
};

}  // namespace switchgear::odata

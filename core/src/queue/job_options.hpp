// What a job's submitter wants of its worker: the JSON in JobSpec::options_json.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "switchgear/batch/outcome.hpp"

namespace switchgear::queue_detail {

struct JobOptions {
  OnError on_error;
  std::chrono::milliseconds delay{0};  ///< after each batch, while it is still held: with one batch at a time, the source's rest
  bool atomic = false;
  std::size_t max_record_bytes = 16U << 20U;

  /// Throws Error(config, "job_options") naming what is wrong.
  static JobOptions parse(std::string_view json);
};

}  // namespace switchgear::queue_detail

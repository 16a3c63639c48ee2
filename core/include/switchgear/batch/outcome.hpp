// What is to be written, how, and what became of it. Plain values; thread-safety as any value type.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "switchgear/base/error.hpp"
#include "switchgear/store/job_records.hpp"

namespace switchgear {

/// What a record's failure does to those after it.
struct OnError {
  enum class Kind { go_on, stop, threshold };
  Kind kind = Kind::go_on;
  double share = 0;  ///< of threshold: stop when more than this share of what was decided has failed

  /// "continue", "stop" or "10%". Throws Error(config, "on_error").
  static OnError parse(std::string_view text);
};

struct WriteOptions {
  std::string entity;
  std::string op = "upsert";  ///< create, update, upsert, delete
  std::string job_id;         ///< with the record's index and key it makes the idempotency key; empty: a random one
  std::size_t batch_size = 100;
  std::size_t max_batch_bytes = 4U << 20U;
  std::size_t max_record_bytes = 16U << 20U;
  std::optional<std::chrono::milliseconds> max_age = {};  ///< a batch that began longer ago goes out when the next record comes
  std::chrono::milliseconds delay{0};                     ///< between the end of a batch and the next one, for each of `parallel`
  std::size_t parallel = 1;                               ///< batches in flight at most
  OnError on_error;
  bool atomic = false;              ///< all records of a batch or none
  bool dry_run = false;             ///< look at the records, send nothing
  std::uint32_t attempts = 4;       ///< at a batch that was refused by an open breaker, or of which nothing was sent
  std::uint32_t lost_attempts = 8;  ///< at a record whose reply was lost: of 1,000 batches over a bad line some lose four in a row
};

/// A record to be written.
struct WriteInput {
  std::string json;                        ///< one JSON object
  std::optional<std::int64_t> index = {};  ///< its place in the whole input; nothing: one more than the last
  bool maybe_sent = false;                 ///< an earlier attempt may have written it
};

/// What became of one record. Of those that are ok only the count is kept.
struct WrittenRecord {
  std::int64_t index = 0;  ///< in the input, from 0
  std::string key;
  std::string json;
  RecordState state = RecordState::ok;
  std::optional<Error> error = {};  ///< unless it is ok
};

/// These add up to the records given.
struct WriteCounts {
  std::int64_t ok = 0, failed = 0, unknown = 0, skipped = 0;
  std::int64_t batches = 0;  ///< that were sent, those sent again too

  std::int64_t records() const noexcept { return ok + failed + unknown + skipped; }
};

}  // namespace switchgear

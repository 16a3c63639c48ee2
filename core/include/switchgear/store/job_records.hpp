// Records of a job and how a batch of them is kept: as one text, with one letter for the fate of each. Plain functions and values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/error.hpp"

namespace switchgear {

inline constexpr std::size_t most_records_in_batch = 10'000;
inline constexpr std::size_t most_bytes_in_batch = std::size_t{64} << 20U;

/// `json` is the record as one JSON object; the store does not look into it.
struct NewRecord {
  std::string_view key;
  std::string_view json;
};

struct JobRecord {
  std::int64_t index = 0;  ///< in the job, from 0
  std::string key;
  std::string json;
};

/// The letter is how the ledger writes it.
enum class RecordState : char { pending = '-', ok = 'o', failed = 'f', unknown = 'u', skipped = 's' };

std::string_view to_string(RecordState state) noexcept;

/// What became of a record; why, unless it is ok.
struct RecordOutcome {
  RecordState state = RecordState::ok;
  Category category = Category::internal;
  std::string detail = {};
  std::string message = {};
  std::string hint = {};
  bool retryable = false;
};

/// What became of a record because of this error.
RecordOutcome because_of(const Error& error, RecordState state);

/// The same record of the same job always has the same one, whoever sends it and however often; no two records share one.
std::string idempotency_key(std::string_view job_id, std::int64_t index, std::string_view key);

/// One line for each record: key, tab, JSON. Throws Error(data, "text") naming the record (`first_index` onwards) that is not UTF-8 or has
/// a zero byte.
std::string pack_records(std::span<const NewRecord> records, std::int64_t first_index);

/// Those whose letter in `states` is '-'. Throws Error(store, "corrupt") if the text and the letters do not belong together.
std::vector<JobRecord> unpack_pending(std::string_view packed, std::string_view states, std::int64_t first_index);

/// One of them, whatever its letter.
JobRecord unpack_one(std::string_view packed, std::int64_t first_index, std::int64_t index);

}  // namespace switchgear

// Records to be written, and what became of each. Borrowed from the host for the one call of write().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/sdk/abi.h"
#include "switchgear/sdk/error.hpp"
#include "switchgear/sdk/text.hpp"

namespace switchgear::sdk {

class Record {
 public:
  Record(const sg_record& record, std::uint64_t index) : record_(&record), index_(index) {}

  std::string id() const { return detail::str(record_->id); }    ///< the host's idempotency key of this record
  std::string key() const { return detail::str(record_->key); }  ///< as text; empty when the source assigns it
  std::string_view json() const { return detail::view(record_->json); }
  std::uint64_t index() const noexcept { return index_; }  ///< in the batch

 private:
  const sg_record* record_;
  std::uint64_t index_;
};

class Batch {
 public:
  explicit Batch(const sg_batch& batch) : op(detail::str(batch.op)), atomic(batch.atomic != 0), schema(batch.schema), array(batch.array) {
    records_.reserve(batch.n_records);
    for (std::uint64_t i = 0; i < batch.n_records; ++i) records_.emplace_back(batch.records[i], i);
  }

  std::string op;             ///< "create", "update", "upsert" or "delete": one that the manifest lists
  bool atomic;                ///< all or none
  const ArrowSchema* schema;  ///< the same records as columns; may be null
  const ArrowArray* array;

  std::size_t size() const noexcept { return records_.size(); }
  const Record& operator[](std::size_t index) const { return records_[index]; }
  auto begin() const noexcept { return records_.begin(); }
  auto end() const noexcept { return records_.end(); }

 private:
  std::vector<Record> records_;
};

/// To be told once for each record; those never told are taken as unknown.
class Outcomes {
 public:
  explicit Outcomes(const sg_batch& batch) : batch_(&batch) {}

  void ok(const Record& record) { report(record, SG_OUTCOME_OK, nullptr); }

  /// An error that leaves open whether the source acted (Error::reply_lost) makes the outcome unknown.
  void fail(const Record& record, const Error& error) {
    report(record, error.reply_lost() ? SG_OUTCOME_UNKNOWN : SG_OUTCOME_FAILED, &error);
  }

  void unknown(const Record& record, const Error& error) { report(record, SG_OUTCOME_UNKNOWN, &error); }

 private:
  void report(const Record& record, std::int32_t outcome, const Error* error) {
    sg_error out = detail::blank_error();
    if (error != nullptr) detail::write_error(*error, &out);
    batch_->report(batch_->report_to, record.index(), outcome, error == nullptr ? nullptr : &out);
  }

  const sg_batch* batch_;
};

}  // namespace switchgear::sdk

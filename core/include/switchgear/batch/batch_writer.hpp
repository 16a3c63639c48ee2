// Writes records in batches through a connection, and says of each what became of it.
//
// add() collects records into batches, which `parallel` threads send by sessions of their own; at most as many batches again wait, so
// add() blocks where the source is slower than the caller, and memory stays flat. Records of one key are never in flight together, and go
// out in the order given.
// A batch that is too large (413) is halved; one that the source refuses whole for a single record is halved until that one is found. Where
// a reply was lost, updates, upserts and deletes are sent again, which can't double them; creates only once the source was asked for their
// keys and has none, and are else left unknown.
// The sink gets every outcome that is not ok (each with `report_ok`), one call at a time, from the writer's threads; it must not throw.
// add() and finish() belong to one thread at a time. Their Errors: `not_found`, `unsupported` (construction), `cancelled`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "switchgear/batch/outcome.hpp"
#include "switchgear/connection/connection.hpp"

namespace switchgear {

using OutcomeSink = std::function<void(WrittenRecord)>;

class BatchWriter {
 public:
  /// Asks the connection for the entity, so it may send a request.
  BatchWriter(std::shared_ptr<Connection> connection, WriteOptions options, OutcomeSink sink, bool report_ok = false,
              std::stop_token stop = {});
  ~BatchWriter();  ///< what was not finished is given up: records that wait are skipped
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;

  /// False: the writer has stopped (on_error, cancel()); this record is skipped, and so would be the next.
  bool add(WriteInput record);

  /// One that its maker could not even put into JSON: it has failed.
  bool add_failed(WriteInput record, Error error);

  /// Sends what is left and waits for all outcomes.
  WriteCounts finish();

  /// What is not sent yet is skipped; requests in flight are ended, which leaves their records unknown.
  void cancel();

  WriteCounts counts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchgear

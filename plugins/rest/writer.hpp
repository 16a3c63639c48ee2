// Writes a batch of records as a description says: each by a request of its own, or many in one with a result for each.
//
// Belongs to one call. An error that the first request meets and that concerns no single record is thrown, for the host to judge; later
// ones are the outcomes of the records that they hit. Throws sdk::Error.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "description.hpp"
#include "reader.hpp"
#include "switchgear/sdk/batch.hpp"
#include "switchgear/sdk/call.hpp"

namespace switchgear::rest {

class Writer {
 public:
  Writer(Reader& source, const Entity& entity, const sdk::Batch& batch, sdk::Outcomes& outcomes, sdk::Call& call);

  void run();

 private:
  using Records = std::vector<const sdk::Record*>;

  void write_one(const sdk::Record& record);
  void write_many(const Records& records);
  void halve(const Records& records);
  void judge_items(const Records& records, const sdk::Reply& reply);
  /// What hit all records of a request: thrown if it was the first one.
  void settle(const Records& records, const sdk::Error& error);
  sdk::Reply send(const Records& records);
  sdk::Request request_for(const Records& records) const;
  std::string body_of(const Records& records) const;
  std::string body_of(const sdk::Record& record) const;
  /// What a reply, or a part of one, says of its record; nothing for a success.
  std::optional<sdk::Error> verdict(std::string_view json, int status) const;

  Reader& source_;
  const Entity& entity_;
  const sdk::Batch& batch_;
  sdk::Outcomes& outcomes_;
  sdk::Call& call_;
  const Write& write_;
  bool begun_ = false;
};

}  // namespace switchgear::rest

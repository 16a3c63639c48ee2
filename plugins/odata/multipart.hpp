// $batch as multipart/mixed (OData V4 "Protocol" 11.7.7, V2 "Batch Processing"): the body of the request, and the parts of the reply.
//
// Each write lies in a changeset: alone, so that one failure undoes nothing else, or with all the others, where all or none is asked for.
// Services answer in the order of the request, a failed changeset by one reply in its place, and, without
// `Prefer: odata.continue-on-error`, nothing of what follows a failure. Pure functions of bytes; any thread. What they throw is
// sdk::Error(protocol, "batch") for a reply that is none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "batch.hpp"

namespace switchgear::odata {

class MultipartBody {
 public:
  static constexpr const char* content_type = "multipart/mixed; boundary=batch_switchgear";

  explicit MultipartBody(bool v2) : v2_(v2) {}

  void add(const BatchRequest& request);
  std::string finish() &&;

 private:
  void begin_changeset();
  void end_changeset();

  std::string text_;
  std::string changeset_;  ///< the boundary of the open one
  bool v2_;
  std::size_t count_ = 0;
};

/// The parts by the place of their requests. `atomic`: all of them were one changeset. Where the service has stopped at a failure, those
/// behind it have `not_reached`.
std::vector<BatchPart> parse_multipart_reply(std::string_view content_type, std::string_view body, std::size_t count, bool atomic);

}  // namespace switchgear::odata

// $batch in JSON (OASIS "OData JSON Format" 4.01, 19): the body of the request, and the parts of the reply.
//
// Pure functions of bytes; any thread. What they throw is sdk::Error(protocol, "batch") for a reply that is none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "switchgear/sdk/entity.hpp"

namespace switchgear::odata {

/// "WorkOrders(17)", "Readings(asset='A',takenAt=2026-01-01T00:00:00Z)", encoded for a URL. `key` is the host's text of it: the value of
/// one field, a JSON array of several. Throws sdk::Error(data, "key") for a key that does not fit the entity.
std::string record_path(const sdk::Entity& entity, const std::string& path, const std::string& key);

/// One request of a batch. Views: what they show has to outlive it.
struct BatchRequest {
  std::string_view method;
  std::string_view path;                               ///< encoded, relative to the service root
  std::string_view json = {};                          ///< the record, or nothing
  std::string_view content_type = "application/json";  ///< of `json`
  std::string_view if_match = {};                      ///< an ETag, "*" or nothing
  bool atomic = false;                                 ///< all or none, with those beside it
};

class BatchBody {
 public:
  void add(const BatchRequest& request);
  std::string finish() &&;

 private:
  std::string text_ = R"({"requests":[)";
  std::size_t count_ = 0;
};

struct BatchPart {
  int status = 0;  ///< 0: the reply has no such part
  std::string content_type;
  std::string body;          ///< as it stands in the reply; only of parts that are no success
  bool not_reached = false;  ///< with status 0: the service has stopped before it
};

/// The parts by the numbers that BatchBody gave them. Parts that were not asked for are left out.
std::vector<BatchPart> parse_batch_reply(std::string_view body, std::size_t count);

}  // namespace switchgear::odata

// A record as OData writes it: Int64 and Decimal as texts, so that no digit is lost on the way (IEEE754Compatible), times of V2 as it has
// them, and the record's ETag taken out.
//
// Built once for each batch; write() may be called from any thread. It throws sdk::Error(data, "etag") for an ETag that can't be sent.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "literal.hpp"
#include "switchgear/sdk/entity.hpp"

namespace switchgear::odata {

struct WireRecord {
  std::string json;
  std::string etag;                                    ///< "@odata.etag", "@etag" or V2's "__metadata.etag"; empty: the record has none
  std::string_view content_type = "application/json";  ///< says so where numbers are texts
};

class RecordBody {
 public:
  /// `exact_numbers` false: V4's numbers stay as they are, for services that know nothing else.
  explicit RecordBody(const sdk::Entity& entity, bool exact_numbers = true);

  /// `json` is one JSON object, which the host has checked.
  WireRecord write(std::string_view json) const;

 private:
  class Walk;
  enum class Form { as_it_is, text, instant, instant_with_zone, duration };
  static Form form_of(std::string_view edm, Dialect dialect);

  std::map<std::string, Form, std::less<>> forms_;  ///< "Address/Price" -> text; fields that stay as they are are not listed
  Dialect dialect_;
};

}  // namespace switchgear::odata

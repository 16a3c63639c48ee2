// A record on its way to a source: one JSON object as text, checked, and its key.
//
// RecordInspector keeps a parser's memory from record to record; one thread at a time. It throws nothing for a bad record: the problem is
// in the result, as the Error that the record's outcome will have (`data.json`, `data.key`, `data.field`, `data.too_large`).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/error.hpp"

namespace switchgear {

struct RecordRules {
  std::vector<std::string> key;        ///< the fields that make up a key; empty: the entity has none
  std::vector<std::string> fields;     ///< those that there are; empty: not known, so all are taken
  bool key_needed = true;              ///< false: the source may assign it
  std::size_t max_bytes = 16U << 20U;  ///< of one record
};

struct InspectedRecord {
  std::string key;                      ///< as text: the value of one field, or a JSON array of several; "": the record has none
  std::vector<std::string> key_values;  ///< the same as JSON, one for each key field
  std::optional<Error> problem = {};
};

class RecordInspector {
 public:
  explicit RecordInspector(RecordRules rules);
  ~RecordInspector();
  RecordInspector(RecordInspector&&) noexcept;
  RecordInspector& operator=(RecordInspector&&) noexcept;

  InspectedRecord inspect(std::string_view json);

  /// The keys, as inspect() gives them, of all records in the array that `pointer` (RFC 6901) leads to in a page. Throws Error(protocol).
  std::vector<std::string> keys_of_page(std::string_view body, std::string_view pointer);

 private:
  struct Parser;
  RecordRules rules_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace switchgear

// Structures as plain columns: Location {Site, Floor} becomes Location_Site and Location_Floor, in the same memory.
//
// A name that is taken gets "_2", "_3" and so on; a column keeps the name that it once got, whatever is found later. Lists stay lists. A
// structure that is null and one whose members are all null look the same then. One Flattening for a listing, one thread at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/schema.hpp"

namespace switchgear {

class Flattening {
 public:
  Schema flat(const Schema& schema);

  /// `schema` is the batch's own, `arrow_schema` that of its flat(). Only for batches that JsonColumns made: where a structure is null, its
  /// members are.
  static RecordBatch apply(const RecordBatch& batch, const Schema& schema, const SharedArrowSchema& arrow_schema);

 private:
  void add(const std::vector<Field>& fields, const std::string& prefix, std::vector<Field>& flat);
  std::string name_for(const std::string& path, const std::string& wanted);

  std::map<std::string, std::string> names_;  // of a path, '\0' between its members
  std::set<std::string> taken_;
};

}  // namespace switchgear

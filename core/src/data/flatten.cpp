#include "switchgear/data/flatten.hpp"

#include <algorithm>

namespace switchgear {
namespace {

void collect(const std::vector<Field>& fields, const ::ArrowArray& parent, const SharedArrowArray& owner, std::vector<::ArrowArray>& out) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const ::ArrowArray& child = *parent.children[i];
    if (fields[i].type == DataType::structure) {
      collect(fields[i].children, child, owner, out);
    } else {
      share_part(owner, child, &out.emplace_back());
    }
  }
}

}  // namespace

Schema Flattening::flat(const Schema& schema) {
  // Columns that are none of a structure come first to their names.
  for (const Field& field : schema.fields) {
    if (field.type != DataType::structure) name_for(field.name, field.name);
  }
  Schema result;
  add(schema.fields, "", result.fields);
  return result;
}

void Flattening::add(const std::vector<Field>& fields, const std::string& prefix, std::vector<Field>& flat) {
  for (const Field& field : fields) {
    std::string path = prefix + field.name;
    if (field.type == DataType::structure) {
      add(field.children, path + '\0', flat);
      continue;
    }
    std::string wanted = path;
    std::replace(wanted.begin(), wanted.end(), '\0', '_');
    flat.push_back(field);
    flat.back().name = name_for(path, wanted);
  }
}

std::string Flattening::name_for(const std::string& path, const std::string& wanted) {
  if (const auto known = names_.find(path); known != names_.end()) return known->second;
  std::string name = wanted;
  for (int i = 2; !taken_.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
  names_.emplace(path, name);
  return name;
}

RecordBatch Flattening::apply(const RecordBatch& batch, const Schema& schema, const SharedArrowSchema& arrow_schema) {
  std::vector<::ArrowArray> columns;
  collect(schema.fields, *batch.array(), batch.array(), columns);
  return {arrow_schema, make_batch(std::move(columns), batch.length())};
}

}  // namespace switchgear

// Batches from JSON, as a source's pages become them.
#pragma once

#include <string>

#include "switchgear/data/json_page.hpp"
#include "switchgear/data/page_columns.hpp"

namespace switchgear {

inline RecordBatch rows(const std::string& json, std::optional<Schema> schema = std::nullopt) {
  PageColumnsOptions options;
  options.schema = std::move(schema);
  PageColumns columns(std::move(options));
  const JsonPage page(Buffer(json), {});
  if (!columns.settled()) {
    columns.look_at(page, 1000);
    columns.settle();
  }
  return columns.read(page);
}

}  // namespace switchgear

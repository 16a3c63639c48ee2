#include "listing_bound.hpp"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "switchgear/base/error.hpp"

namespace switchgear::sync_detail {

std::optional<Watermark> newest_of_source(const std::shared_ptr<Connection>& connection, ReadRequest request, const std::string& cursor,
                                          const std::function<void()>& between, const std::function<void(const EntityReader&)>& after) {
  if (!connection->manifest().can_push_down("order")) return std::nullopt;
  request.columns = {cursor};
  request.order = nlohmann::json::array({{cursor, "desc"}}).dump();
  request.limit = 1;
  request.page_size = 1;
  request.prefetch = 0;
  try {
    const EntityReader reader = read_entity(connection, request);
    std::optional<Page> page;
    PageReader::Wait wait{};
    do {
      wait = reader.pages->next_for(std::chrono::milliseconds(100), page);
      between();
    } while (wait == PageReader::Wait::pending || wait == PageReader::Wait::passed);
    after(reader);
    if (wait == PageReader::Wait::end || page->batch.length() == 0) return std::nullopt;
    const CursorColumn column(page->batch, cursor);
    auto value = column.at(0);
    if (!value) return std::nullopt;  // a source that sorts records without one first
    return Watermark{column.type(), column.has_zone(), std::move(*value)};
  } catch (const Error& error) {
    if (error.category != Category::unsupported && error.category != Category::bad_request) throw;
    return std::nullopt;
  }
}

std::optional<Watermark> clock_bound(const RecordBatch& page, const std::string& cursor, WallTime source_began) {
  const CursorColumn column(page, cursor);
  if (column.type() != DataType::timestamp) return std::nullopt;
  Watermark bound{column.type(), column.has_zone(), {}};
  bound.value.number = std::chrono::floor<std::chrono::microseconds>(source_began).time_since_epoch().count();
  return bound;
}

}  // namespace switchgear::sync_detail

// Up to where a listing is believed: the newest value of the cursor that there was when it began, or what the source's clock was then.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cursor.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/paging/entity_reader.hpp"

namespace switchgear::sync_detail {

/// The newest value of the cursor there is; nothing where the source can't be asked for it. `between` is called ten times a second and may
/// throw, `after` with the reader when it has an answer.
std::optional<Watermark> newest_of_source(const std::shared_ptr<Connection>& connection, ReadRequest request, const std::string& cursor,
                                          const std::function<void()>& between, const std::function<void(const EntityReader&)>& after);

/// For a page of a source that could not be asked: its clock, when the listing began. Nothing for a cursor that is no time.
std::optional<Watermark> clock_bound(const RecordBatch& page, const std::string& cursor, WallTime source_began);

}  // namespace switchgear::sync_detail

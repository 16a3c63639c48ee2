// How the parts of a description are read; internal to description*.cpp. Each takes its table and finishes it.
#pragma once

#include "description.hpp"
#include "table.hpp"

namespace switchgear::rest {

Paging read_paging(Table table);
std::vector<Field> read_fields(Table& entity);
std::vector<Filter> read_filters(Table& entity);
std::optional<Order> read_order(Table& entity);
std::optional<Columns> read_columns(Table& entity);
std::optional<Changes> read_changes(Table& entity);
std::vector<Write> read_writes(Table& entity);

/// What only the whole can tell: parents that exist, places that something fills, settings of one part that contradict another's.
void check_whole(const Description& description, const Table& root, const std::vector<Table>& entities);

/// Throws `table`'s error for `name` if the template has a place that is none of `known`.
void check_places(const Table& table, std::string_view name, const Template& form, const std::vector<std::string>& known,
                  const std::string& hint);

}  // namespace switchgear::rest

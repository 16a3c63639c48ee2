// Reading an entity of a connection: what the caller asks for, checked against the entity's columns, as a PageReader.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "switchgear/connection/call_services.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/paging/page_reader.hpp"

namespace switchgear {

struct ReadRequest {
  std::string entity;
  std::vector<std::string> columns;       ///< empty: all
  std::string filter;                     ///< JSON: [["Status","=","OPEN"], ...], all of which must hold
  std::string raw_filter;                 ///< the source's own language
  std::string order;                      ///< JSON: [["ChangedAt","asc"], ...]
  std::string modified_after;             ///< a value of the entity's cursor field, inclusive
  std::string cursor;                     ///< the cursor field; empty: the entity's own
  std::int64_t page_size = 0;             ///< 0: the connector's choice
  std::int64_t limit = -1;                ///< records; -1: all
  std::string token;                      ///< a Continuation's text; "": from the beginning
  std::size_t prefetch = 2;               ///< pages ahead, where one is read at a time; 0: none before it is waited for
  std::size_t parallel = 1;               ///< parts read side by side: a wish, see why_not_parallel
  bool ordered = true;                    ///< of parallel parts: in the listing's order, or as they arrive
  std::uint64_t max_bytes = 64U << 20U;   ///< of pages between source and columns
  bool count = false;                     ///< ask for the total
  bool changes = false;                   ///< ask for a token with which to ask for changes later, and for what is gone: see Page
  std::vector<Field> types;               ///< of columns, in place of the declared or inferred ones, see PageColumnsOptions::overrides
  std::optional<SchemaMode> schema_mode;  ///< nothing: evolve where columns are inferred, frozen where they are declared
  Nested nested = Nested::as_declared;
};

/// The conditions of a read: those that the source is asked for, and those that are applied to what it sends.
struct SplitConditions {
  std::vector<Condition> pushed;
  std::vector<Condition> local;
};

/// Throws Error(config, "where") for what is no condition.
SplitConditions split_conditions(const Connection& connection, const EntityInfo& entity, const ReadRequest& request);

struct EntityReader {
  std::shared_ptr<CallServices> services;  ///< its counters
  EntityInfo entity;
  std::string sequential;             ///< why it is read one page at a time although more was asked for; "": it is as asked
  std::unique_ptr<PageReader> pages;  ///< declared last: its requests use the others
};

/// Throws Error(not_found|config|unsupported) for what can't be asked; the pages are requested by the reader's first next(). What is to be
/// read in parallel is planned here, which may take a request. A wish for parallel reading that can't be met is logged, and read one
/// page at a time.
EntityReader read_entity(const std::shared_ptr<Connection>& connection, ReadRequest request, std::stop_token stop = {});

}  // namespace switchgear

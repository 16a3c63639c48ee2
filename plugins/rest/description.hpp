// What a TOML file says about a REST API: base URL, credentials, entities, and for each of them how it is asked for, paged and read.
//
// Plain values, made by load_description(), which refuses everything that could not work: unknown keys, wrong types, pointers that are
// none, places of a path that nothing fills, settings that contradict each other. docs/rest.md describes every key. Immutable afterwards;
// any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "template.hpp"

namespace switchgear::rest {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Forms = std::vector<std::pair<std::string, Template>>;

struct Variable {
  std::string name, doc;
  std::optional<std::string> value;  ///< its default; nothing: it has to be given
};

struct Auth {
  enum class Kind { connection, none, bearer, basic, header, query };
  Kind kind = Kind::connection;  ///< connection: whatever connect(auth=…) was given
  std::string secret;            ///< the name of a secret of the manifest
  Template name;                 ///< user, header or parameter
};

enum class TimeForm { as_is, iso, date, epoch_s, epoch_ms };

enum class Style { automatic, none, cursor, next_url, link, page, offset, keyset, window };

struct Paging {
  Style style = Style::automatic;
  std::string param;                    ///< cursor, page, offset: the parameter that says where to go on
  std::string size_param;               ///< "": the page size can't be asked for
  std::int64_t size = 0, max_size = 0;  ///< 0: the source's own
  std::optional<std::string> next;      ///< cursor, next_url: pointer into the reply
  std::string next_header;              ///< ... or a header of it
  std::optional<std::string> more;      ///< pointer: does the source say that there is more
  std::int64_t first = 0;               ///< page: number of the first; offset: of the first record
  std::int64_t add = 0;                 ///< cursor: to be added to what `next` says
  std::int64_t overlap = 0;             ///< offset: records read twice, so that shifted rows are noticed
  bool aligned = false;                 ///< offset: has to be a multiple of the page size
  std::vector<std::string> fields;      ///< keyset: pointers into a record
  Forms params;                         ///< keyset: parameters of all but the first page; {0}, {1} … are the fields' last values
  Forms last_params;                    ///< keyset: parameters that turn the order, for the last key of all
  std::string from_param, until_param;  ///< window
  std::string start;                    ///< window: where regular windows begin; what is older makes the first one
  std::int64_t step_s = 86400, least_s = 1;
  TimeForm time = TimeForm::iso;
};

struct Filter {
  std::vector<std::string> fields;     ///< empty: all
  std::vector<std::string> operators;  ///< "=", "in" …
  Template param, value;               ///< {field}, {value}
  std::string join;                    ///< between values of "in", and between conditions that share a parameter
  std::string quote;                   ///< around texts
  std::string refuse;                  ///< characters that a text must not hold
};

struct Order {
  std::string param;
  Template ascending, descending;  ///< {field}
  std::string join = ",";
};

struct Columns {
  std::string param;
  std::string join = ",";
};

struct Changes {
  Forms since, until;  ///< parameters; {value}, {field}
  TimeForm time = TimeForm::as_is;
};

struct Field {
  std::string name, type;
  std::string json;  ///< as the host's catalog has it
};

enum class Format { json, ndjson, csv, xml };

struct Csv {
  char delimiter = ',';
  std::vector<std::string> header;  ///< empty: the first line
  bool open_end = false;            ///< the last line has no break: a reply that was cut can't be told from a whole one
};

/// An operation that changes records.
struct Write {
  std::string op, method, body, idempotency_header;
  Template path;
  std::optional<std::string> wrap, key, results, status, error;
  std::vector<std::int64_t> statuses;
  std::int64_t most = 1;
};

struct Parent {
  std::string entity;  ///< "": none
  Pairs fields;        ///< column of the child -> field of the parent
};

struct Entity {
  std::string name, doc, origin;
  std::size_t line = 0;
  std::string method = "GET";
  Template path;
  Forms params, headers;
  std::string body;  ///< a JSON object, "" for none
  bool parameters_in_body = false;
  std::optional<std::string> records, total;
  std::string total_header;
  std::vector<std::string> key;
  std::string cursor;
  Format format = Format::json;
  Csv csv;
  std::vector<std::string> row_names;       ///< records are lists: what their values are called
  std::optional<std::string> row_names_at;  ///< ... or where the reply says so
  bool single = false;                      ///< the reply is one record
  std::vector<Field> fields;
  Paging paging;
  std::vector<Filter> filters;
  std::optional<Order> order;
  std::optional<Columns> columns;
  std::optional<Changes> changes;
  std::string raw_filter;  ///< parameter
  Parent parent;
  std::vector<Write> writes;
};

struct Errors {
  std::vector<std::string> when;    ///< pointers: something here is an error
  std::vector<std::string> unless;  ///< pointers: nothing here, where the member exists, is an error
  std::vector<std::string> message, code;
  Pairs categories;  ///< code -> category
};

struct RateLimit {
  std::string remaining, retry_after;
  bool milliseconds = false;
};

struct Description {
  std::string name, doc, origin;
  Template url;
  std::vector<Variable> variables;
  Auth auth;
  Forms headers, params;
  Template check_path;
  Errors errors;
  RateLimit rate_limit;
  std::vector<Entity> entities;

  const Entity* find(std::string_view entity) const noexcept;
};

/// `document` is TOML; `origin` names it in messages. Throws sdk::Error(config, "description") with file, line and the nearest right name.
Description load_description(std::string_view document, const std::string& origin);

/// sdk's name of a category to its number; nothing for an unknown one.
std::optional<int> category_from(std::string_view name);

/// The names of all styles, as they are written; in the enum's order.
const std::vector<std::string>& style_names();

}  // namespace switchgear::rest

// Which records are asked for: the entity, as the manifest or discover() describes it, and the place in its listing. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/sdk/abi.h"
#include "switchgear/sdk/text.hpp"

namespace switchgear::sdk {

namespace detail {

/// A JSON array of texts, as the host writes it. What is not one gives what could be read of it: the host has checked it before.
inline std::vector<std::string> text_array(std::string_view json) {
  std::vector<std::string> items;
  for (std::size_t i = json.find('"'); i < json.size(); i = json.find('"', i + 1)) {
    std::string item;
    for (++i; i < json.size() && json[i] != '"'; ++i) {
      if (json[i] != '\\' || i + 1 >= json.size()) {
        item.push_back(json[i]);
        continue;
      }
      const char escape = json[++i];
      constexpr std::string_view from = "bfnrt";
      constexpr std::string_view to = "\b\f\n\r\t";
      const std::size_t known = from.find(escape);
      if (escape == 'u' && i + 4 < json.size()) {
        append_utf8(item, static_cast<std::uint32_t>(std::stoul(std::string(json.substr(i + 1, 4)), nullptr, 16)));
        i += 4;
      } else {
        item.push_back(known == std::string_view::npos ? escape : to[known]);
      }
    }
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace detail

struct Entity {
  std::string name;
  std::string path;              ///< property "path": where it lies below the base URL
  std::string records;           ///< property "records": JSON pointer to the records in a page
  std::string cursor;            ///< property "cursor": the field by which changes can be asked for; "": none
  std::vector<std::string> key;  ///< property "key"

  Entity() = default;
  Entity(const sg_str& entity, const sg_pair* properties, std::uint64_t count) : name(detail::str(entity)) {
    properties_.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      properties_.emplace_back(detail::str(properties[i].name), detail::str(properties[i].value));
    }
    path = property("path");
    records = property("records");
    cursor = property("cursor");
    key = detail::text_array(property("key"));
  }

  /// Any member of the entity's JSON: text as it is, all else as JSON; empty if there is none.
  std::string property(std::string_view wanted) const {
    for (const auto& [its_name, value] : properties_) {
      if (its_name == wanted) return value;
    }
    return {};
  }

 private:
  std::vector<std::pair<std::string, std::string>> properties_;
};

/// All that a page depends on: a connector needs to keep nothing from page to page. An empty text is "not asked for".
struct Position {
  std::string token;                 ///< what the page before named as next; empty for the first page
  std::string watermark;             ///< the cursor field's value from which to read (inclusive): `lower` of the ABI
  std::string upper;                 ///< and up to which (inclusive)
  std::string after_key;             ///< JSON: with `watermark`, the key after which to go on among records of that cursor value
  std::string filter;                ///< JSON: [["Status","=","OPEN"], ...], all of which must hold
  std::string raw_filter;            ///< the source's own language
  std::string order;                 ///< JSON: [["ChangedAt","asc"], ...]
  std::string partition;             ///< one of those that plan() returned
  std::vector<std::string> columns;  ///< empty: all
  std::int64_t page_size = 0;        ///< 0: the connector's choice
  std::int64_t limit = -1;           ///< records still wanted; -1: all
  bool count = false;                ///< ask the source for the total as well
  bool changes = false;              ///< a token is wanted with which to ask for changes later, see Page::delta
  std::int64_t parts = 0;            ///< to plan(): how many parts are wished for; 0: as many as seem right

  Position() = default;
  explicit Position(const sg_read_request& request)
      : token(detail::str(request.token)),
        watermark(detail::str(request.lower)),
        upper(detail::str(request.upper)),
        after_key(detail::str(request.after_key)),
        filter(detail::str(request.filter)),
        raw_filter(detail::str(request.raw_filter)),
        order(detail::str(request.order)),
        partition(detail::str(request.partition)),
        page_size(request.page_size),
        limit(request.limit),
        count((request.flags & SG_READ_COUNT) != 0),
        changes((request.flags & SG_READ_CHANGES) != 0),
        parts(request.parts) {
    columns.reserve(request.n_columns);
    for (std::uint64_t i = 0; i < request.n_columns; ++i) columns.push_back(detail::str(request.columns[i]));
  }

  std::int64_t page_size_or(std::int64_t otherwise) const noexcept { return page_size > 0 ? page_size : otherwise; }
};

}  // namespace switchgear::sdk

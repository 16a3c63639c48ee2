// A TOML document as a tree that remembers lines, in the order in which it was written. The home of toml++.
//
// Plain values; thread-safety as any value type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchgear::rest {

struct Node {
  enum class Kind { text, integer, real, boolean, list, table };
  Kind kind = Kind::table;
  std::size_t line = 0;  ///< from 1; 0 for a tree without a source
  std::string text;      ///< of texts; of numbers as TOML prints them; of dates and times as they stand
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<std::string> names;  ///< of tables, beside `items`
  std::vector<Node> items;         ///< of lists and tables

  bool is(Kind other) const noexcept { return kind == other; }
  const Node* find(std::string_view name) const noexcept;
};

/// "a text", "a whole number" ...: for messages.
std::string_view kind_name(Node::Kind kind) noexcept;

/// `origin` is the file's name, for messages. Throws sdk::Error(config, "description") with `origin:line: ...`.
Node parse_toml(std::string_view document, std::string_view origin);

/// As a JSON value.
std::string to_json(const Node& node);

}  // namespace switchgear::rest

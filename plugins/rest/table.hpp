// A table of a description, read strictly: each member is asked for by name and type, and finish() refuses what nobody asked for.
//
// Borrows the tree. Every refusal is an sdk::Error(config, "description") that names file, line and place: "plant.toml:12:
// entities[0].paging: there is no key 'stile', did you mean 'style'?".
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/sdk/error.hpp"
#include "template.hpp"
#include "toml_tree.hpp"

namespace switchgear::rest {

/// The one of `known` that is nearest to a misspelt name: ", did you mean 'style'?", or "" where none is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known);

/// "'a', 'b' and 'c'"
std::string listed(const std::vector<std::string>& names);

class Table {
 public:
  Table(const Node& node, std::string origin, std::string place) : node_(&node), origin_(std::move(origin)), place_(std::move(place)) {}

  bool has(std::string_view name) const { return node_->find(name) != nullptr; }
  const std::string& origin() const noexcept { return origin_; }
  const std::string& place() const noexcept { return place_; }
  const Node& node() const noexcept { return *node_; }

  std::optional<std::string> text(std::string_view name);
  std::string text_or(std::string_view name, std::string_view otherwise) { return text(name).value_or(std::string(otherwise)); }
  std::string required_text(std::string_view name);

  /// One of `known`, by its place in it.
  std::optional<std::size_t> word(std::string_view name, const std::vector<std::string>& known);

  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high);
  bool boolean(std::string_view name, bool otherwise);

  /// A text, or a list of texts.
  std::vector<std::string> texts(std::string_view name);

  /// A JSON pointer: "" or "/…".
  std::optional<std::string> pointer(std::string_view name);
  std::vector<std::string> pointers(std::string_view name);

  std::optional<Template> form(std::string_view name);

  /// Texts by name, in their order; numbers and booleans count as texts.
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view name);
  std::vector<std::pair<std::string, Template>> forms(std::string_view name);

  std::optional<Table> table(std::string_view name);
  std::vector<Table> tables(std::string_view name);
  const Node* raw(std::string_view name);

  /// Refuses members that were never asked for. `also` are names that may stand here without having been.
  void finish(const std::vector<std::string>& also = {});

  /// The error for a member (or for the table, where it has no such member).
  sdk::Error wrong(std::string_view name, const std::string& problem) const;
  sdk::Error wrong(const std::string& problem) const;

 private:
  const Node* look(std::string_view name);
  const Node* look(std::string_view name, Node::Kind kind);
  Template parsed_form(std::string_view name, const Node& node);

  const Node* node_;
  std::string origin_, place_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace switchgear::rest

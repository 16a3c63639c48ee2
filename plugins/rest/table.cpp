#include "table.hpp"

#include <algorithm>
#include <stdexcept>

#include "json_text.hpp"

namespace switchgear::rest {
namespace {

constexpr std::size_t longest_compared = 64;

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

std::string joined_place(const std::string& place, std::string_view name) {
  return place.empty() ? std::string(name) : place + "." + std::string(name);
}

}  // namespace

std::string did_you_mean(std::string_view name, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  if (name.size() > longest_compared) return {};
  for (const std::string& candidate : known) {
    const std::size_t distance = candidate.size() > longest_compared ? least : edit_distance(name, candidate);
    if (distance < least) {
      least = distance;
      best = &candidate;
    }
  }
  return best == nullptr ? std::string() : ", did you mean '" + *best + "'?";
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text.append(i == 0 ? "'" : i + 1 == names.size() ? " and '" : ", '").append(names[i]).append("'");
  return text.empty() ? "none" : text;
}

sdk::Error Table::wrong(std::string_view name, const std::string& problem) const {
  const Node* node = node_->find(name);
  const std::size_t line = node != nullptr && node->line != 0 ? node->line : node_->line;
  return sdk::Error(sdk::Category::config, "description",
                    origin_ + ":" + std::to_string(std::max<std::size_t>(line, 1)) + ": " + joined_place(place_, name) + ": " + problem)
      .with_hint("docs/rest.md lists every key of a description");
}

sdk::Error Table::wrong(const std::string& problem) const {
  return sdk::Error(
             sdk::Category::config, "description",
             origin_ + ":" + std::to_string(std::max<std::size_t>(node_->line, 1)) + ": " + (place_.empty() ? "" : place_ + ": ") + problem)
      .with_hint("docs/rest.md lists every key of a description");
}

const Node* Table::look(std::string_view name) {
  asked_.emplace(name);
  return node_->find(name);
}

const Node* Table::look(std::string_view name, Node::Kind kind) {
  const Node* node = look(name);
  if (node == nullptr || node->is(kind)) return node;
  throw wrong(name, "expected " + std::string(kind_name(kind)) + ", got " + std::string(kind_name(node->kind)));
}

std::optional<std::string> Table::text(std::string_view name) {
  const Node* node = look(name, Node::Kind::text);
  return node == nullptr ? std::nullopt : std::optional(node->text);
}

std::string Table::required_text(std::string_view name) {
  const auto found = text(name);
  if (!found) throw wrong("'" + std::string(name) + "' is missing");
  if (found->empty()) throw wrong(name, "it must not be empty");
  return *found;
}

std::optional<std::size_t> Table::word(std::string_view name, const std::vector<std::string>& known) {
  const auto given = text(name);
  if (!given) return std::nullopt;
  const auto found = std::find(known.begin(), known.end(), *given);
  if (found == known.end()) throw wrong(name, "'" + *given + "' is none of " + listed(known) + did_you_mean(*given, known));
  return static_cast<std::size_t>(found - known.begin());
}

std::optional<std::int64_t> Table::integer(std::string_view name, std::int64_t low, std::int64_t high) {
  const Node* node = look(name, Node::Kind::integer);
  if (node == nullptr) return std::nullopt;
  if (node->integer < low || node->integer > high)
    throw wrong(name, "it is " + node->text + ", it has to be from " + std::to_string(low) + " to " + std::to_string(high));
  return node->integer;
}

bool Table::boolean(std::string_view name, bool otherwise) {
  const Node* node = look(name, Node::Kind::boolean);
  return node == nullptr ? otherwise : node->boolean;
}

std::vector<std::string> Table::texts(std::string_view name) {
  const Node* node = look(name);
  if (node == nullptr) return {};
  if (node->is(Node::Kind::text)) return {node->text};
  std::vector<std::string> found;
  if (!node->is(Node::Kind::list)) throw wrong(name, "expected a text or a list of texts, got " + std::string(kind_name(node->kind)));
  for (const Node& item : node->items) {
    if (!item.is(Node::Kind::text)) throw wrong(name, "expected a list of texts, one of them is " + std::string(kind_name(item.kind)));
    found.push_back(item.text);
  }
  return found;
}

std::optional<std::string> Table::pointer(std::string_view name) {
  const auto given = text(name);
  if (given && !pointer_tokens(*given))
    throw wrong(name,
                "'" + *given + "' is no JSON pointer" +
                    (given->front() != '/' ? ", did you mean '/" + *given + "'?" : " (RFC 6901: ~ is written ~0, / inside a name ~1)"));
  return given;
}

std::vector<std::string> Table::pointers(std::string_view name) {
  std::vector<std::string> found = texts(name);
  for (const std::string& each : found) {
    if (each.empty() || !pointer_tokens(each))
      throw wrong(name,
                  "'" + each + "' is no JSON pointer" + (each.empty() || each.front() != '/' ? ", did you mean '/" + each + "'?" : ""));
  }
  return found;
}

Template Table::parsed_form(std::string_view name, const Node& node) {
  if (node.is(Node::Kind::list) || node.is(Node::Kind::table))
    throw wrong(name, "expected a text, got " + std::string(kind_name(node.kind)));
  try {
    return Template::parse(node.text);
  } catch (const std::invalid_argument& error) {
    throw wrong(name, error.what());
  }
}

std::optional<Template> Table::form(std::string_view name) {
  const Node* node = look(name);
  return node == nullptr ? std::nullopt : std::optional(parsed_form(name, *node));
}

std::vector<std::pair<std::string, std::string>> Table::pairs(std::string_view name) {
  std::vector<std::pair<std::string, std::string>> found;
  const Node* node = look(name, Node::Kind::table);
  if (node == nullptr) return found;
  Table inner(*node, origin_, joined_place(place_, name));
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const Node& item = node->items[i];
    if (item.is(Node::Kind::list) || item.is(Node::Kind::table))
      throw inner.wrong(node->names[i], "expected a text, got " + std::string(kind_name(item.kind)));
    found.emplace_back(node->names[i], item.text);
  }
  return found;
}

std::vector<std::pair<std::string, Template>> Table::forms(std::string_view name) {
  std::vector<std::pair<std::string, Template>> found;
  const Node* node = look(name, Node::Kind::table);
  if (node == nullptr) return found;
  Table inner(*node, origin_, joined_place(place_, name));
  for (std::size_t i = 0; i < node->items.size(); ++i)
    found.emplace_back(node->names[i], inner.parsed_form(node->names[i], node->items[i]));
  return found;
}

std::optional<Table> Table::table(std::string_view name) {
  const Node* node = look(name, Node::Kind::table);
  if (node == nullptr) return std::nullopt;
  return Table(*node, origin_, joined_place(place_, name));
}

std::vector<Table> Table::tables(std::string_view name) {
  std::vector<Table> found;
  const Node* node = look(name, Node::Kind::list);
  if (node == nullptr) return found;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    if (!node->items[i].is(Node::Kind::table))
      throw wrong(name, "expected a list of tables, one of them is " + std::string(kind_name(node->items[i].kind)));
    found.emplace_back(node->items[i], origin_, joined_place(place_, name) + "[" + std::to_string(i) + "]");
  }
  return found;
}

const Node* Table::raw(std::string_view name) { return look(name); }

void Table::finish(const std::vector<std::string>& also) {
  std::vector<std::string> known(asked_.begin(), asked_.end());
  known.insert(known.end(), also.begin(), also.end());
  for (const std::string& name : node_->names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = did_you_mean(name, known);
    throw wrong(name, "there is no such key here" + (near.empty() ? "; there are " + listed(known) : near));
  }
}

}  // namespace switchgear::rest

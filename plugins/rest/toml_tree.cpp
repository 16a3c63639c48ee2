#include "toml_tree.hpp"

// toml++ 3.3 takes it for granted that a table's name begins with a letter or a quote: "[!]" would stop the process, or without assertions
// do anything at all. Here what it takes for granted is checked.
#include <toml++/impl/preprocessor.h>
#include <stdexcept>

namespace {

[[noreturn]] void refuse_name() {
  throw std::logic_error("a table or key has a name that begins with none of letters, digits, _, - and quotes");
}

}  // namespace

#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) ((expr) ? static_cast<void>(0) : ::refuse_name())
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "json_text.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

template <class Value>
std::string printed(const Value& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

Node converted(const toml::node& given);

struct Member {
  toml::source_position place;
  std::string name;
  const toml::node* value;
};

/// toml++ sorts by name; the order of the entities is the author's.
std::vector<Member> in_order(const toml::table& table) {
  std::vector<Member> found;
  for (const auto& [key, value] : table) found.push_back({key.source().begin, std::string(key.str()), &value});
  std::stable_sort(found.begin(), found.end(), [](const Member& a, const Member& b) { return a.place < b.place; });
  return found;
}

void fill(const toml::node& given, Node& node) {
  if (const auto* text = given.as_string()) {
    node.kind = Node::Kind::text;
    node.text = text->get();
  } else if (const auto* integer = given.as_integer()) {
    node.kind = Node::Kind::integer;
    node.integer = integer->get();
    node.text = std::to_string(node.integer);
  } else if (const auto* real = given.as_floating_point()) {
    node.kind = Node::Kind::real;
    node.text = printed(*real);
  } else if (const auto* boolean = given.as_boolean()) {
    node.kind = Node::Kind::boolean;
    node.boolean = boolean->get();
    node.text = node.boolean ? "true" : "false";
  } else if (const auto* list = given.as_array()) {
    node.kind = Node::Kind::list;
    for (const toml::node& item : *list) node.items.push_back(converted(item));
  } else if (const auto* table = given.as_table()) {
    node.kind = Node::Kind::table;
    for (const Member& member : in_order(*table)) {
      node.names.push_back(member.name);
      node.items.push_back(converted(*member.value));
      // `[a.b]` names a table `a` that has no line of its own.
      if (node.items.back().line == 0) node.items.back().line = member.place.line;
    }
  } else {
    node.kind = Node::Kind::text;
    given.visit([&](const auto& value) {
      if constexpr (toml::is_chronological<decltype(value)>) node.text = printed(value);
    });
  }
}

Node converted(const toml::node& given) {
  Node node;
  node.line = given.source().begin.line;
  fill(given, node);
  return node;
}

/// The first line that begins like a table whose name is none.
std::size_t line_of_bad_table(std::string_view document) {
  std::size_t line = 1;
  while (!document.empty()) {
    const std::size_t end = std::min(document.find('\n'), document.size());
    const std::string_view text = document.substr(0, end);
    const std::size_t name = text.find_first_not_of("[ \t");
    if (text.find_first_of('[') < name && name < text.size() &&
        std::string_view("=!#.,:;{}?*+&|<>()@$%^~/\\`").find(text[name]) != std::string_view::npos)
      return line;
    document.remove_prefix(std::min(end + 1, document.size()));
    ++line;
  }
  return 1;
}

}  // namespace

const Node* Node::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return &items[i];
  }
  return nullptr;
}

std::string_view kind_name(Node::Kind kind) noexcept {
  constexpr std::array<std::string_view, 6> names = {"a text", "a whole number", "a number", "true or false", "a list", "a table"};
  return names[static_cast<std::size_t>(kind)];
}

Node parse_toml(std::string_view document, std::string_view origin) {
  try {
    return converted(toml::parse(document, origin));
  } catch (const toml::parse_error& error) {
    throw sdk::Error(sdk::Category::config, "description",
                     std::string(origin) + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()))
        .with_hint("the description has to be TOML; docs/rest.md shows one line by line");
  } catch (const std::logic_error& error) {
    throw sdk::Error(sdk::Category::config, "description",
                     std::string(origin) + ":" + std::to_string(line_of_bad_table(document)) + ": " + error.what())
        .with_hint("the description has to be TOML; docs/rest.md shows one line by line");
  }
}

std::string to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::text:
      return quoted(node.text);
    case Node::Kind::list: {
      std::string json = "[";
      for (const Node& item : node.items) json.append(json.size() > 1 ? "," : "").append(to_json(item));
      return json + "]";
    }
    case Node::Kind::table: {
      std::string json = "{";
      for (std::size_t i = 0; i < node.items.size(); ++i)
        json.append(i > 0 ? "," : "").append(quoted(node.names[i])).append(":").append(to_json(node.items[i]));
      return json + "}";
    }
    default:
      return is_number(node.text) || node.is(Node::Kind::boolean) ? node.text : quoted(node.text);
  }
}

}  // namespace switchgear::rest

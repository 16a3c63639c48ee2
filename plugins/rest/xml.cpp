// XML as JSON: elements become members, repeated ones lists, attributes "@name", text beside either "#text"; prefixes of namespaces are
// left out. xsi:nil="true" is null. The repeated element of `records` becomes the page's list, all around it stays as the document, so that
// JSON pointers lead through it: /Reply/Next.
#include <algorithm>
#include <cstring>
#include <pugixml.hpp>

#include "formats.hpp"
#include "json_text.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

constexpr int deepest = 200;

std::string_view local_name(const char* name) {
  const std::string_view whole(name);
  const std::size_t colon = whole.find(':');
  return colon == std::string_view::npos ? whole : whole.substr(colon + 1);
}

/// A declaration of a namespace, or what only validators read.
bool is_markup(const pugi::xml_attribute& attribute) {
  const std::string_view name(attribute.name());
  return name == "xmlns" || name.substr(0, 6) == "xmlns:" || name.substr(0, 4) == "xsi:";
}

bool is_nil(const pugi::xml_node& node) {
  for (const pugi::xml_attribute& attribute : node.attributes()) {
    if (local_name(attribute.name()) == "nil" && std::strchr(attribute.name(), ':') != nullptr) return attribute.as_bool();
  }
  return false;
}

class XmlWriter {
 public:
  explicit XmlWriter(const Entity& entity) : entity_(entity) {}

  /// `skipped`: the name of children that stand elsewhere.
  std::string object(const pugi::xml_node& node, std::string_view skipped, bool of_record, int depth) {
    if (depth > deepest)
      throw sdk::Error(sdk::Category::protocol, "xml", "the reply nests deeper than " + std::to_string(deepest) + " elements");
    std::string json = "{";
    const auto add = [&](std::string_view name, const std::string& value) {
      json.append(json.size() > 1 ? "," : "").append(quoted(name)).append(":").append(value);
    };
    for (const pugi::xml_attribute& attribute : node.attributes()) {
      if (!is_markup(attribute)) add("@" + std::string(local_name(attribute.name())), quoted(attribute.value()));
    }
    for (const auto& [name, children] : grouped(node)) {
      if (name == skipped) continue;
      add(name, children.size() == 1 && !(of_record && is_list(name))
                    ? value(children.front(), of_record ? name : std::string_view(), depth)
                    : list(children, depth));
    }
    if (const std::string text = text_in(node); text.find_first_not_of(" \t\r\n") != std::string::npos) add("#text", quoted(text));
    return json + "}";
  }

 private:
  using Children = std::vector<std::pair<std::string_view, std::vector<pugi::xml_node>>>;

  /// Child elements by name, in the order of their first.
  static Children grouped(const pugi::xml_node& node) {
    Children found;
    for (const pugi::xml_node& child : node.children()) {
      if (child.type() != pugi::node_element) continue;
      const std::string_view name = local_name(child.name());
      auto same = std::find_if(found.begin(), found.end(), [&](const auto& each) { return each.first == name; });
      if (same == found.end()) same = found.insert(found.end(), {name, {}});
      same->second.push_back(child);
    }
    return found;
  }

  bool is_list(std::string_view name) const {
    return std::any_of(entity_.fields.begin(), entity_.fields.end(),
                       [&](const Field& field) { return field.name == name && field.type == "list"; });
  }

  static std::string text_in(const pugi::xml_node& node) {
    std::string text;
    for (const pugi::xml_node& child : node.children()) {
      if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) text += child.value();
    }
    return text;
  }

  static bool is_plain(const pugi::xml_node& node) {
    const bool attributes = std::any_of(node.attributes_begin(), node.attributes_end(), [](const auto& each) { return !is_markup(each); });
    return !attributes &&
           std::none_of(node.begin(), node.end(), [](const pugi::xml_node& child) { return child.type() == pugi::node_element; });
  }

  /// `column`: the record's column that the element is; "" deeper down.
  std::string value(const pugi::xml_node& node, std::string_view column, int depth) {
    if (is_nil(node)) return "null";
    if (!is_plain(node)) return object(node, {}, false, depth + 1);
    const std::string text = text_in(node);
    return column.empty() ? quoted(text) : typed_value(entity_, column, text, is_declared(column));
  }

  bool is_declared(std::string_view column) const {
    return std::any_of(entity_.fields.begin(), entity_.fields.end(), [&](const Field& field) { return field.name == column; });
  }

  std::string list(const std::vector<pugi::xml_node>& nodes, int depth) {
    std::string json = "[";
    for (const pugi::xml_node& node : nodes) json.append(json.size() > 1 ? "," : "").append(value(node, {}, depth));
    return json + "]";
  }

  const Entity& entity_;
};

pugi::xml_node child_of(const pugi::xml_node& node, const std::string& name) {
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_element && local_name(child.name()) == name) return child;
  }
  return {};
}

/// The document with the elements of `path` but without their last ones, which are the records.
std::string around(XmlWriter& writer, const pugi::xml_node& node, const std::vector<std::string>& path, std::size_t at, int depth) {
  const std::string& here = path[at];
  const pugi::xml_node next = child_of(node, here);
  std::string json = writer.object(node, here, false, depth);
  if (at + 1 == path.size() || !next) return json;
  const std::string inner = quoted(here) + ":" + around(writer, next, path, at + 1, depth + 1);
  json.pop_back();
  return json + (json.size() > 1 ? "," : "") + inner + "}";
}

}  // namespace

Converted from_xml(const Entity& entity, std::string_view body) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(body.data(), body.size(), pugi::parse_default | pugi::parse_ws_pcdata_single);
  if (!parsed) {
    const std::size_t place = std::min(static_cast<std::size_t>(std::max<std::ptrdiff_t>(parsed.offset, 0)), body.size());
    const auto line = 1 + std::count(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(place), '\n');
    throw sdk::Error(sdk::Category::protocol, "xml", "line " + std::to_string(line) + " of the reply is no XML: " + parsed.description())
        .with_hint("the reply may have been cut off on its way, or be an error of the source");
  }
  std::vector<std::string> path = pointer_tokens(entity.records.value_or("")).value_or(std::vector<std::string>());
  XmlWriter writer(entity);
  pugi::xml_node holder = document;
  for (std::size_t i = 0; i + 1 < path.size() && holder; ++i) holder = child_of(holder, path[i]);
  if (path.empty() || !holder)
    throw sdk::Error(sdk::Category::protocol, "records",
                     "the reply has no element in which '" + entity.records.value_or("") + "' could stand; its root is '" +
                         std::string(document.document_element().name()) + "'")
        .with_hint("the reply may be an error; check 'records' of the description");
  Converted made;
  made.json = "{\"records\":[";
  bool first = true;
  for (const pugi::xml_node& child : holder.children()) {
    if (child.type() != pugi::node_element || local_name(child.name()) != path.back()) continue;
    made.json.append(first ? "" : ",").append(writer.object(child, {}, true, 1));
    first = false;
  }
  made.json.append("],\"document\":").append(around(writer, document, path, 0, 0)).append("}");
  made.records = "/records";
  made.prefix = "/document";
  return made;
}

}  // namespace switchgear::rest

#include "edmx.hpp"

#include <algorithm>
#include <pugixml.hpp>

namespace switchgear::odata {
namespace {

// pugixml knows no namespaces, and services choose their prefixes freely: names are compared without prefix.
std::string_view local_name(const char* name) {
  const std::string_view text(name);
  const std::size_t colon = text.find(':');
  return colon == std::string_view::npos ? text : text.substr(colon + 1);
}

bool is(const pugi::xml_node& node, std::string_view name) { return local_name(node.name()) == name; }

/// How many bytes the character at the front has; 0 if there is none (RFC 3629).
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) { return byte(i) >= low && byte(i) <= high; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) return follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  if (first >= 0xF0 && first <= 0xF4)
    return follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

/// Names go into JSON and logs: bytes that are no UTF-8 (the parser lets them pass, and makes them of "&#xD800;") become U+FFFD.
std::string clean(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = character(text);
    result.append(bytes == 0 ? "\uFFFD" : text.substr(0, bytes));
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return result;
}

std::string text_of(const pugi::xml_node& node, const char* attribute) { return clean(node.attribute(attribute).value()); }

std::optional<std::string> optional_text(const pugi::xml_node& node, const char* attribute) {
  const pugi::xml_attribute found = node.attribute(attribute);
  return found ? std::optional<std::string>(clean(found.value())) : std::nullopt;
}

/// An attribute under any prefix: m:IsDefaultEntityContainer.
std::string prefixed_text(const pugi::xml_node& node, std::string_view local) {
  for (const pugi::xml_attribute& attribute : node.attributes())
    if (local_name(attribute.name()) == local) return clean(attribute.value());
  return {};
}

bool truth(std::string_view text, bool when_missing) { return text.empty() ? when_missing : text == "true" || text == "1"; }

class Lines {
 public:
  explicit Lines(std::string_view text) {
    for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) ends_.push_back(at);
  }
  std::size_t of(std::ptrdiff_t offset) const {
    if (offset < 0) return 0;
    return static_cast<std::size_t>(std::lower_bound(ends_.begin(), ends_.end(), static_cast<std::size_t>(offset)) - ends_.begin()) + 1;
  }

 private:
  std::vector<std::size_t> ends_;
};

class Reader {
 public:
  explicit Reader(std::string_view xml) : lines_(xml) {}

  Document read(const pugi::xml_node& root) {
    const pugi::xml_node services = data_services(root);
    document_.version = version_of(root, services);
    read_aliases(root, services);
    for (const pugi::xml_node& schema : services.children())
      if (is(schema, "Schema")) read_schema(schema);
    keep_default_container();
    return std::move(document_);
  }

 private:
  std::size_t line(const pugi::xml_node& node) const { return lines_.of(node.offset_debug()); }

  pugi::xml_node data_services(const pugi::xml_node& root) const {
    if (!is(root, "Edmx")) {
      const bool page = is(root, "html") || is(root, "HTML");
      throw MetadataError("line " + std::to_string(line(root)) + ": the root element is <" + std::string(root.name()) +
                              ">, not <edmx:Edmx>" + (page ? ": this is an HTML page" : ""),
                          page ? "most often a login or error page of a proxy: check the URL and the credentials"
                               : "check that the URL is the service root, the folder that holds $metadata");
    }
    for (const pugi::xml_node& child : root.children())
      if (is(child, "DataServices")) return child;
    throw MetadataError("line " + std::to_string(line(root)) + ": <edmx:Edmx> holds no <edmx:DataServices>",
                        "ask the operator of the service for its $metadata");
  }

  static std::string version_of(const pugi::xml_node& root, const pugi::xml_node& services) {
    std::string edmx = text_of(root, "Version");
    if (edmx >= "4") return edmx;
    std::string highest = std::max(prefixed_text(services, "DataServiceVersion"), prefixed_text(services, "MaxDataServiceVersion"));
    return highest.empty() ? "2.0" : highest;
  }

  void read_aliases(const pugi::xml_node& root, const pugi::xml_node& services) {
    for (const pugi::xml_node& reference : root.children())
      for (const pugi::xml_node& include : reference.children()) add_alias(include);
    for (const pugi::xml_node& schema : services.children()) {
      add_alias(schema);
      for (const pugi::xml_node& child : schema.children())
        if (is(child, "Using")) add_alias(child);
    }
  }

  void add_alias(const pugi::xml_node& node) {
    const std::string alias = text_of(node, "Alias");
    if (!alias.empty()) aliases_[alias] = text_of(node, "Namespace");
  }

  /// "self.Order" -> "Plant.Model.Order"; a target's path behind the name stays.
  std::string qualified(std::string_view name) const {
    const std::size_t dot = name.substr(0, name.find('/')).rfind('.');
    if (dot == std::string_view::npos) return std::string(name);
    const auto alias = aliases_.find(name.substr(0, dot));
    return alias == aliases_.end() ? std::string(name) : alias->second + std::string(name.substr(dot));
  }

  std::string qualified_type(std::string_view type) const {
    constexpr std::string_view open = "Collection(";
    if (type.substr(0, open.size()) == open && type.back() == ')')
      return std::string(open) + qualified(type.substr(open.size(), type.size() - open.size() - 1)) + ")";
    return qualified(type);
  }

  void read_schema(const pugi::xml_node& schema) {
    const std::string name_space = text_of(schema, "Namespace");
    for (const pugi::xml_node& child : schema.children()) {
      if (is(child, "EntityType")) {
        read_type(child, TypeKind::entity, name_space);
      } else if (is(child, "ComplexType")) {
        read_type(child, TypeKind::complex, name_space);
      } else if (is(child, "EnumType")) {
        read_type(child, TypeKind::enumeration, name_space);
      } else if (is(child, "TypeDefinition")) {
        read_type(child, TypeKind::definition, name_space);
      } else if (is(child, "EntityContainer")) {
        read_container(child, name_space);
      } else if (is(child, "Annotations")) {
        read_annotations(child, qualified(text_of(child, "Target")));
      }
    }
  }

  void read_type(const pugi::xml_node& node, TypeKind kind, const std::string& name_space) {
    TypeDeclaration type;
    type.name = name_space + "." + text_of(node, "Name");
    type.line = line(node);
    type.kind = kind;
    type.base = qualified(text_of(node, "BaseType"));
    type.open = truth(text_of(node, "OpenType"), false);
    if (kind == TypeKind::definition) {
      type.underlying = property(node);
      type.underlying.type = qualified_type(text_of(node, "UnderlyingType"));
    } else if (kind != TypeKind::enumeration) {
      read_members(node, type);
    }
    if (const auto [at, added] = document_.types.try_emplace(type.name, std::move(type)); !added)
      problem(node, "the type '" + at->first + "' is declared a second time, after line " + std::to_string(at->second.line) + ": ignored");
  }

  void read_members(const pugi::xml_node& node, TypeDeclaration& type) {
    for (const pugi::xml_node& child : node.children()) {
      if (is(child, "Key")) {
        for (const pugi::xml_node& part : child.children())
          if (is(part, "PropertyRef")) type.key.push_back(text_of(part, "Name"));
      } else if (is(child, "Property")) {
        PropertyDeclaration declared = property(child);
        if (declared.name.empty()) {
          problem(child, "a property of '" + type.name + "' has no name: ignored");
          continue;
        }
        read_annotations(child, type.name + "/" + declared.name);
        type.properties.push_back(std::move(declared));
      }
    }
  }

  PropertyDeclaration property(const pugi::xml_node& node) const {
    PropertyDeclaration declared;
    declared.name = text_of(node, "Name");
    declared.line = line(node);
    declared.type = qualified_type(text_of(node, "Type"));
    declared.nullable = truth(text_of(node, "Nullable"), true);
    declared.precision = optional_text(node, "Precision");
    declared.scale = optional_text(node, "Scale");
    declared.concurrency_token = text_of(node, "ConcurrencyMode") == "Fixed";
    return declared;
  }

  void read_container(const pugi::xml_node& node, const std::string& name_space) {
    const std::string container = text_of(node, "Name");
    const std::string target = name_space + "." + container + "/";
    const std::string marked = prefixed_text(node, "IsDefaultEntityContainer");
    has_default_container_ = has_default_container_ || truth(marked, false);
    for (const pugi::xml_node& child : node.children()) {
      if (!is(child, "EntitySet")) continue;
      SetDeclaration set;
      set.name = text_of(child, "Name");
      set.line = line(child);
      set.container = container;
      set.type = qualified(text_of(child, "EntityType"));
      set.in_default_container = truth(marked, false);
      if (set.name.empty()) {
        problem(child, "an entity set of '" + container + "' has no name: ignored");
        continue;
      }
      set.target = target + set.name;
      read_annotations(child, set.target);
      document_.sets.push_back(std::move(set));
    }
  }

  /// Without a marked default container (V4 knows no such mark) every set stands at the root.
  void keep_default_container() {
    if (has_default_container_) return;
    for (SetDeclaration& set : document_.sets) set.in_default_container = true;
  }

  void read_annotations(const pugi::xml_node& parent, const std::string& target) {
    for (const pugi::xml_node& annotation : parent.children()) {
      if (!is(annotation, "Annotation")) continue;
      const std::string term = qualified(text_of(annotation, "Term"));
      if (term == "Org.OData.Core.V1.OptimisticConcurrency") {
        for (const pugi::xml_node& collection : annotation.children())
          for (const pugi::xml_node& path : collection.children())
            if (is(path, "PropertyPath")) document_.concurrency[target].push_back(clean(path.text().get()));
      } else if (term == "com.sap.vocabularies.Common.v1.ChangedAt" && truth(text_of(annotation, "Bool"), true)) {
        document_.changed_at.insert(target);
      }
    }
  }

  void problem(const pugi::xml_node& node, const std::string& text) {
    document_.problems.add("line " + std::to_string(line(node)) + ": " + text);
  }

  Lines lines_;
  std::map<std::string, std::string, std::less<>> aliases_;
  bool has_default_container_ = false;
  Document document_;
};

void check_size(std::string_view xml, const EdmxLimits& limits) {
  const auto refuse = [](const std::string& what, std::size_t found, std::size_t limit) {
    throw MetadataError(
        "the document has " + std::to_string(found) + " " + what + ", more than the " + std::to_string(limit) + " that are read",
        "check that the URL is an OData service root");
  };
  if (xml.size() > limits.max_bytes) refuse("bytes", xml.size(), limits.max_bytes);
  // Each '<' may become a node and each '=' an attribute of the parsed tree, which is many times larger than its text.
  const auto elements = static_cast<std::size_t>(std::count(xml.begin(), xml.end(), '<'));
  if (elements > limits.max_elements) refuse("elements", elements, limits.max_elements);
  const auto attributes = static_cast<std::size_t>(std::count(xml.begin(), xml.end(), '='));
  if (attributes > limits.max_attributes) refuse("attributes", attributes, limits.max_attributes);
}

[[noreturn]] void refuse_text(std::string_view xml, const pugi::xml_parse_result& result) {
  const std::size_t start = xml.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) throw MetadataError("the document is empty", "check that the URL is the service root");
  if (xml[start] == '{' || xml[start] == '[')
    throw MetadataError("the document is JSON, not XML",
                        "the service ignores `Accept: application/xml`; look for another form of its $metadata");
  const std::size_t line = Lines(xml).of(result.offset);
  throw MetadataError("line " + std::to_string(line) + " (byte " + std::to_string(result.offset) + " of " + std::to_string(xml.size()) +
                          "): " + result.description(),
                      "the document is cut short or no XML: fetch $metadata by hand and look at that line");
}

}  // namespace

Document parse_edmx(std::string_view xml, const EdmxLimits& limits) {
  check_size(xml, limits);
  pugi::xml_document tree;
  const pugi::xml_parse_result result =
      tree.load_buffer(xml.data(), xml.size(), pugi::parse_minimal | pugi::parse_escapes | pugi::parse_cdata);
  if (!result) refuse_text(xml, result);
  return Reader(xml).read(tree.document_element());
}

}  // namespace switchgear::odata

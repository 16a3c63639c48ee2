#include "changes.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "entity_id.hpp"
#include "json_scan.hpp"
#include "switchgear/sdk/error.hpp"
#include "value.hpp"

namespace switchgear::odata {
namespace {

using sdk::Category;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool is_any(std::string_view name, std::string_view one, std::string_view other) { return name == one || name == other; }

/// May it hold an entry that is no record? Most pages hold none, and are not looked into.
bool mentions_entries(std::string_view body) {
  constexpr std::array<std::string_view, 5> marks = {"@removed", "@odata.removed", "$deletedEntity", "$deletedLink", "/$link"};
  return std::any_of(marks.begin(), marks.end(), [body](std::string_view mark) { return contains(body, mark); });
}

struct Page {
  bool is_delta = false;
  std::string_view records;  // the array; empty: there is none
};

Page look_at(std::string_view body) {
  Page page;
  scan_members(body, [&](const std::string& name, std::string_view value) {
    if (is_any(name, "@odata.context", "@context")) page.is_delta = contains(value, "$delta");
    if (name == "value" && value.front() == '[') page.records = value;
    return page.records.empty();
  });
  return page;
}

enum class Kind { record, removed, link };

struct Entry {
  std::string_view text;
  Kind kind = Kind::record;
  std::string id;                                     // of the entity, as it stands there
  std::map<std::string, std::string_view> key;        // its fields that are there, as JSON
  std::set<std::string, std::less<>> missing_fields;  // of those that a record must have
  bool dropped = false;                               // a later entry speaks of the same record
};

Entry read_entry(std::string_view text, const std::vector<std::string>& key, const std::set<std::string, std::less<>>& fields) {
  Entry entry;
  entry.text = text;
  entry.missing_fields = fields;
  std::string plain_id;
  scan_members(text, [&](const std::string& name, std::string_view value) {
    if (is_any(name, "@removed", "@odata.removed")) entry.kind = Kind::removed;
    if (is_any(name, "@odata.context", "@context")) {
      if (contains(value, "$deletedEntity")) entry.kind = Kind::removed;
      if (contains(value, "$deletedLink") || contains(value, "$link")) entry.kind = Kind::link;
    }
    if (is_any(name, "@id", "@odata.id")) entry.id = json_text(value);
    if (name == "id") plain_id = json_text(value);
    if (std::find(key.begin(), key.end(), name) != key.end()) entry.key[name] = value;
    entry.missing_fields.erase(name);
    return true;
  });
  if (entry.id.empty()) entry.id = std::move(plain_id);
  return entry;
}

std::string shortened(std::string_view text) { return text.size() <= 120 ? std::string(text) : std::string(text.substr(0, 120)) + "..."; }

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

/// A removed record's key: what the entry names, else what its id says.
class Keys {
 public:
  explicit Keys(const sdk::Entity& entity) : entity_(entity) {
    const std::string types = entity.property("types");
    if (!types.empty()) types_ = nlohmann::json::parse(types, nullptr, false);
  }

  /// The values of the key's fields in its order, as JSON; nothing where one is missing.
  std::optional<std::vector<std::string>> named(const Entry& entry) const {
    std::vector<std::string> values;
    for (const std::string& name : entity_.key) {
      const auto found = entry.key.find(name);
      if (found == entry.key.end() || found->second == "null") return std::nullopt;
      values.emplace_back(found->second);
    }
    if (values.empty()) return std::nullopt;
    return values;
  }

  /// The same of a removed record, which may be known by its id alone.
  std::vector<std::string> of_removed(const Entry& entry) const {
    if (entity_.key.empty()) throw unknown(entry, "the service does not say which fields are the key");
    // In 4.0 `id` is the record's URL, also where a field of the key is called so.
    const bool id_is_url = contains(entry.id, "(") && entry.id.back() == ')' && entry.key.count("id") > 0;
    if (!id_is_url)
      if (auto values = named(entry)) return std::move(*values);
    std::vector<std::string> values;
    const std::optional<EntityKey> found = key_in_id(entry.id);
    if (!found || (found->names.empty() ? entity_.key.size() != 1 : found->names.size() != entity_.key.size()))
      throw unknown(entry, "its id does not hold it");
    for (const std::string& name : entity_.key) {
      const auto at = found->names.empty() ? found->names.begin() : std::find(found->names.begin(), found->names.end(), name);
      if (!found->names.empty() && at == found->names.end()) throw unknown(entry, "its id has no '" + name + "'");
      values.push_back(as_json(name, found->values[static_cast<std::size_t>(at - found->names.begin())]));
    }
    return values;
  }

 private:
  std::string as_json(const std::string& field, const KeyLiteral& literal) const {
    const auto type = types_.is_object() ? types_.find(field) : types_.end();
    const bool is_text = type != types_.end() && (*type == "Edm.String" || *type == "Edm.Guid");
    const bool bare = !literal.quoted && !is_text && nlohmann::json::accept(literal.text);
    return bare ? literal.text : quoted(literal.text);
  }

  sdk::Error unknown(const Entry& entry, const std::string& why) const {
    return sdk::Error(
               Category::protocol, "changes",
               "a record that was removed from '" + entity_.name + "' can't be told by its key: " + why + ": " + shortened(entry.text))
        .with_hint("set 'track_changes' to false: then a full sync marks what is gone");
  }

  const sdk::Entity& entity_;
  nlohmann::json types_;
};

/// One text for equal keys, whether their values stand there as numbers or as texts.
std::string identity(const std::vector<std::string>& values) {
  std::string all;
  for (const std::string& value : values) all.append(value.front() == '"' ? json_text(value) : value).push_back('\0');
  return all;
}

/// What a whole record has: the fields that were asked for, else all that the service declares. (Lists are not among the types.)
std::set<std::string, std::less<>> fields_of(const sdk::Entity& entity, const std::vector<std::string>& columns) {
  std::set<std::string, std::less<>> fields;
  const nlohmann::json types = nlohmann::json::parse(entity.property("types"), nullptr, false);
  if (types.is_object())
    for (const auto& [path, type] : types.items()) fields.insert(path.substr(0, path.find('/')));
  if (columns.empty()) return fields;
  std::erase_if(fields, [&](const std::string& name) { return std::find(columns.begin(), columns.end(), name) == columns.end(); });
  return fields;
}

void check_whole(const sdk::Entity& entity, const Entry& entry) {
  if (entry.missing_fields.empty()) return;
  throw sdk::Error(Category::unsupported, "changes",
                   "the service names what changed in '" + entity.name + "' without the fields that did not, such as '" +
                       *entry.missing_fields.begin() + "': " + shortened(entry.text))
      .with_hint("set 'track_changes' to false; or, where the service never sends that field, name 'columns' without it");
}

}  // namespace

std::optional<std::string> settled_changes(const sdk::Entity& entity, const std::vector<std::string>& columns, std::string_view body) {
  const Page page = look_at(body);
  if (page.records.empty() || (!page.is_delta && !mentions_entries(body))) return std::nullopt;
  const auto fields = page.is_delta ? fields_of(entity, columns) : std::set<std::string, std::less<>>();
  std::vector<Entry> entries;
  const bool whole = scan_items(page.records, [&](std::string_view item) { entries.push_back(read_entry(item, entity.key, fields)); });
  if (!whole) return std::nullopt;  // the host's parser tells where it breaks

  const Keys keys(entity);
  std::map<std::string, std::string> removed;                 // by identity; the key as JSON
  std::map<std::string, std::vector<std::size_t>> by_record;  // entries that are records
  const bool any = std::any_of(entries.begin(), entries.end(), [](const Entry& entry) { return entry.kind != Kind::record; });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = entries[i];
    if (entry.kind == Kind::link) continue;
    if (entry.kind == Kind::record) {
      check_whole(entity, entry);
      const auto values = any ? keys.named(entry) : std::nullopt;
      if (!values) continue;
      const std::string known = identity(*values);
      by_record[known].push_back(i);
      removed.erase(known);
      continue;
    }
    const std::vector<std::string> values = keys.of_removed(entry);
    const std::string known = identity(values);
    for (const std::size_t earlier : by_record[known]) entries[earlier].dropped = true;
    std::string& key = removed[known] = "{";
    for (std::size_t field = 0; field < values.size(); ++field)
      key.append(field == 0 ? "" : ",").append(quoted(entity.key[field])).append(":").append(values[field]);
    key += '}';
  }
  if (!any) return std::nullopt;

  const auto begin = static_cast<std::size_t>(page.records.data() - body.data());
  std::string settled(body.substr(0, begin));
  settled += '[';
  for (const Entry& entry : entries) {
    if (entry.kind != Kind::record || entry.dropped) continue;
    settled.append(settled.back() == '[' ? "" : ",").append(entry.text);
  }
  settled.append("],").append(quoted(removed_pointer + 1)).append(":[");
  for (const auto& [known, key] : removed) settled.append(settled.back() == '[' ? "" : ",").append(key);
  settled.append("]").append(body.substr(begin + page.records.size()));
  return settled;
}

}  // namespace switchgear::odata

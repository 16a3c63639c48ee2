// Entities below others: `/assets/{id}/meters` is a listing for each asset, one after the other. The token says where in the parents'
// listing it is and where in the child's.
#include "json_text.hpp"
#include "reader.hpp"

namespace switchgear::rest {
namespace {

/// Parents without children give empty pages; so many of them are passed over before the host gets to see one.
constexpr int most_empty = 200;

}  // namespace

/// `["token of the parents' page", 3, "the parent's key", "token of the child's page"]`
struct Reader::ChildPlace {
  std::string parents;
  std::size_t index = 0;
  std::string key;
  std::string child;

  static ChildPlace parse(const std::string& token) {
    ChildPlace place;
    if (token.empty()) return place;
    try {
      const auto parts = items(token);
      if (parts.size() != 4) throw JsonError("four parts");
      place.parents = text_of(parts[0]);
      place.index = static_cast<std::size_t>(whole_number(parts[1]));
      place.key = text_of(parts[2]);
      place.child = text_of(parts[3]);
    } catch (const JsonError&) {
      throw sdk::Error(sdk::Category::bad_request, "token",
                       "the continuation token '" + token.substr(0, 80) + "' is none of a child's listing");
    }
    return place;
  }

  std::string to_token() const {
    return "[" + quoted(parents) + "," + std::to_string(index) + "," + quoted(key) + "," + quoted(child) + "]";
  }
};

namespace {

std::string key_of(const Entity& parent, std::string_view record) {
  std::string key;
  for (const std::string& field : parent.key) {
    const auto value = find(record, "/" + pointer_token(field));
    key.append(key.empty() ? "" : ",").append(value.value_or("null"));
  }
  return key;
}

/// A record with members of its parent in front, where it has none of those names itself.
std::string with_parent(std::string_view record, const Pairs& fields, std::string_view parent) {
  if (record.substr(0, 1) != "{") return std::string(record);
  std::string json = "{";
  for (const auto& [column, field] : fields) {
    if (find(record, "/" + pointer_token(column))) continue;
    const auto value = find(parent, "/" + pointer_token(field));
    json.append(json.size() > 1 ? "," : "").append(quoted(column)).append(":").append(value.value_or("null"));
  }
  const bool has_members = record.find_first_not_of(" \t\r\n", 1) != record.size() - 1;
  if (json.size() > 1 && has_members) json.push_back(',');
  return json + std::string(record.substr(1));
}

}  // namespace

const Reader::Parents& Reader::parents_at(const Entity& entity, const std::string& token, sdk::Call& call) {
  if (parents_.entity == entity.name && parents_.token == token && !parents_.text.empty()) return parents_;
  sdk::Position at;
  at.token = token;
  Step found = step(entity, at, call);
  Parents fresh;
  fresh.entity = entity.name;
  fresh.token = token;
  fresh.next = found.next_token();
  fresh.text = std::string(found.body());
  parents_ = std::move(fresh);
  parents_.records = records_of(parents_.text, found.records);
  return parents_;
}

Reader::Step Reader::child_page(const Entity& entity, const sdk::Position& at, const ChildPlace& place, std::string_view parent,
                                sdk::Call& call) {
  sdk::Position inner = at;
  inner.token = place.child;
  inner.partition.clear();
  Step found = listing_step(entity, inner, parent, call);
  found.next = found.next_token();
  found.told.total.reset();  // of this parent's children alone
  const std::vector<std::string_view> records = records_of(found.body(), found.records);
  if (entity.parent.fields.empty() && !records.empty()) return found;
  std::string json = "[";
  for (const std::string_view record : records)
    json.append(json.size() > 1 ? "," : "").append(with_parent(record, entity.parent.fields, parent));
  found.text = json + "]";
  found.records.clear();
  return found;
}

Reader::Step Reader::child_step(const Entity& entity, const sdk::Position& at, sdk::Call& call) {
  const Entity& parent = *description_.find(entity.parent.entity);
  ChildPlace place = ChildPlace::parse(at.token);
  Step last;
  last.text = "[]";
  for (int empty = 0; empty < most_empty; ++empty) {
    call.stop_if_cancelled();
    const Parents& parents = parents_at(parent, place.parents, call);
    // Parents may have come or gone since the token was given out.
    if (!place.key.empty() && (place.index >= parents.records.size() || key_of(parent, parents.records[place.index]) != place.key)) {
      bool found = false;
      for (std::size_t i = 0; i < parents.records.size() && !found; ++i) {
        found = key_of(parent, parents.records[i]) == place.key;
        if (found) place.index = i;
      }
      if (!found) place.child.clear();  // it is gone: its successor stands where it stood
    }
    if (place.index >= parents.records.size()) {
      if (parents.next.empty()) {
        last.next = "";
        return last;
      }
      place = ChildPlace{parents.next, 0, "", ""};
      continue;
    }
    const std::string_view record = parents.records[place.index];
    Step found = child_page(entity, at, place, record, call);
    if (!found.next->empty()) {
      place.key = key_of(parent, record);
      place.child = *found.next;
    } else if (place.index + 1 < parents.records.size()) {
      place = ChildPlace{place.parents, place.index + 1, key_of(parent, parents.records[place.index + 1]), ""};
    } else if (!parents.next.empty()) {
      place = ChildPlace{parents.next, 0, "", ""};
    } else {
      found.next = "";
      return found;
    }
    found.next = place.to_token();
    if (found.body() != "[]") return found;
    last = std::move(found);
  }
  last.next = place.to_token();
  return last;
}

}  // namespace switchgear::rest

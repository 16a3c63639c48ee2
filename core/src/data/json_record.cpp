#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "switchgear/data/record_text.hpp"

namespace switchgear {

namespace dom = simdjson::dom;

struct RecordInspector::Parser {
  dom::parser parser;
};

namespace {

Error problem(const char* detail, std::string message, std::string hint) {
  return Error(Category::data, detail, std::move(message)).with_hint(std::move(hint));
}

/// A key field's value as JSON; nothing for what can't be part of a key.
std::optional<std::string> key_value(dom::element value) {
  switch (value.type()) {
    case dom::element_type::STRING:
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE:
    case dom::element_type::BOOL:
      return simdjson::minify(value);
    default:
      return std::nullopt;
  }
}

/// The values of the key fields; as long as `fields` only where all are there.
std::vector<std::string> key_values(dom::object record, const std::vector<std::string>& fields) {
  std::vector<std::string> values;
  for (const std::string& field : fields) {
    dom::element value;
    if (record.at_key(field).get(value) != simdjson::SUCCESS) break;
    std::optional<std::string> text = key_value(value);
    if (!text || *text == "\"\"") break;
    values.push_back(std::move(*text));
  }
  return values;
}

/// One value as it is, several as a JSON array.
std::string key_text(dom::object record, const std::vector<std::string>& fields, const std::vector<std::string>& values) {
  if (values.size() == 1) {
    std::string_view text;
    if (record.at_key(fields.front()).get(text) == simdjson::SUCCESS) return std::string(text);
    return values.front();
  }
  std::string all = "[";
  for (const std::string& value : values) all.append(all.size() > 1 ? "," : "").append(value);
  return all + "]";
}

/// Nested values may be what the catalog does not list (records created together with their parent), and "@" marks the protocol's own.
bool may_be_unlisted(std::string_view name, dom::element value) {
  return value.is_object() || value.is_array() || name.find('@') != std::string_view::npos;
}

}  // namespace

RecordInspector::RecordInspector(RecordRules rules) : rules_(std::move(rules)), parser_(std::make_unique<Parser>()) {
  std::sort(rules_.fields.begin(), rules_.fields.end());
}
RecordInspector::~RecordInspector() = default;
RecordInspector::RecordInspector(RecordInspector&&) noexcept = default;
RecordInspector& RecordInspector::operator=(RecordInspector&&) noexcept = default;

InspectedRecord RecordInspector::inspect(std::string_view json) {
  InspectedRecord result;
  if (json.size() > rules_.max_bytes) {
    result.problem = problem(
        "too_large", "the record has " + std::to_string(json.size()) + " bytes, at most " + std::to_string(rules_.max_bytes) + " are sent",
        "raise max_record_bytes if the source takes so much");
    return result;
  }
  dom::element root;
  dom::object record;
  if (const auto failed = parser_->parser.parse(json.data(), json.size()).get(root); failed != simdjson::SUCCESS) {
    result.problem =
        problem("json", "the record is no JSON: " + std::string(simdjson::error_message(failed)), "give one JSON object a record");
    return result;
  }
  if (root.get(record) != simdjson::SUCCESS) {
    result.problem = problem("json", "the record is no JSON object", "give an object with the entity's fields as members");
    return result;
  }
  result.key_values = key_values(record, rules_.key);
  if (result.key_values.size() == rules_.key.size() && !rules_.key.empty()) {
    result.key = key_text(record, rules_.key, result.key_values);
  } else if (rules_.key_needed) {
    const std::string missing = rules_.key.empty() ? "" : rules_.key[result.key_values.size()];
    result.key_values.clear();
    result.problem = missing.empty() ? problem("key", "the entity has no key", "only create can be written to it")
                                     : problem("key", "the record has no value for its key field '" + missing + "'",
                                               "give it, or use op=\"create\" if the source assigns keys");
    return result;
  } else {
    result.key_values.clear();
  }
  if (rules_.fields.empty()) return result;
  for (const auto [name, value] : record) {
    if (std::binary_search(rules_.fields.begin(), rules_.fields.end(), name, std::less<>()) || may_be_unlisted(name, value)) continue;
    result.problem = problem("field", "the entity has no field '" + std::string(name) + "'" + did_you_mean(name, rules_.fields),
                             "leave the field out, or correct its name");
    break;
  }
  return result;
}

std::vector<std::string> RecordInspector::keys_of_page(std::string_view body, std::string_view pointer) {
  dom::element root;
  dom::array records;
  if (parser_->parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
      (pointer.empty() ? root : root.at_pointer(pointer)).get(records) != simdjson::SUCCESS) {
    throw Error(Category::protocol, "records", "the page of a read-back has no array of records at '" + std::string(pointer) + "'");
  }
  std::vector<std::string> keys;
  for (const dom::element item : records) {
    dom::object record;
    if (item.get(record) != simdjson::SUCCESS) continue;
    const std::vector<std::string> values = key_values(record, rules_.key);
    if (values.size() == rules_.key.size()) keys.push_back(key_text(record, rules_.key, values));
  }
  return keys;
}

}  // namespace switchgear

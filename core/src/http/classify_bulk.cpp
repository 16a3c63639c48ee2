#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "classify_verdict.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using Json = nlohmann::json;

constexpr std::size_t largest_bulk_reply = 64U << 20U;

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

/// A number or a text of digits (Maximo); 0 for anything else.
int status_of(const Json* value) {
  if (value == nullptr) return 0;
  if (value->is_number_unsigned()) {
    const auto number = value->get<std::uint64_t>();
    return number >= 100 && number <= 599 ? static_cast<int>(number) : 0;
  }
  if (!value->is_string()) return 0;
  const std::string& text = value->get_ref<const std::string&>();
  int status = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), status);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && status >= 100 && status <= 599 ? status : 0;
}

struct Item {
  int status = 0;
  const Json* body = nullptr;
  Headers headers;
};

Item read_item(const Json& json) {
  Item item;
  item.body = &json;
  if (const Json* meta = member(json, "_responsemeta")) {  // Maximo BULK
    item.status = status_of(member(*meta, "status"));
    if (const Json* data = member(json, "_responsedata")) item.body = data;
    return item;
  }
  // A status of its own makes it an answer only if a body or an id of the request stands beside it: records have a `status`, too.
  const Json* body = member(json, "body");
  if (body == nullptr && member(json, "headers") == nullptr && member(json, "atomicityGroup") == nullptr &&
      member(json, "error") == nullptr) {
    if (json.is_object() && json.size() <= 2) item.status = status_of(member(json, "status"));
    return item;
  }
  item.status = status_of(member(json, "status"));
  if (body != nullptr) item.body = body;
  if (const Json* headers = member(json, "headers"); headers != nullptr && headers->is_object()) {
    for (const auto& [name, value] : headers->items()) {
      if (value.is_string()) item.headers.add(name, value.get<std::string>());
    }
  }
  return item;
}

bool has_identity(const Json& json) {
  for (const char* key : {"id", "ID", "Id", "key", "href", "@odata.id"}) {
    if (const Json* value = member(json, key); value != nullptr && !value->is_null()) return true;
  }
  return false;
}

/// `{"message": "..."}` and nothing that names a record.
bool is_bare_refusal(const Json& json) {
  return (member(json, "message") != nullptr || member(json, "Message") != nullptr) && !has_identity(json);
}

std::optional<Error> judge(const HttpRequest& request, const Json& json, const ClassifyContext& context) {
  const Item item = read_item(json);
  if (item.status >= 300 && item.status != 304) {
    HttpResponse response;
    response.status = item.status;
    response.headers = item.headers;
    response.body =
        Buffer(item.body->is_string() ? item.body->get<std::string>() : item.body->dump(-1, ' ', false, Json::error_handler_t::replace));
    return classify(request, response, context);
  }
  const bool in_error = item.body->is_object() && (item.status == 0 || item.body->contains("error") || item.body->contains("Error"));
  std::optional<SourceError> said;
  if (in_error) said = find_envelope(item.body->dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!said && item.status == 0 && is_bare_refusal(json)) said = read_error_json(json);
  if (!said) return std::nullopt;
  Error error = make_error(verdict_of_envelope(*said), request, item.status, *said, context);
  set_retryable(error, request);
  return error;
}

/// In a group all is rolled back with the one that failed, whatever the source says about the others.
void fail_whole_groups(const HttpRequest& request, const Json& items, std::vector<std::optional<Error>>& verdicts,
                       const ClassifyContext& context) {
  const auto group_of = [&](std::size_t i) {
    const Json* group = member(items[i], "atomicityGroup");
    return group != nullptr && group->is_string() ? group->get<std::string>() : std::string();
  };
  std::map<std::string, std::string> failed;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (const std::string group = group_of(i); verdicts[i] && !group.empty()) failed.emplace(group, verdicts[i]->message);
  }
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const auto found = failed.find(group_of(i));
    if (verdicts[i] || found == failed.end()) continue;
    SourceError said;
    said.message = "rolled back with its group, of which another record failed: " + found->second;
    verdicts[i] = make_error({Category::bad_request, "rolled_back"}, request, 0, said, context);
  }
}

}  // namespace

std::optional<Error> classify_item(const HttpRequest& request, std::string_view item_json, const ClassifyContext& context) {
  const Json json = parse_bounded(item_json);
  if (json.is_discarded()) {
    SourceError said;
    said.message = "an item of the bulk reply is not JSON: " + one_line(item_json.substr(0, 200), 200);
    return make_error({Category::protocol}, request, 0, said, context);
  }
  return judge(request, json, context);
}

std::vector<std::optional<Error>> classify_bulk(const HttpRequest& request, const HttpResponse& response, const ClassifyContext& context) {
  std::vector<std::optional<Error>> verdicts;
  if (response.body.size() > largest_bulk_reply) return verdicts;
  const Json root = Json::parse(response.body.view(), nullptr, false);
  const Json* items = root.is_array() ? &root : member(root, "responses");
  if (items == nullptr || !items->is_array()) return verdicts;
  verdicts.reserve(items->size());
  for (const Json& item : *items) verdicts.push_back(judge(request, item, context));
  fail_whole_groups(request, *items, verdicts, context);
  return verdicts;
}

}  // namespace switchgear

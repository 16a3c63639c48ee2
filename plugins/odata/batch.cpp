#include "batch.hpp"

#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "literal.hpp"
#include "query.hpp"
#include "switchgear/sdk/error.hpp"
#include "value.hpp"

namespace switchgear::odata {
namespace {

using nlohmann::json;
using sdk::Category;

sdk::Error not_this_key(const std::string& key, const std::string& why) {
  return sdk::Error(Category::data, "key", "the key '" + key.substr(0, 80) + "' " + why);
}

/// The EDM type of a key field, as the catalog says; "" if it does not.
std::string type_of(const json& types, const std::string& field) {
  const auto found = types.find(field);
  return found != types.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// In a path a slash of a value would be taken as one between segments.
std::string encoded_literal(const std::string& text) {
  std::string encoded = encoded_path(text);
  for (std::size_t at = encoded.find('/'); at != std::string::npos; at = encoded.find('/', at)) encoded.replace(at, 1, "%2F");
  return encoded;
}

void append_quoted(std::string& out, std::string_view text) { out += json(text).dump(-1, ' ', false, json::error_handler_t::replace); }

int number_of(const json& id) {
  if (id.is_number_integer()) return id.get<int>();
  if (!id.is_string()) return -1;
  const std::string& text = id.get_ref<const std::string&>();
  int number = -1;
  const auto [at, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && at == text.data() + text.size() ? number : -1;
}

sdk::Error no_reply(const std::string& what) {
  return sdk::Error(Category::protocol, "batch", "the reply to $batch " + what)
      .with_hint("the service may not offer $batch in JSON, which came with OData 4.01: set 'batch' to \"multipart\"");
}

constexpr int max_depth = 64;

/// The tree is written again by recursion, which has to have an end.
bool nests_too_deep(std::string_view body) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

BatchPart read_part(const json& item) {
  BatchPart part;
  const auto status = item.find("status");
  if (status == item.end() || !status->is_number_integer()) throw no_reply("has a part without a status");
  const auto code = status->get<std::int64_t>();
  if (code < 100 || code > 599) throw no_reply("has a part with the status " + std::to_string(code));
  part.status = static_cast<int>(code);
  if (part.status < 300) return part;
  part.content_type = "application/json";
  if (const auto body = item.find("body"); body != item.end() && !body->is_null()) {
    if (body->is_string()) part.content_type = "text/plain";
    part.body = body->is_string() ? body->get<std::string>() : body->dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return part;
}

}  // namespace

std::string record_path(const sdk::Entity& entity, const std::string& path, const std::string& key) {
  if (key.empty() || entity.key.empty()) throw not_this_key(key, "is missing: the record can't be addressed");
  const json types = json::parse(entity.property("types"), nullptr, false);
  const Dialect dialect = dialect_of(entity);
  try {
    if (entity.key.size() == 1) {
      const std::string& field = entity.key.front();
      return encoded_path(path) + "(" + encoded_literal(literal(text_value(key), type_of(types, field), field, dialect)) + ")";
    }
    const Value values = parse_json(key);
    if (!values.is(Value::Kind::list) || values.items.size() != entity.key.size())
      throw not_this_key(key, "does not have " + std::to_string(entity.key.size()) + " values");
    std::string predicate;
    for (std::size_t i = 0; i < entity.key.size(); ++i) {
      const std::string& field = entity.key[i];
      predicate.append(i == 0 ? "" : ",").append(field).append("=");
      predicate += encoded_literal(literal(values.items[i], type_of(types, field), field, dialect));
    }
    return encoded_path(path) + "(" + predicate + ")";
  } catch (const std::invalid_argument& error) {
    throw not_this_key(key, std::string("is ") + error.what());
  } catch (const sdk::Error& error) {
    if (error.category == Category::data) throw;
    throw not_this_key(key, std::string("can't be written into a URL: ") + error.what());
  }
}

void BatchBody::add(const BatchRequest& request) {
  text_.append(count_ == 0 ? "" : ",").append(R"({"id":")").append(std::to_string(count_)).append(R"(","method":")").append(request.method);
  text_.append(R"(","url":)");
  append_quoted(text_, request.path);
  if (request.atomic) text_ += R"(,"atomicityGroup":"g")";
  text_ += R"(,"headers":{)";
  const bool has_body = !request.json.empty();
  // Only what has a body may prefer to get none back.
  if (has_body) text_.append(R"("prefer":"return=minimal","content-type":")").append(request.content_type).append(R"(")");
  if (!request.if_match.empty()) {
    text_.append(has_body ? "," : "").append(R"("if-match":)");
    append_quoted(text_, request.if_match);
  }
  text_ += '}';
  if (has_body) text_.append(R"(,"body":)").append(request.json);
  text_ += '}';
  ++count_;
}

std::string BatchBody::finish() && { return std::move(text_) + "]}"; }

std::vector<BatchPart> parse_batch_reply(std::string_view body, std::size_t count) {
  if (nests_too_deep(body)) throw no_reply("nests deeper than " + std::to_string(max_depth));
  const json root = json::parse(body.begin(), body.end(), nullptr, false);
  const auto responses = root.is_object() ? root.find("responses") : root.end();
  if (!root.is_object() || responses == root.end() || !responses->is_array()) throw no_reply("has no list of responses");
  std::vector<BatchPart> parts(count);
  for (const json& item : *responses) {
    const int number = item.is_object() ? number_of(item.value("id", json())) : -1;
    if (number < 0 || static_cast<std::size_t>(number) >= count) continue;
    parts[static_cast<std::size_t>(number)] = read_part(item);
  }
  return parts;
}

}  // namespace switchgear::odata

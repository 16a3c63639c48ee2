#include "writer.hpp"

#include <algorithm>
#include <utility>

#include "json_text.hpp"

namespace switchgear::rest {
namespace {

using sdk::Category;

constexpr const char* standard_header = "Idempotency-Key";

const Write& described(const Entity& entity, const sdk::Batch& batch) {
  const auto found = std::find_if(entity.writes.begin(), entity.writes.end(), [&](const Write& each) { return each.op == batch.op; });
  if (found == entity.writes.end())
    throw sdk::Error(Category::unsupported, "operation",
                     "the description of '" + entity.name + "' has no write with op = \"" + batch.op + "\"");
  if (batch.atomic)
    throw sdk::Error(Category::unsupported, "atomic",
                     "'" + entity.name + "' can't be written all or none: each record has a fate of its own")
        .with_hint("write without atomic");
  return *found;
}

/// The record without the fields that the URL has.
std::string without(std::string_view record, const std::vector<std::string>& key) {
  std::string json = "{";
  for (const auto& [name, value] : members(record)) {
    if (std::find(key.begin(), key.end(), name) != key.end()) continue;
    json.append(json.size() > 1 ? "," : "").append(quoted(name)).append(":").append(value);
  }
  return json + "}";
}

/// `json` at the end of `pointer`: "/data/record" gives {"data":{"record":...}}.
std::string wrapped(const std::string& json, const std::optional<std::string>& pointer) {
  if (!pointer) return json;
  const std::vector<std::string> tokens = pointer_tokens(*pointer).value_or(std::vector<std::string>());
  std::string around;
  for (const std::string& token : tokens) around.append("{").append(quoted(token)).append(":");
  return around.append(json).append(tokens.size(), '}');
}

/// The source may have done it all the same.
bool is_open(const sdk::Error& error) {
  return !error.nothing_sent && (error.category == Category::server || error.category == Category::unavailable || error.reply_lost());
}

bool is_refusal(const sdk::Error& error) {
  return error.category == Category::bad_request || error.category == Category::too_large || error.category == Category::conflict ||
         error.category == Category::not_found;
}

}  // namespace

Writer::Writer(Reader& source, const Entity& entity, const sdk::Batch& batch, sdk::Outcomes& outcomes, sdk::Call& call)
    : source_(source), entity_(entity), batch_(batch), outcomes_(outcomes), call_(call), write_(described(entity, batch)) {}

void Writer::run() {
  if (write_.body != "records") {
    for (const sdk::Record& record : batch_) write_one(record);
    return;
  }
  Records records;
  for (const sdk::Record& record : batch_) {
    records.push_back(&record);
    if (records.size() == static_cast<std::size_t>(write_.most)) write_many(std::exchange(records, {}));
  }
  if (!records.empty()) write_many(records);
}

std::string Writer::body_of(const sdk::Record& record) const {
  return write_.body == "changes" ? without(record.json(), entity_.key) : std::string(record.json());
}

std::string Writer::body_of(const Records& records) const {
  if (write_.body == "none") return {};
  if (write_.body != "records") return wrapped(body_of(*records.front()), write_.wrap);
  std::string list = "[";
  for (const sdk::Record* record : records) list.append(list.size() > 1 ? "," : "").append(record->json());
  return wrapped(list + "]", write_.wrap);
}

sdk::Request Writer::request_for(const Records& records) const {
  const sdk::Record& first = *records.front();
  sdk::Request request = source_.write_request(entity_, write_, first.json(), first.key());
  if (const std::string body = body_of(records); !body.empty()) request.json(body);
  // A text of a structured field (RFC 8941), as the IETF's draft of the header has it.
  const std::string id = "\"" + first.id() + "\"";
  if (write_.idempotency_header.empty()) return request;
  if (sdk::detail::equal_ignoring_case(write_.idempotency_header, standard_header)) {
    request.idempotency_key(id);
  } else {
    request.header(write_.idempotency_header, first.id());
  }
  return request;
}

sdk::Reply Writer::send(const Records& records) {
  call_.stop_if_cancelled();
  sdk::Reply reply = call_.try_send(request_for(records));
  source_.judge(reply, call_);
  begun_ = true;
  return reply;
}

void Writer::settle(const Records& records, const sdk::Error& error) {
  if (!begun_ && !is_refusal(error) && error.category != Category::data) throw sdk::Error(error);
  for (const sdk::Record* record : records) is_open(error) ? outcomes_.unknown(*record, error) : outcomes_.fail(*record, error);
}

void Writer::write_one(const sdk::Record& record) {
  const Records one = {&record};
  try {
    const sdk::Reply reply = send(one);
    const std::optional<sdk::Error> error = verdict(reply.body(), reply.status());
    error ? outcomes_.fail(record, *error) : outcomes_.ok(record);
  } catch (const sdk::Error& error) {
    settle(one, error);
  }
}

void Writer::write_many(const Records& records) {
  try {
    judge_items(records, send(records));
  } catch (const sdk::Error& error) {
    const bool splits = records.size() > 1 && is_refusal(error);
    splits ? halve(records) : settle(records, error);
  }
}

/// Refused as a whole, for one of them perhaps: that one is looked for.
void Writer::halve(const Records& records) {
  const auto middle = records.begin() + static_cast<std::ptrdiff_t>((records.size() + 1) / 2);
  write_many({records.begin(), middle});
  write_many({middle, records.end()});
}

void Writer::judge_items(const Records& records, const sdk::Reply& reply) {
  const auto nothing_said = [&](const std::string& what) {
    return sdk::Error(Category::protocol, "results", "the reply to " + std::to_string(records.size()) + " records " + what);
  };
  if (!write_.results) {
    const std::optional<sdk::Error> error = verdict(reply.body(), reply.status());
    for (const sdk::Record* record : records) error ? outcomes_.fail(*record, *error) : outcomes_.ok(*record);
    return;
  }
  std::vector<std::string_view> results;
  try {
    const auto found = find(reply.body(), *write_.results);
    if (found) results = items(*found);
  } catch (const JsonError& error) {
    const sdk::Error why = nothing_said("is " + std::string(error.what()));
    for (const sdk::Record* record : records) outcomes_.unknown(*record, why);
    return;
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (results.size() != records.size()) {
      outcomes_.unknown(*records[i], nothing_said("has " + std::to_string(results.size()) + " results at '" + *write_.results + "'"));
      continue;
    }
    const std::optional<sdk::Error> error = verdict(results[i], 0);
    error ? outcomes_.fail(*records[i], *error) : outcomes_.ok(*records[i]);
  }
}

std::optional<sdk::Error> Writer::verdict(std::string_view json, int status) const {
  const auto& good = write_.statuses;
  if (status != 0 && !good.empty() && std::find(good.begin(), good.end(), status) == good.end())
    return sdk::Error(Category::protocol, "status",
                      "the source answers with " + std::to_string(status) + ", which the description does not count as success")
        .with_status(status);
  try {
    if (write_.status) {
      const auto found = find(json, *write_.status);
      const std::string text = found ? text_of(*found) : std::string();
      const int code = is_number(text) && text.size() == 3 ? std::stoi(text) : 0;
      if (code >= 300) {
        if (auto error = call_.classify_part(code, "application/json", json)) return source_.coded(*error, json);
      }
    }
    if (write_.error && is_something(find(json, *write_.error))) return source_.error_at(json, *write_.error);
    if (write_.key && !is_something(find(json, *write_.key))) return source_.error_at(json, "");
  } catch (const JsonError& error) {
    return sdk::Error(Category::protocol, "json", std::string("what the source says of the record is ") + error.what());
  }
  return std::nullopt;
}

}  // namespace switchgear::rest

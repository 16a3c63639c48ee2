#include "writer.hpp"

#include <utility>

#include "multipart.hpp"
#include "query.hpp"

namespace switchgear::odata {
namespace {

using sdk::Category;

constexpr int precondition_required = 428;
constexpr int precondition_failed = 412;
constexpr int not_found = 404;
constexpr int not_implemented = 501;

/// A POST that failed for what may be the same key: services say 409, 400 or, as CAP does, 500.
bool may_exist(const sdk::Error& error) { return error.category == Category::conflict || error.category == Category::server; }

}  // namespace

Writer::Writer(const sdk::Entity& entity, const sdk::Batch& batch, sdk::Outcomes& outcomes, sdk::Call& call, WriteStyle& style)
    : entity_(entity),
      batch_(batch),
      outcomes_(outcomes),
      call_(call),
      style_(style),
      dialect_(dialect_of(entity)),
      path_(entity.path.empty() ? entity.name : entity.path),
      update_method_(!style.update_method.empty() ? style.update_method
                     : dialect_ == Dialect::v2    ? "MERGE"
                                                  : "PATCH"),
      any_version_(entity.property("etag_property").empty() ? "" : "*"),
      wire_(batch.size()) {}

void Writer::run() {
  Steps steps = first_steps();
  if (batch_.atomic && batch_.op == "upsert") split_atomic_upsert(steps);
  bool begun = false;
  while (!steps.empty()) {
    call_.stop_if_cancelled();
    try {
      steps = send(steps);
    } catch (const sdk::Error& error) {
      if (!begun) throw;
      // Others of the batch have their outcomes: this is the word on those that were still at work.
      for (const Step& step : steps) {
        const bool open = !error.nothing_sent && (error.category == Category::server || error.category == Category::unavailable);
        if (open) {
          outcomes_.unknown(*step.record, error);
        } else {
          outcomes_.fail(*step.record, error);
        }
      }
      return;
    }
    begun = true;
  }
}

Writer::Steps Writer::first_steps() {
  const RecordBody body(entity_, style_.exact_numbers);
  Steps steps;
  for (const sdk::Record& record : batch_) {
    WireRecord& wire = wire_[record.index()];
    try {
      wire = body.write(record.json());
    } catch (const sdk::Error& error) {
      outcomes_.fail(record, error);
      continue;
    }
    const std::string& if_match = wire.etag.empty() ? any_version_ : wire.etag;
    if (batch_.op == "create") steps.push_back({&record, "POST", ""});
    if (batch_.op == "delete") steps.push_back({&record, "DELETE", if_match});
    if (batch_.op == "update" || batch_.op == "upsert") steps.push_back({&record, update_method_, if_match});
  }
  return steps;
}

/// In a changeset a PATCH of what is not there would undo the rest: it has to be known before.
void Writer::split_atomic_upsert(Steps& steps) {
  Steps reads;
  for (const Step& step : steps) reads.push_back({step.record, "GET", ""});
  const std::vector<BatchPart> parts = exchange(reads);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (parts[i].status == not_found && wire_[steps[i].record->index()].etag.empty()) steps[i] = {steps[i].record, "POST", "", 1};
  }
}

std::string Writer::path_for(const Step& step) const {
  return step.method == "POST" ? encoded_path(path_) : record_path(entity_, path_, step.record->key());
}

template <class Body>
Body Writer::body_of(const Steps& steps, Body body) const {
  for (const Step& step : steps) {
    const WireRecord& wire = wire_[step.record->index()];
    const bool reads = step.method == "GET";
    const std::string path = path_for(step);
    BatchRequest request;
    request.method = step.method;
    request.path = path;
    if (!reads && step.method != "DELETE") request.json = wire.json;
    request.content_type = wire.content_type;
    request.if_match = step.if_match;
    request.atomic = batch_.atomic && !reads;
    body.add(request);
  }
  return body;
}

std::vector<BatchPart> Writer::exchange(const Steps& steps) {
  if (dialect_ == Dialect::v2 || style_.format == BatchFormat::multipart) return exchange_multipart(steps);
  if (style_.format == BatchFormat::json) return exchange_json(steps);
  std::vector<BatchPart> parts;
  const std::optional<sdk::Error> refusal = json_refusal(steps, parts);
  if (!refusal) {
    style_.format = BatchFormat::json;
    return parts;
  }
  try {
    parts = exchange_multipart(steps);
  } catch (const sdk::Error& error) {
    if (error.category == Category::bad_request || error.category == Category::protocol) throw *refusal;
    throw;
  }
  style_.format = BatchFormat::multipart;
  return parts;
}

/// What the service says to a $batch in JSON, if it may be that it does not take JSON at all: then it has done nothing.
std::optional<sdk::Error> Writer::json_refusal(const Steps& steps, std::vector<BatchPart>& parts) {
  try {
    parts = exchange_json(steps);
    return std::nullopt;
  } catch (const sdk::Error& error) {
    if (error.category != Category::bad_request && error.http_status != not_implemented) throw;
    return error;
  }
}

std::vector<BatchPart> Writer::exchange_json(const Steps& steps) {
  const sdk::Reply reply = call_.send(style_.prepare("application/json").json(body_of(steps, BatchBody()).finish()));
  return parse_batch_reply(reply.body(), steps.size());
}

std::vector<BatchPart> Writer::exchange_multipart(const Steps& steps) {
  std::string body = body_of(steps, MultipartBody(dialect_ == Dialect::v2)).finish();
  const sdk::Reply reply = call_.send(style_.prepare("multipart/mixed").body(body, MultipartBody::content_type));
  return parse_multipart_reply(reply.header("Content-Type"), reply.body(), steps.size(), batch_.atomic && steps.front().method != "GET");
}

Writer::Steps Writer::send(const Steps& steps) {
  const std::vector<BatchPart> parts = exchange(steps);
  Steps again;
  if (batch_.atomic) {
    judge_group(steps, parts);
    return again;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) judge(steps[i], parts[i], again);
  return again;
}

std::optional<sdk::Error> Writer::verdict(const BatchPart& part) {
  if (part.status != 0 && part.status < 300) return std::nullopt;
  if (std::optional<sdk::Error> error = call_.classify_part(part.status, part.content_type, part.body)) return error;
  return sdk::Error(Category::protocol, "batch", "a part of the reply to $batch has the status " + std::to_string(part.status));
}

void Writer::judge(const Step& step, const BatchPart& part, Steps& again) {
  const sdk::Record& record = *step.record;
  if (part.not_reached) return again.push_back(step);
  if (part.status == 0)
    return outcomes_.unknown(record, sdk::Error(Category::protocol, "batch", "the reply to $batch has no part for this record"));
  const std::optional<sdk::Error> error = verdict(part);
  if (!error) return outcomes_.ok(record);
  const bool changes = step.method != "POST";
  if (changes && part.status == precondition_required && step.if_match.empty() && step.round < 3) {
    again.push_back({&record, step.method, "*", step.round + 1});
    return;
  }
  if (batch_.op != "upsert" || !wire_[record.index()].etag.empty()) return outcomes_.fail(record, *error);
  const bool missing = part.status == not_found || (part.status == precondition_failed && step.if_match == "*");
  if (changes && missing && refused_.count(record.index()) == 0) {
    again.push_back({&record, "POST", "", step.round + 1});
  } else if (!changes && may_exist(*error)) {
    refused_.emplace(record.index(), *error);
    again.push_back({&record, update_method_, any_version_, step.round + 1});
  } else {
    const auto before = refused_.find(record.index());
    outcomes_.fail(record, missing && before != refused_.end() ? before->second : *error);
  }
}

void Writer::judge_group(const Steps& steps, const std::vector<BatchPart>& parts) {
  std::optional<sdk::Error> first;
  std::vector<std::optional<sdk::Error>> errors;
  bool all_there = true;
  for (const BatchPart& part : parts) {
    all_there = all_there && part.status != 0;
    errors.push_back(part.status == 0 ? std::nullopt : verdict(part));
    if (errors.back() && !first) first = errors.back();
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const sdk::Record& record = *steps[i].record;
    if (errors[i]) {
      outcomes_.fail(record, *errors[i]);
    } else if (first) {  // whatever the service says of this one: a changeset is undone as a whole
      outcomes_.fail(record, sdk::Error(Category::bad_request, "rolled_back",
                                        std::string("undone with its batch, of which another record failed: ") + first->what()));
    } else if (all_there) {
      outcomes_.ok(record);
    } else {
      outcomes_.unknown(record, sdk::Error(Category::protocol, "batch", "the reply to $batch has no part for a record"));
    }
  }
}

}  // namespace switchgear::odata

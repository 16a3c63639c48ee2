#include "writer.hpp"

#include <utility>

#include "query.hpp"

namespace switchgear::odata {
namespace {

using sdk::Category;

constexpr int precondition_required = 428;
constexpr int precondition_failed = 412;
constexpr int not_found = 404;

/// A POST that failed for what may be the same key: services say 409, 400 or, as CAP does, 500.
bool may_exist(const sdk::Error& error) { return error.category == Category::conflict || error.category == Category::server; }

}  // namespace

Writer::Writer(const sdk::Entity& entity, const sdk::Batch& batch, sdk::Outcomes& outcomes, sdk::Call& call,
               std::function<sdk::Request()> prepare)
    : entity_(entity),
      batch_(batch),
      outcomes_(outcomes),
      call_(call),
      prepare_(std::move(prepare)),
      path_(entity.path.empty() ? entity.name : entity.path),
      any_version_(entity.property("etag_property").empty() ? "" : "*") {}

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
  Steps steps;
  for (const sdk::Record& record : batch_) {
    if (batch_.op == "create") steps.push_back({&record, "POST", ""});
    if (batch_.op == "delete") steps.push_back({&record, "DELETE", any_version_});
    if (batch_.op == "update" || batch_.op == "upsert") steps.push_back({&record, "PATCH", any_version_});
  }
  return steps;
}

/// In a changeset a PATCH of what is not there would undo the rest: it has to be known before.
void Writer::split_atomic_upsert(Steps& steps) {
  BatchBody body;
  for (const Step& step : steps) body.add("GET", record_path(entity_, path_, step.record->key()), "", "", false);
  const sdk::Reply reply = call_.send(prepare_().json(std::move(body).finish()));
  const std::vector<BatchPart> parts = parse_batch_reply(reply.body(), steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (parts[i].status == not_found) steps[i] = {steps[i].record, "POST", "", 1};
  }
}

std::string Writer::path_for(const Step& step) const {
  return step.method == "POST" ? encoded_path(path_) : record_path(entity_, path_, step.record->key());
}

std::vector<BatchPart> Writer::exchange(const Steps& steps) {
  BatchBody body;
  for (const Step& step : steps)
    body.add(step.method, path_for(step), step.method == "DELETE" ? std::string_view() : step.record->json(), step.if_match, batch_.atomic);
  const sdk::Reply reply = call_.send(prepare_().json(std::move(body).finish()));
  return parse_batch_reply(reply.body(), steps.size());
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
  if (part.status == 0)
    return outcomes_.unknown(record, sdk::Error(Category::protocol, "batch", "the reply to $batch has no part for this record"));
  const std::optional<sdk::Error> error = verdict(part);
  if (!error) return outcomes_.ok(record);
  const bool changes = step.method != "POST";
  if (changes && part.status == precondition_required && step.if_match.empty() && step.round < 3) {
    again.push_back({&record, step.method, "*", step.round + 1});
    return;
  }
  if (batch_.op != "upsert") return outcomes_.fail(record, *error);
  const bool missing = part.status == not_found || (part.status == precondition_failed && step.if_match == "*");
  if (changes && missing && refused_.count(record.index()) == 0) {
    again.push_back({&record, "POST", "", step.round + 1});
  } else if (!changes && may_exist(*error)) {
    refused_.emplace(record.index(), *error);
    again.push_back({&record, "PATCH", any_version_, step.round + 1});
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

#include <nlohmann/json.hpp>

#include "event_rows.hpp"
#include "run_rows.hpp"
#include "time_text.hpp"

namespace switchgear::store_detail {
namespace {

using nlohmann::json;
using Text = std::string;
using Number = std::int64_t;
using MaybeNumber = std::optional<std::int64_t>;

constexpr std::size_t most_entities_bytes = 12'000;  // the rest of a body is small
constexpr std::size_t most_text_bytes = 1'000;

json parsed(const Text& text) { return text.empty() ? json() : json::parse(text, nullptr, false); }

/// What went wrong, in few words: a source may have said a lot.
json brief(const Text& error) {
  const json all = parsed(error);
  if (!all.is_object()) return {};
  json said = json::object();
  for (const char* name : {"category", "code", "message", "hint"}) {
    const auto found = all.find(name);
    if (found == all.end() || !found->is_string()) continue;
    Text text = found->get<Text>();
    if (text.size() > most_text_bytes) text = text.substr(0, most_text_bytes) + "…";
    said[name] = std::move(text);
  }
  return said;
}

bool is_ours(const json& error) {
  const Text category = error.is_object() ? error.value("category", "") : "";
  return category == "plugin" || category == "destination" || category == "store";
}

json counts_of(const Text& counts) {
  const json all = parsed(counts);
  json said = json::object();
  for (const char* name : {"read", "written", "rejected"}) said[name] = all.is_object() ? all.value(name, Number{0}) : Number{0};
  return said;
}

}  // namespace

void record_run(DatabaseSession& session, const std::string& run_id, std::int64_t now) {
  const auto run = session.query_one<Text, Text, Text, Number, Number, MaybeNumber, Text>(
      "select connection_id, state, cause, is_full, started_at, finished_at, error from runs where id = :id", {{"id", run_id}});
  if (!run) return;
  const auto& [connection_id, state, cause, full, started, finished, error] = *run;
  if (state == "cancelled") return;
  json data = {{"run_id", run_id},
               {"status", state},
               {"cause", cause},
               {"full", full != 0},
               {"started_at", time_text(started)},
               {"finished_at", time_text(finished.value_or(now))}};
  if (const json what = brief(error); what.is_object()) data["error"] = what;
  json entities = json::array();
  json sum = counts_of("");
  json trouble = is_ours(data.value("error", json())) ? data["error"] : json();
  std::size_t bytes = 0;
  Number left_out = 0;
  for (const auto& [entity, entity_state, counts, entity_error] : session.query<Text, Text, Text, Text>(
           "select entity, state, counts, error from run_entities where run_id = :id order by entity", {{"id", run_id}})) {
    json each = {{"entity", entity}, {"status", entity_state}, {"counts", counts_of(counts)}};
    for (const auto& [name, count] : each["counts"].items()) sum[name] = sum[name].get<Number>() + count.get<Number>();
    if (const json what = brief(entity_error); what.is_object()) {
      each["error"] = what;
      if (trouble.is_null() && is_ours(what)) trouble = what;
    }
    bytes += each.dump(-1, ' ', false, json::error_handler_t::replace).size();
    bytes <= most_entities_bytes ? entities.push_back(std::move(each)) : void(++left_out);
  }
  data["entities"] = std::move(entities);
  if (left_out > 0) data["entities_left_out"] = left_out;
  data["counts"] = std::move(sum);

  NewEvent event;
  event.type = state == "completed" ? "sync.completed" : "sync.failed";
  event.id = event_id("run/" + run_id);
  event.connection_id = connection_id;
  event.data_json = data.dump(-1, ' ', false, json::error_handler_t::replace);
  record_event(session, event, now);
  if (!trouble.is_null()) record_trouble(session, "run/" + run_id, connection_id, trouble.dump(), now);
}

}  // namespace switchgear::store_detail

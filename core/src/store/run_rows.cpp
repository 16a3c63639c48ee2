#include "run_rows.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "event_rows.hpp"

namespace switchgear {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> state_words = {"queued", "in_progress", "completed", "failed", "partial", "cancelled"};

struct Named {
  const char* name;
  std::int64_t RunCounts::* member;
};

constexpr std::array<Named, 12> count_names = {{{"read", &RunCounts::read},
                                                {"written", &RunCounts::written},
                                                {"unchanged", &RunCounts::unchanged},
                                                {"rejected", &RunCounts::rejected},
                                                {"rescued", &RunCounts::rescued},
                                                {"deleted", &RunCounts::deleted},
                                                {"pages", &RunCounts::pages},
                                                {"bytes", &RunCounts::bytes},
                                                {"requests", &RunCounts::requests},
                                                {"retries", &RunCounts::retries},
                                                {"waited_us", &RunCounts::waited_us},
                                                {"checkpoints", &RunCounts::checkpoints}}};

Error corrupt(const std::string& text) {
  return Error(Category::store, "corrupt", "a run in the store can't be read: '" + text.substr(0, 80) + "'")
      .with_hint("restore the store from a backup");
}

}  // namespace

std::string_view to_string(RunState state) noexcept { return state_words.at(static_cast<std::size_t>(state)); }

RunCounts& RunCounts::operator+=(const RunCounts& more) noexcept {
  for (const Named& one : count_names) this->*one.member += more.*one.member;
  return *this;
}

RunCounts Run::counts() const noexcept {
  RunCounts sum;
  for (const RunEntity& each : entities) sum += each.counts;
  return sum;
}

std::string run_lease_name(const std::string& run_id) { return "run/" + run_id; }

std::string error_json(const Error& error) {
  json said = {{"category", std::string(to_string(error.category))}, {"code", error.code()}, {"message", error.message}};
  if (!error.hint.empty()) said["hint"] = error.hint;
  if (error.retryable) said["retryable"] = true;
  if (error.retry_after) said["retry_after_ms"] = error.retry_after->count();
  if (!error.connection_id.empty()) said["connection_id"] = error.connection_id;
  if (!error.entity.empty()) said["entity"] = error.entity;
  if (error.http_status != 0) said["http_status"] = error.http_status;
  if (!error.request_id.empty()) said["request_id"] = error.request_id;
  // What a source says is not always UTF-8.
  return said.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string counts_json(const RunCounts& counts) {
  json all = json::object();
  for (const Named& one : count_names) {
    if (counts.*one.member != 0) all[one.name] = counts.*one.member;
  }
  return all.dump();
}

RunCounts counts_from_json(std::string_view text) {
  const json all = json::parse(text, nullptr, false);
  if (!all.is_object()) throw corrupt(std::string(text));
  RunCounts counts;
  for (const Named& one : count_names) {
    if (const auto found = all.find(one.name); found != all.end() && found->is_number_integer())
      counts.*one.member = found->get<std::int64_t>();
  }
  return counts;
}

namespace store_detail {

RunState run_state_from(const std::string& word) {
  const auto* const found = std::find(state_words.begin(), state_words.end(), word);
  if (found == state_words.end()) throw corrupt(word);
  return static_cast<RunState>(found - state_words.begin());
}

std::int64_t settle_interrupted(DatabaseSession& session, std::int64_t now) {
  // A lease of what is now the future: the clock was moved back. The run may well go on; if not, it ends when its time would have.
  session.execute("update leases set expires_at = :now + ttl where name like 'run/%' and expires_at > :now + ttl", {{"now", now}});
  const auto died = session.query<std::string, std::string, std::string>(
      "select id, connection_id, holder from runs where state = 'in_progress' and not exists (select 1 from leases where leases.name = "
      "'run/' || runs.id and leases.expires_at > :now)",
      {{"now", now}});
  for (const auto& [id, connection_id, holder] : died) {
    // `failed.interrupted` is a run's own word: of no category of what went wrong, because nobody was left to see it.
    const json said = {{"category", "internal"},
                       {"code", "failed.interrupted"},
                       {"message", "the process that ran it (" + holder + ") ended in the middle"},
                       {"hint", "what was committed is kept; the next sync goes on from there"},
                       {"connection_id", connection_id}};
    const SqlParameters values = {{"id", id}, {"now", now}, {"error", said.dump()}, {"connection", connection_id}};
    session.execute("update runs set state = 'failed', finished_at = :now, error = :error where id = :id and state = 'in_progress'",
                    {{"id", id}, {"now", now}, {"error", said.dump()}});
    session.execute(
        "update run_entities set state = 'failed', finished_at = :now, error = :error where run_id = :id and state in ('queued', "
        "'in_progress')",
        {{"id", id}, {"now", now}, {"error", said.dump()}});
    session.execute(
        "update sync_entities set state = 'failed', error = :error where run_id = :id and connection_id = :connection and state in "
        "('queued', 'in_progress')",
        {{"id", id}, {"error", said.dump()}, {"connection", connection_id}});
    session.execute(
        "update sync_connections set state = 'failed', last_finished_at = :now, failures = failures + 1, error = :error where "
        "connection_id = :connection and run_id = :id",
        values);
    record_run(session, id, now);
  }
  return static_cast<std::int64_t>(died.size());
}

}  // namespace store_detail
}  // namespace switchgear

#include "job_removal.hpp"

#include <set>
#include <utility>

#include "dialect.hpp"
#include "job_tables.hpp"

namespace switchgear::store_detail {
namespace {

using Text = std::string;
using Integer = std::int64_t;

/// Returns false when no batch is left.
bool remove_some_batches(DatabaseSession& session, const Text& job_id, Integer now) {
  static const DialectSql some(
      "select id, connection_id, order_key from job_batches where job_id = :job order by first_index limit 200 {for_update}");
  const auto rows = session.query<Integer, Text, std::optional<Text>>(some(session), {{"job", job_id}});
  if (rows.empty()) return false;
  std::set<std::pair<Text, Text>> keys;
  for (const auto& [id, connection_id, order_key] : rows) {
    if (order_key && keys.emplace(connection_id, *order_key).second) lock_order_key(session, connection_id, *order_key);
    session.execute("delete from job_batches where id = :id", {{"id", id}});
  }
  for (const auto& [connection_id, order_key] : keys) unblock(session, connection_id, order_key, now);
  return true;
}

}  // namespace

bool mark_for_removal(Store& store, const Text& job_id, Integer ended_before, Integer silent_since) {
  return store.write([&](DatabaseSession& session) {
    return session.execute(
        "update jobs set accepting_until = 0 where id = :id and ((finished_at is not null and finished_at < :ended and "
        "open_batches = 0) or (accepting_until is not null and accepting_until < :silent))",
        {{"id", job_id}, {"ended", ended_before}, {"silent", silent_since}});
  }) != 0;
}

void remove_job(Store& store, const Text& job_id) {
  const auto more = [&](auto&& work) { return store.write(std::forward<decltype(work)>(work)); };
  while (more([&](DatabaseSession& session) { return remove_some_batches(session, job_id, store.now()); })) {
  }
  while (
      more([&](DatabaseSession& session) {
        return session.execute(
            "delete from job_outcomes where job_id = :job and record_index in (select record_index from job_outcomes where job_id = :job "
            "order by record_index limit 1000)",
            {{"job", job_id}});
      }) != 0) {
  }
  store.write([&](DatabaseSession& session) { session.execute("delete from jobs where id = :job", {{"job", job_id}}); });
}

}  // namespace switchgear::store_detail

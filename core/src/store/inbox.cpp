#include "switchgear/store/inbox.hpp"

#include <array>
#include <utility>

#include "dialect.hpp"
#include "run_rows.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/base/utf8.hpp"
#include "switchgear/store/timestamps.hpp"

namespace switchgear {
namespace {

using store_detail::DialectSql;
using store_detail::time_from;
using store_detail::time_value;
using Text = std::string;
using Number = std::int64_t;
using MaybeNumber = std::optional<std::int64_t>;

constexpr std::array<std::string_view, 4> state_words = {"waiting", "in_progress", "done", "failed"};

InboxState state_from(const Text& word) {
  for (std::size_t i = 0; i < state_words.size(); ++i)
    if (state_words.at(i) == word) return static_cast<InboxState>(i);
  throw Error(Category::store, "corrupt", "a webhook has the state '" + word + "'");
}

using Row = std::tuple<Text, Text, Text, MaybeNumber, Text, Text, Text, Text, Number, Text, Number, Number, MaybeNumber, Text>;

InboxMessage message_of(Row&& row) {
  auto& [connection_id, id, type, occurred, content_type, encoding, body, data, received, state, attempts, fence, due, error] = row;
  InboxMessage found;
  found.connection_id = std::move(connection_id);
  found.id = std::move(id);
  found.type = std::move(type);
  found.occurred_at = time_from(occurred);
  found.content_type = std::move(content_type);
  found.body = encoding.empty() ? std::move(body) : base64_decode(body).value_or("");
  found.data_json = std::move(data);
  found.received_at = from_microseconds(received);
  found.state = state_from(state);
  found.attempts = attempts;
  found.fence = fence;
  found.due_at = time_from(due);
  found.error = std::move(error);
  return found;
}

std::vector<InboxMessage> query(DatabaseSession& session, const Text& sql, const SqlParameters& parameters) {
  std::vector<InboxMessage> found;
  for (Row& row : session.query<Text, Text, Text, MaybeNumber, Text, Text, Text, Text, Number, Text, Number, Number, MaybeNumber, Text>(
           sql, parameters))
    found.push_back(message_of(std::move(row)));
  return found;
}

/// PostgreSQL's text holds no NUL.
bool is_storable(const Text& text) { return first_invalid_utf8(text) == text.size() && text.find('\0') == Text::npos; }

Error unknown(const Text& connection_id, const Text& id) {
  return Error(Category::not_found, "webhook", "connection '" + connection_id + "' has got no webhook '" + id + "'")
      .with_hint("hub.inbox.messages() lists those that are kept");
}

InboxMessage one(DatabaseSession& session, const Text& connection_id, const Text& id) {
  auto found =
      query(session,
            "select connection_id, id, type, occurred_at, content_type, encoding, body, data, received_at, state, attempts, fence, due_at, "
            "error from inbox where connection_id = :connection and id = :id",
            {{"connection", connection_id}, {"id", id}});
  if (found.empty()) throw unknown(connection_id, id);
  return std::move(found.front());
}

}  // namespace

std::string_view to_string(InboxState state) noexcept { return state_words.at(static_cast<std::size_t>(state)); }

void InboxStore::set_sender(const std::string& connection_id, const std::string& settings_json) {
  store_.write([&](DatabaseSession& session) {
    if (!session.query_one<Text>("select id from connections where id = :id", {{"id", connection_id}}))
      throw Error(Category::not_found, "connection", "there is no connection '" + connection_id + "'");
    if (settings_json.empty()) {
      session.execute("delete from inbox_senders where connection_id = :id", {{"id", connection_id}});
    } else {
      session.execute(
          "insert into inbox_senders (connection_id, settings) values (:id, :settings) on conflict (connection_id) do update set settings "
          "= :settings",
          {{"id", connection_id}, {"settings", settings_json}});
    }
  });
}

std::optional<std::string> InboxStore::sender(const std::string& connection_id) {
  DatabaseSession session = store_.read();
  auto row = session.query_one<Text>("select settings from inbox_senders where connection_id = :id", {{"id", connection_id}});
  if (!row) return std::nullopt;
  return std::move(std::get<0>(*row));
}

bool InboxStore::put(const InboxMessage& message) {
  for (const Text* text : {&message.id, &message.type, &message.content_type, &message.data_json}) {
    if (is_storable(*text)) continue;
    throw Error(Category::signature, "malformed_body", "the webhook's id, type or content type is no text");
  }
  const bool is_text = is_storable(message.body);
  return store_.write([&](DatabaseSession& session) {
    const Number now = store_.now();
    return session.execute(
               "insert into inbox (connection_id, id, type, occurred_at, content_type, encoding, body, data, received_at, state, attempts, "
               "fence, "
               "due_at, error) values (:connection, :id, :type, :occurred, :content_type, :encoding, :body, :data, :now, 'waiting', 0, 0, "
               ":now, '') "
               "on conflict (connection_id, id) do nothing",
               {{"connection", message.connection_id},
                {"id", message.id},
                {"type", message.type},
                {"occurred", time_value(message.occurred_at)},
                {"content_type", message.content_type},
                {"encoding", Text(is_text ? "" : "base64")},
                {"body", is_text ? message.body : base64_encode(message.body)},
                {"data", message.data_json},
                {"now", now}}) != 0;
  });
}

std::vector<InboxMessage> InboxStore::claim(std::chrono::microseconds lease, std::int64_t most) {
  // Only reads first: looking costs the others nothing.
  if (!store_.read().query_one<Number>("select due_at from inbox where due_at <= :now limit 1", {{"now", store_.now()}})) return {};
  static const DialectSql sql(
      "with picked as materialized (select connection_id as picked_connection, id as picked_id from inbox where due_at <= :now order by "
      "due_at limit :most {skip_locked}) update inbox set state = 'in_progress', attempts = attempts + 1, fence = fence + 1, due_at = "
      ":until from picked where connection_id = picked_connection and id = picked_id returning connection_id, id, type, occurred_at, "
      "content_type, encoding, body, data, received_at, state, attempts, fence, due_at, error");
  return store_.write([&](DatabaseSession& session) {
    const Number now = store_.now();
    return query(session, sql(session), {{"now", now}, {"most", most}, {"until", now + lease.count()}});
  });
}

bool InboxStore::settle(const InboxMessage& claimed, const std::string& error_json, std::optional<WallTime> due_at) {
  const char* state = error_json.empty() ? "done" : due_at ? "waiting" : "failed";
  return store_.write([&](DatabaseSession& session) {
    return session.execute(
               "update inbox set state = :state, due_at = :due, error = :error where connection_id = :connection and id = :id and fence = "
               ":fence and state = 'in_progress'",
               {{"state", Text(state)},
                {"due", error_json.empty() ? SqlValue() : time_value(due_at)},
                {"error", error_json},
                {"connection", claimed.connection_id},
                {"id", claimed.id},
                {"fence", claimed.fence}}) != 0;
  });
}

std::vector<InboxMessage> InboxStore::list(const InboxFilter& filter) {
  Text sql =
      "select connection_id, id, type, occurred_at, content_type, '' as encoding, '' as body, '' as data, received_at, state, attempts, "
      "fence, due_at, "
      "error from inbox where true";
  SqlParameters parameters = {{"limit", filter.limit}};
  if (!filter.connection_id.empty()) {
    sql += " and connection_id = :connection";
    parameters.push_back({"connection", filter.connection_id});
  }
  if (filter.state) {
    sql += " and state = :state";
    parameters.push_back({"state", Text(to_string(*filter.state))});
  }
  sql += " order by received_at desc, id limit :limit";
  DatabaseSession session = store_.read();
  return query(session, sql, parameters);
}

InboxMessage InboxStore::get(const std::string& connection_id, const std::string& id) {
  DatabaseSession session = store_.read();
  return one(session, connection_id, id);
}

InboxMessage InboxStore::again(const std::string& connection_id, const std::string& id) {
  return store_.write([&](DatabaseSession& session) {
    const auto changed = session.execute(
        "update inbox set state = 'waiting', attempts = 0, due_at = :now, error = '' where connection_id = :connection and id = :id and "
        "state in ('done', 'failed')",
        {{"now", store_.now()}, {"connection", connection_id}, {"id", id}});
    InboxMessage found = one(session, connection_id, id);
    if (changed == 0)
      throw Error(Category::conflict, "webhook_state", "the webhook '" + id + "' is " + Text(to_string(found.state)) + " already")
          .with_hint("one that is done or has failed can be handled again");
    return found;
  });
}

std::int64_t InboxStore::remove_before(WallTime before) {
  return store_.write([&](DatabaseSession& session) {
    return session.execute("delete from inbox where state in ('done', 'failed') and received_at < :before",
                           {{"before", to_microseconds(before)}});
  });
}

}  // namespace switchgear

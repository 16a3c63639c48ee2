#include "event_rows.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "event_match.hpp"
#include "sealed_box.hpp"
#include "switchgear/base/error.hpp"
#include "time_text.hpp"

namespace switchgear {
namespace {

using nlohmann::json;
using Text = std::string;
using Number = std::int64_t;

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";  // of which 32 make 160 bits
constexpr std::size_t id_letters = 32;

Text id_from(std::string_view bytes) {
  Text id = "evt_";
  std::uint64_t bits = 0;
  unsigned held = 0;
  for (const char byte : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(byte);
    for (held += 8; held >= 5; held -= 5) id += letters[(bits >> (held - 5U)) & 31U];
    if (id.size() >= id_letters + 4) break;
  }
  return id;
}

[[noreturn]] void refuse(Text what, Text hint) { throw Error(Category::config, "event", std::move(what)).with_hint(std::move(hint)); }

void check_id(const Text& id) {
  const bool good = id.size() <= 255 && std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '.'; });
  if (!good) refuse("'" + id + "' can't be an event's id", "letters, digits, '_' and '-', at most 255; leave it out for a new one");
}

json checked_data(const NewEvent& event) {
  json data = json::parse(event.data_json, nullptr, false);
  if (!data.is_object()) refuse("the data of the event '" + event.type + "' is no JSON object", R"(such as {"order": 4711})");
  if (!event.connection_id.empty()) data["connection_id"] = event.connection_id;
  return data;
}

Text body_of(const NewEvent& event, const json& data, Number occurred_at) {
  // In the order in which people read it, which is not the one that json would give.
  Text body = R"({"type":)" + json(event.type).dump() + R"(,"timestamp":")" + store_detail::time_text(occurred_at) + R"(","data":)" +
              data.dump(-1, ' ', false, json::error_handler_t::replace) + "}";
  if (body.size() < most_event_bytes) return body;
  throw Error(Category::data, "too_large",
              "the event '" + event.type + "' has " + std::to_string(body.size()) + " bytes; " + std::to_string(most_event_bytes) +
                  " are too many for a webhook")
      .with_hint("send what is needed to look the rest up");
}

/// Numbers are seen in their order: the next one is given when the transaction that took the last one has ended. Otherwise whoever reads
/// behind a number would miss those that are committed later than greater ones, and an ordered endpoint would get them late.
void wait_for_turn(DatabaseSession& session) {
  if (session.kind() == DatabaseKind::sqlite) return;  // which has one writer
  session.query<Text>("select cast(pg_advisory_xact_lock(7311406203) as text)");
}

/// False if this id is there already.
bool insert_event(DatabaseSession& session, const NewEvent& event, const Text& id, const json& data, Number now, bool test) {
  wait_for_turn(session);
  const Number occurred_at = event.occurred_at ? to_microseconds(*event.occurred_at) : now;
  const auto row = session.query_one<Number>(
      "insert into events (id, type, connection_id, occurred_at, recorded_at, body, test) values (:id, :type, :connection, :occurred, "
      ":now, :body, :test) on conflict (id) do nothing returning number",
      {{"id", id},
       {"type", event.type},
       {"connection", event.connection_id},
       {"occurred", occurred_at},
       {"now", now},
       {"body", body_of(event, data, occurred_at)},
       {"test", Number{test}}});
  return row.has_value();
}

Number insert_delivery(DatabaseSession& session, const Text& event_id, const Text& endpoint_id, Number now) {
  return std::get<0>(
      session
          .query_one<Number>(
              "insert into deliveries (event_id, endpoint_id, state, attempts, due_at, fence, sender, status, error, response, "
              "created_at) values (:event, :endpoint, 'pending', 0, :now, 0, '', 0, '', '', :now) returning id",
              {{"event", event_id}, {"endpoint", endpoint_id}, {"now", now}})
          .value());
}

NewEvent checked(const NewEvent& event) {
  if (!is_event_type(event.type)) {
    refuse("'" + event.type + "' is no type of an event",
           "words of a-z, 0-9 and _ with full stops between them, at least two: \"workorder.urgent\"");
  }
  check_id(event.id);
  NewEvent complete = event;
  if (complete.id.empty()) complete.id = id_from(store_detail::random_bytes(20));
  return complete;
}

}  // namespace

std::string event_id(std::string_view what) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(what.data(), what.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw Error(Category::internal, "crypto", "OpenSSL cannot hash");
  return id_from({reinterpret_cast<const char*>(digest.data()), size});
}

namespace store_detail {

std::string record_event(DatabaseSession& session, const NewEvent& given, std::int64_t now) {
  const NewEvent event = checked(given);
  const json data = checked_data(event);
  if (!insert_event(session, event, event.id, data, now, false)) return event.id;
  for (const auto& [endpoint, events, filter] :
       session.query<Text, Text, Text>("select id, events, filter from endpoints where state = 'enabled' order by id")) {
    if (!wants_event(json::parse(events, nullptr, false), event.connection_id, event.type)) continue;
    if (passes_filter(json::parse(filter, nullptr, false), data)) insert_delivery(session, event.id, endpoint, now);
  }
  return event.id;
}

std::int64_t record_test(DatabaseSession& session, const NewEvent& given, const std::string& endpoint_id, std::int64_t now) {
  const NewEvent event = checked(given);
  insert_event(session, event, event.id, checked_data(event), now, true);
  return insert_delivery(session, event.id, endpoint_id, now);
}

void record_trouble(DatabaseSession& session, const std::string& what, const std::string& connection_id, const std::string& error_json,
                    std::int64_t now) {
  NewEvent event;
  event.type = "system.error";
  event.id = event_id("system/" + what);
  event.connection_id = connection_id;
  json data = json::object();
  data["error"] = json::parse(error_json, nullptr, false);
  event.data_json = data.dump(-1, ' ', false, json::error_handler_t::replace);
  record_event(session, event, now);
}

bool note_reach(DatabaseSession& session, const std::string& connection_id, Reach reach, const std::string& error_json, std::int64_t now) {
  const Text word(to_string(reach));
  const auto known =
      session.query_one<Text, Number>("select reach, changes from connection_reach where connection_id = :id", {{"id", connection_id}});
  if (known && std::get<0>(*known) == word) return false;
  const Number changes = known ? std::get<1>(*known) + 1 : 1;
  session.execute(
      "insert into connection_reach (connection_id, reach, since, changes) values (:id, :reach, :now, :changes) on conflict "
      "(connection_id) do update set reach = :reach, since = :now, changes = :changes",
      {{"id", connection_id}, {"reach", word}, {"now", now}, {"changes", changes}});
  if (!known && reach == Reach::online) return false;  // it works as it should: nothing has changed for anybody
  NewEvent event;
  event.type = "connection." + word;
  event.id = event_id("connection/" + connection_id + "/" + std::to_string(changes));
  event.connection_id = connection_id;
  json data = {{"previous", known ? std::get<0>(*known) : "unknown"}};
  if (const json error = json::parse(error_json, nullptr, false); error.is_object()) data["error"] = error;
  event.data_json = data.dump(-1, ' ', false, json::error_handler_t::replace);
  record_event(session, event, now);
  return true;
}

}  // namespace store_detail
}  // namespace switchgear

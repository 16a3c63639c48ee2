#include "sync_state.hpp"

#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear::sync_detail {
namespace {

using nlohmann::json;

constexpr std::int64_t version = 1;

Error bad(const std::string& why) {
  return Error(Category::destination, "state", "the state that is kept with the data can't be read: " + why)
      .with_hint("only switchgear writes it; a full sync (full=True) of the entity begins anew");
}

json to_json(const Watermark& mark) {
  json out = {{"type", std::string(to_string(mark.type))}};
  if (!mark.utc) out["local"] = true;
  if (mark.value.is_text)
    out["text"] = mark.value.text;
  else
    out["number"] = mark.value.number;
  return out;
}

Watermark watermark_from(const json& in) {
  const auto type = data_type_from(in.at("type").get<std::string>());
  if (!type) throw bad("a watermark of an unknown type");
  Watermark mark{*type, !in.value("local", false), {}};
  mark.value.is_text = in.contains("text");
  if (mark.value.is_text)
    mark.value.text = in.at("text").get<std::string>();
  else
    mark.value.number = in.at("number").get<std::int64_t>();
  return mark;
}

json to_json(const CursorValue& value) { return value.is_text ? json(value.text) : json(value.number); }

CursorValue value_from(const json& in) {
  CursorValue value;
  value.is_text = in.is_string();
  if (value.is_text)
    value.text = in.get<std::string>();
  else
    value.number = in.get<std::int64_t>();
  return value;
}

json to_json(const Edge& edge) {
  json out = json::array();
  for (const auto& [value, hashes] : edge.seen) {
    std::string bytes(hashes.size() * sizeof(KeyHash), '\0');
    std::memcpy(bytes.data(), hashes.data(), bytes.size());
    out.push_back({to_json(value), base64_encode(bytes)});
  }
  return out;
}

Edge edge_from(const json& in) {
  Edge edge;
  for (const json& one : in) {
    const CursorValue value = value_from(one.at(0));
    const auto bytes = base64_decode(one.at(1).get<std::string>());
    if (!bytes || bytes->size() % sizeof(KeyHash) != 0) throw bad("the records at its edge are cut");
    std::vector<KeyHash> hashes(bytes->size() / sizeof(KeyHash));
    if (!hashes.empty()) std::memcpy(hashes.data(), bytes->data(), bytes->size());
    edge.size += hashes.size();
    edge.seen[value] = std::move(hashes);
  }
  return edge;
}

}  // namespace

std::string SyncState::text() const {
  json out = {{"version", version},
              {"sequence", sequence},
              {"cursor", cursor},
              {"mode", mode},
              {"run", run_id},
              {"complete", complete},
              {"lookback", lookback.count()},
              {"counts", json::parse(counts_json(counts))}};
  if (watermark) out["watermark"] = to_json(*watermark);
  if (!edge.seen.empty()) out["edge"] = to_json(edge);
  if (edge.cut) out["edge_cut"] = to_json(*edge.cut);
  if (!changes.empty()) out["changes"] = changes;
  if (untracked) out["untracked"] = true;
  if (listing) {
    json open = {{"token", listing->token}, {"lower", listing->lower}, {"whole", listing->whole}, {"runs", listing->run_ids}};
    if (listing->tracked) open["tracked"] = true;
    if (listing->changes) open["changes"] = true;
    if (listing->candidate) open["candidate"] = to_json(*listing->candidate);
    if (listing->bound) open["bound"] = to_json(*listing->bound);
    if (!listing->edge.seen.empty()) open["edge"] = to_json(listing->edge);
    if (listing->edge.cut) open["edge_cut"] = to_json(*listing->edge.cut);
    out["listing"] = std::move(open);
  }
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

SyncState SyncState::parse(std::string_view text) {
  const json in = json::parse(text, nullptr, false);
  if (!in.is_object()) throw bad("it is no JSON object");
  try {
    if (in.at("version").get<std::int64_t>() > version)
      throw bad("a newer switchgear has written it (version " + in.at("version").dump() + ")");
    SyncState state;
    state.sequence = in.at("sequence").get<std::int64_t>();
    state.cursor = in.at("cursor").get<std::string>();
    state.mode = in.at("mode").get<std::string>();
    state.run_id = in.at("run").get<std::string>();
    state.complete = in.at("complete").get<bool>();
    state.counts = counts_from_json(in.at("counts").dump());
    if (in.contains("watermark")) state.watermark = watermark_from(in.at("watermark"));
    if (in.contains("edge")) state.edge = edge_from(in.at("edge"));
    if (in.contains("edge_cut")) state.edge.cut = value_from(in.at("edge_cut"));
    state.changes = in.value("changes", "");
    state.untracked = in.value("untracked", false);
    state.lookback = std::chrono::microseconds(in.value("lookback", std::int64_t{0}));
    if (in.contains("listing")) {
      const json& open = in.at("listing");
      OpenListing listing;
      listing.token = open.at("token").get<std::string>();
      listing.lower = open.at("lower").get<std::string>();
      listing.whole = open.at("whole").get<bool>();
      listing.run_ids = open.at("runs").get<std::vector<std::string>>();
      listing.tracked = open.value("tracked", false);
      listing.changes = open.value("changes", false);
      if (open.contains("candidate")) listing.candidate = watermark_from(open.at("candidate"));
      if (open.contains("bound")) listing.bound = watermark_from(open.at("bound"));
      if (open.contains("edge")) listing.edge = edge_from(open.at("edge"));
      if (open.contains("edge_cut")) listing.edge.cut = value_from(open.at("edge_cut"));
      state.listing = std::move(listing);
    }
    return state;
  } catch (const json::exception& error) {
    throw bad(error.what());
  }
}

}  // namespace switchgear::sync_detail

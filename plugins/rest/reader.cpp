#include "reader.hpp"

#include <chrono>

#include "detect.hpp"
#include "instant.hpp"
#include "json_text.hpp"
#include "window.hpp"

namespace switchgear::rest {
namespace {

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// `[low,high]` of a part, as plan() wrote it; null for a side without a bound. Of page numbers their size follows.
void read_part(const std::string& part, Place& place) {
  try {
    const auto bounds = items(part);
    const auto bound = [](std::string_view text) {
      const bool negative = text.substr(0, 1) == "-";
      return negative ? -whole_number(text.substr(1)) : whole_number(text);
    };
    if (bounds.size() != 2 && bounds.size() != 3) throw JsonError("two bounds");
    if (bounds[0] != "null") place.low = bound(bounds[0]);
    if (bounds[1] != "null") place.high = bound(bounds[1]);
    if (bounds.size() == 3) place.part_size = whole_number(bounds[2]);
  } catch (const JsonError&) {
    throw sdk::Error(sdk::Category::bad_request, "partition", "'" + part.substr(0, 80) + "' is no part that plan() gave out");
  }
}

std::optional<std::string> prefixed(const std::string& prefix, std::optional<std::string> pointer) {
  if (!pointer) return pointer;
  return prefix + *pointer;
}

}  // namespace

Reader::Reader(Description description, std::string base, Variables variables, std::int64_t page_size, bool own_url)
    : description_(std::move(description)),
      base_(std::move(base)),
      variables_(std::move(variables)),
      page_size_(page_size),
      own_url_(own_url) {}

void Reader::check(sdk::Call& call) {
  if (description_.check_path.empty()) {
    for (const Entity& entity : description_.entities) {
      if (!entity.parent.entity.empty()) continue;
      sdk::Position at;
      at.page_size = 1;
      step(entity, at, call);
      return;
    }
  }
  const std::string path = rendered(description_.check_path, {}, Encoding::path);
  sdk::Request request("GET", base_ + (path.empty() || path.front() == '/' ? "" : "/") + path);
  for (const auto& [name, form] : description_.params) request.query(name, std::string_view(rendered(form, {}, Encoding::none)));
  add_headers(nullptr, request);
  add_credentials(request);
  const sdk::Reply reply = call.try_send(request);
  judge(reply, call);
  judge_body(description_.entities.front(), reply.body(), reply.status());
}

sdk::Page Reader::read(const Entity& entity, const sdk::Position& at, sdk::Call& call) {
  Step found = step(entity, at, call);
  sdk::Page page = found.text ? sdk::Page(std::move(*found.text)) : sdk::Page(std::move(*found.reply));
  page.records(found.records).watermark(entity.cursor);
  const Tell& told = found.told;
  if (told.total) page.total(*told.total);
  if (found.next) {
    page.next_token(*found.next);
    return page;
  }
  if (told.next) page.next(*told.next);
  if (told.more) page.more(*told.more);
  if (told.next_token) page.next_token(*told.next_token);
  if (!told.next_fields.empty()) page.next_fields(told.next_fields);
  if (told.empty_is_last) page.empty_is_last();
  if (told.offset) page.offset(*told.offset);
  if (told.overlap) page.overlap(*told.overlap, told.back);
  return page;
}

Place Reader::place_of(const Entity& entity, const sdk::Position& at) const {
  Place place;
  place.token = at.token;
  place.size = page_size(entity.paging, at.page_size > 0 ? at.page_size : page_size_);
  place.now = wall_clock();
  if (!at.partition.empty()) read_part(at.partition, place);
  if (entity.paging.style != Style::window) return place;
  // Both bounds are inclusive; a window ends before its end.
  if (const auto since = parse_instant(at.watermark)) place.low = std::max(place.low.value_or(INT64_MIN), *since);
  if (const auto until = parse_instant(at.upper)) place.high = std::min(place.high.value_or(INT64_MAX), *until + 1);
  return place;
}

Reader::Step Reader::step(const Entity& entity, const sdk::Position& at, sdk::Call& call) {
  return entity.parent.entity.empty() ? listing_step(entity, at, {}, call) : child_step(entity, at, call);
}

Reader::Step Reader::listing_step(const Entity& entity, const sdk::Position& at, std::string_view parent, sdk::Call& call) {
  const Place place = place_of(entity, at);
  if (entity.paging.style == Style::automatic) return detected_step(entity, at, place, parent, call);
  if (entity.paging.style == Style::window) return window_step(entity, at, place, parent, call);
  Step found = fetch(entity, at, entity.paging, place, parent, call);
  if (entity.paging.style == Style::keyset && place.high) cut_after(entity.paging, *place.high, found);
  return found;
}

/// A part of a keyset listing ends with the last key that is not beyond it; the source knows nothing of the part.
void Reader::cut_after(const Paging& paging, std::int64_t high, Step& found) {
  std::string json = "[";
  bool cut = false;
  for (const std::string_view record : records_of(found.body(), found.records)) {
    cut = cut || whole_number(text_of(find(record, paging.fields.front()).value_or("null"))) > high;
    if (cut) break;
    json.append(json.size() > 1 ? "," : "").append(record);
  }
  if (!cut) return;
  found.text = json + "]";
  found.records.clear();
  found.next = "";
}

Reader::Step Reader::fetch(const Entity& entity, const sdk::Position& at, const Paging& paging, const Place& place, std::string_view parent,
                           sdk::Call& call) {
  Step found;
  const Ask asked = ask(paging, place);
  if (asked.nothing) {
    found.text = "[]";
    found.next = "";
    return found;
  }
  found.reply.emplace(call.try_send(request_for(entity, at, asked, parent)));
  sdk::Reply& reply = *found.reply;
  judge(reply, call);
  found.records = entity.records.value_or("");
  std::string prefix;
  if (needs_conversion(entity)) {
    if (entity.format != Format::xml) judge_body(entity, reply.body(), reply.status());
    Converted converted = convert(entity, reply.body());
    found.text = std::move(converted.json);
    found.records = std::move(converted.records);
    prefix = std::move(converted.prefix);
    if (entity.format == Format::xml) judge_body(entity, find(*found.text, prefix).value_or("null"), reply.status());
  } else {
    judge_body(entity, reply.body(), reply.status());
  }
  const Answer answer{found.body(), [&](std::string_view name) { return reply.headers(name); }};
  found.told = tell(paging, place, answer);
  found.told.next = prefixed(prefix, found.told.next);
  found.told.more = prefixed(prefix, found.told.more);
  found.told.total = prefixed(prefix, entity.total);
  return found;
}

/// Nothing is known before the first reply; afterwards the token says it.
Reader::Step Reader::detected_step(const Entity& entity, const sdk::Position& at, const Place& place, std::string_view parent,
                                   sdk::Call& call) {
  Place inner = place;
  Detected known;
  Step found;
  if (at.token.empty()) {
    found = fetch(entity, at, entity.paging, place, parent, call);
    const Answer answer{found.body(), [&](std::string_view name) { return found.reply->headers(name); }};
    known = detect(entity, answer);
    std::string toml = known.toml;
    for (std::size_t line = toml.find('\n'); line != std::string::npos; line = toml.find('\n', line)) toml.replace(line, 1, ", ");
    call.log(sdk::LogLevel::info, "'" + entity.name + "': " + known.reason + ", so it is read by: " + toml);
    found.told = tell(known.paging, inner, answer);
    found.told.total = entity.total;
    found.records = known.records;
  } else {
    known = from_token(entity, at.token, inner.token);
    found = fetch(entity, at, known.paging, inner, parent, call);
    found.records = known.records;
  }
  try {
    found.next = known.to_token(found.next_token());
  } catch (const JsonError& error) {
    throw sdk::Error(sdk::Category::protocol, "json", "the reply is " + std::string(error.what()));
  }
  return found;
}

/// Halves a window until all of it comes.
Reader::Step Reader::window_step(const Entity& entity, const sdk::Position& at, Place place, std::string_view parent, sdk::Call& call) {
  while (true) {
    call.stop_if_cancelled();
    Step found = fetch(entity, at, entity.paging, place, parent, call);
    try {
      if (is_something(find(found.body(), entity.paging.more.value_or("")))) {
        place.token = narrower(entity.paging, place);
        continue;
      }
    } catch (const JsonError& error) {
      throw sdk::Error(sdk::Category::protocol, "json", "the reply is " + std::string(error.what()));
    }
    found.next = following(entity.paging, place, records_of(found.body(), found.records).size());
    return found;
  }
}

}  // namespace switchgear::rest

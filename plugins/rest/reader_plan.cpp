// Parts of a listing that can be read side by side. Each is a listing of its own, with bounds that it keeps; the last has no end, so that
// records that are added meanwhile belong to it.
#include <algorithm>

#include "instant.hpp"
#include "json_text.hpp"
#include "reader.hpp"

namespace switchgear::rest {
namespace {

constexpr std::int64_t usual_parts = 8;
constexpr std::int64_t most_parts = 10'000;
const char* const whole = "[]";

std::string part(std::optional<std::int64_t> low, std::optional<std::int64_t> high, std::int64_t size) {
  const auto bound = [](std::optional<std::int64_t> at) { return at ? std::to_string(*at) : std::string("null"); };
  return "[" + bound(low) + "," + bound(high) + (size > 0 ? "," + std::to_string(size) : std::string()) + "]";
}

/// `[null,b1] [b1,b2] … [bn,null]`. `gap`: what lies between the end of a part and the beginning of the next. `size`: of the pages whose
/// numbers the bounds are.
std::string parts_between(const std::vector<std::int64_t>& bounds, std::int64_t gap, std::int64_t size = 0) {
  std::vector<std::string> parts;
  std::optional<std::int64_t> low;
  for (const std::int64_t bound : bounds) {
    parts.push_back(part(low, bound, size));
    low = bound + gap;
  }
  parts.push_back(part(low, std::nullopt, size));
  return json_list(parts);
}

/// `parts - 1` bounds between `first` and `last`, each a multiple of `unit` from `first`.
std::vector<std::int64_t> spread(std::int64_t first, std::int64_t last, std::int64_t parts, std::int64_t unit) {
  std::vector<std::int64_t> bounds;
  const std::int64_t units = (last - first) / unit;
  parts = std::min(parts, units);
  for (std::int64_t i = 1; i < parts; ++i) {
    // units * i can overflow for keys beyond 2^53; quotient and rest can't.
    const std::int64_t at = first + (units / parts * i + units % parts * i / parts) * unit;
    if (bounds.empty() || at > bounds.back()) bounds.push_back(at);
  }
  return bounds;
}

}  // namespace

std::optional<std::int64_t> Reader::total_of(const Entity& entity, const sdk::Position& at, sdk::Call& call) {
  if (!entity.total && entity.total_header.empty()) return std::nullopt;
  sdk::Position first = at;
  first.page_size = 1;
  first.token.clear();
  const Step found = listing_step(entity, first, {}, call);
  const std::string said = entity.total ? text_of(find(found.body(), found.told.total.value_or("")).value_or("null"))
                                        : found.reply->headers(entity.total_header);
  if (!is_number(said) || said.size() > 15 || said.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoll(said);
}

/// The first or the last key of a keyset listing, where it is a whole number.
std::optional<std::int64_t> Reader::key_at_end(const Entity& entity, const sdk::Position& at, bool last, sdk::Call& call) {
  Entity asked = entity;
  if (last) {
    for (const auto& [name, form] : entity.paging.last_params) {
      asked.params.erase(
          std::remove_if(asked.params.begin(), asked.params.end(), [&, &its = name](const auto& each) { return each.first == its; }),
          asked.params.end());
      asked.params.emplace_back(name, form);
    }
  }
  sdk::Position first = at;
  first.page_size = 1;
  first.token.clear();
  const Step found = listing_step(asked, first, {}, call);
  const auto records = records_of(found.body(), found.records);
  if (records.empty()) return std::nullopt;
  const auto value = find(records.front(), entity.paging.fields.front());
  if (!value || value->size() > 18 || value->find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return whole_number(*value);
}

std::string Reader::plan(const Entity& entity, const sdk::Position& at, sdk::Call& call) {
  if (!entity.parent.entity.empty()) return whole;
  const Paging& paging = entity.paging;
  const std::int64_t parts = std::clamp<std::int64_t>(at.parts > 0 ? at.parts : usual_parts, 1, most_parts);
  const Place place = place_of(entity, at);
  if (parts < 2) return whole;
  if (paging.style == Style::window) {
    const std::int64_t first = std::max(place.low.value_or(INT64_MIN), parse_instant(paging.start).value_or(0));
    const std::int64_t last = std::min(place.high.value_or(INT64_MAX), place.now);
    return last <= first ? whole : parts_between(spread(first, last, parts, 1'000'000), 0);
  }
  if (paging.style == Style::keyset) {
    // A bound is a value of the first field: records that share it would lie on both sides, were there a second field to tell them apart.
    if (paging.last_params.empty() || paging.fields.size() != 1) return whole;
    const auto first = key_at_end(entity, at, false, call);
    const auto last = first ? key_at_end(entity, at, true, call) : std::nullopt;
    return !last || *last <= *first ? whole : parts_between(spread(*first, *last, parts, 1), 0);
  }
  if ((paging.style != Style::offset && paging.style != Style::page) || place.size < 1 || paging.size_param.empty()) return whole;
  // A row that changes joins the changes and shifts those behind it. Read one after the other, some of them come twice; side by side, a row
  // could move into a part that has been read to its end already, and would be lost without a word.
  if (!at.watermark.empty()) return whole;
  const auto total = total_of(entity, at, call);
  if (!total || *total <= place.size) return whole;
  if (paging.style == Style::offset) return parts_between(spread(paging.first, paging.first + *total, parts, place.size), 0);
  const std::int64_t pages = (*total + place.size - 1) / place.size;
  return parts_between(spread(paging.first, paging.first + pages - 1, parts, 1), 1, place.size);
}

}  // namespace switchgear::rest

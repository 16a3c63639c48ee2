// Paging: which keys each style takes, and which it can't do without.
#include <algorithm>

#include "description_parts.hpp"
#include "instant.hpp"
#include "json_text.hpp"

namespace switchgear::rest {
namespace {

constexpr std::int64_t most = 1'000'000'000;

struct StyleKeys {
  std::string name;
  std::vector<std::string> required;
  std::vector<std::string> optional;
};

/// In the order of Style. `size_param`, `size`, `max_size` are every style's but "none".
const std::vector<StyleKeys>& style_keys() {
  static const std::vector<StyleKeys> keys = {
      {"auto", {}, {}},
      {"none", {}, {}},
      {"cursor", {"param"}, {"next", "next_header", "more", "add"}},
      {"next_url", {}, {"next", "next_header", "more"}},
      {"link", {}, {"more"}},
      {"page", {"param"}, {"first", "more"}},
      {"offset", {"param"}, {"first", "more", "overlap", "aligned"}},
      {"keyset", {"fields", "params"}, {"more", "last_params"}},
      {"window", {"from_param", "until_param", "more"}, {"start", "step_s", "least_s", "time"}},
  };
  return keys;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_keys(const Table& table, const StyleKeys& style) {
  static const std::vector<std::string> sizes = {"size_param", "size", "max_size"};
  for (const std::string& name : style.required) {
    if (!table.has(name)) throw table.wrong("'" + name + "' is missing: the style '" + style.name + "' needs it");
  }
  for (const std::string& name : table.node().names) {
    if (name == "style" || contains(style.required, name) || contains(style.optional, name)) continue;
    if (contains(sizes, name) && style.name != "none") continue;
    std::vector<std::string> users;
    for (const StyleKeys& other : style_keys()) {
      if (contains(other.required, name) || contains(other.optional, name)) users.push_back(other.name);
    }
    if (contains(sizes, name)) throw table.wrong(name, "the style 'none' has no pages");
    if (!users.empty()) throw table.wrong(name, "the style '" + style.name + "' has no such key; it belongs to " + listed(users));
  }
}

void check_next(const Table& table, const Paging& paging) {
  if (paging.style != Style::cursor && paging.style != Style::next_url) return;
  if (paging.next.has_value() == !paging.next_header.empty())
    throw table.wrong(paging.next ? "next_header" : "next",
                      paging.next ? "give 'next' or 'next_header', not both"
                                  : "it is missing: where the reply says how to go on ('next' in the body, or 'next_header')");
  if (paging.next && paging.next->empty()) throw table.wrong("next", "it points to the whole reply");
}

void check_sizes(const Table& table, const Paging& paging) {
  if (paging.size_param.empty() && paging.size > 0 && paging.style != Style::page && paging.style != Style::offset)
    throw table.wrong("size", "it needs 'size_param': the parameter that asks for it");
  if (paging.max_size > 0 && paging.size > paging.max_size)
    throw table.wrong("size", "it is " + std::to_string(paging.size) + ", more than max_size (" + std::to_string(paging.max_size) + ")");
  if (paging.aligned && paging.overlap > 0) throw table.wrong("overlap", "it contradicts 'aligned': re-read pages begin at odd places");
  if (paging.aligned && paging.size_param.empty()) throw table.wrong("aligned", "it needs 'size_param'");
}

void check_keyset(const Table& table, const Paging& paging) {
  if (paging.style != Style::keyset) return;
  std::vector<std::string> known;
  for (std::size_t i = 0; i < paging.fields.size(); ++i) known.push_back(std::to_string(i));
  std::string used;
  for (const auto& [name, form] : paging.params) {
    check_places(table, "params", form, known, "{0} is the last value of the first of 'fields', {1} that of the second");
    for (const std::string& place : form.names()) used += place;
  }
  if (paging.fields.empty()) throw table.wrong("fields", "it is empty");
  if (used.empty()) throw table.wrong("params", "none of them says where to go on: use {0}");
}

}  // namespace

const std::vector<std::string>& style_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> made;
    for (const StyleKeys& style : style_keys()) made.push_back(style.name);
    return made;
  }();
  return names;
}

Paging read_paging(Table table) {
  Paging paging;
  const auto style = table.word("style", style_names());
  if (!style) throw table.wrong("'style' is missing: one of " + listed(style_names()));
  paging.style = static_cast<Style>(*style);
  check_keys(table, style_keys()[*style]);
  for (const std::string& name : style_keys()[*style].required) {
    if (name == "param" || name == "from_param" || name == "until_param") table.required_text(name);
  }
  paging.param = table.text_or("param", "");
  paging.size_param = table.text_or("size_param", "");
  paging.size = table.integer("size", 1, most).value_or(0);
  paging.max_size = table.integer("max_size", 1, most).value_or(0);
  paging.next = table.pointer("next");
  paging.next_header = table.text_or("next_header", "");
  paging.more = table.pointer("more");
  paging.first = table.integer("first", 0, 1).value_or(paging.style == Style::page ? 1 : 0);
  paging.add = table.integer("add", 0, 1).value_or(0);
  paging.overlap = table.integer("overlap", 0, 10'000).value_or(0);
  paging.aligned = table.boolean("aligned", false);
  paging.fields = table.pointers("fields");
  paging.params = table.forms("params");
  paging.last_params = table.forms("last_params");
  paging.from_param = table.text_or("from_param", "");
  paging.until_param = table.text_or("until_param", "");
  paging.start = table.text_or("start", "2000-01-01T00:00:00Z");
  if (!parse_instant(paging.start)) throw table.wrong("start", "'" + paging.start + "' is no time, such as 2020-01-01T00:00:00Z");
  paging.step_s = table.integer("step_s", 1, most).value_or(paging.step_s);
  paging.least_s = table.integer("least_s", 1, most).value_or(paging.least_s);
  if (paging.least_s > paging.step_s) throw table.wrong("least_s", "it is more than step_s (" + std::to_string(paging.step_s) + ")");
  paging.time = static_cast<TimeForm>(table.word("time", {"iso", "date", "epoch_s", "epoch_ms"}).value_or(0) + 1);
  if (paging.time == TimeForm::date && paging.least_s % 86400 != 0) {
    if (table.has("least_s")) throw table.wrong("least_s", "with time = \"date\" it has to be whole days (86400)");
    paging.least_s = 86400;
    paging.step_s = std::max<std::int64_t>(paging.step_s, 86400);
  }
  table.finish();
  check_next(table, paging);
  check_sizes(table, paging);
  check_keyset(table, paging);
  return paging;
}

}  // namespace switchgear::rest

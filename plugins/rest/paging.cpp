#include "paging.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "json_text.hpp"
#include "link_header.hpp"
#include "switchgear/sdk/error.hpp"
#include "window.hpp"

namespace switchgear::rest {
namespace {

[[noreturn]] void bad_token(std::string_view token, const char* expected) {
  throw sdk::Error(sdk::Category::bad_request, "token",
                   "the continuation token '" + std::string(token.substr(0, 80)) + "' is no " + expected)
      .with_hint("tokens are good for the entity, the filter and the description that they were given for");
}

// ---- what is asked

void ask_nothing(const Paging&, const Place&, Ask&) {}

void ask_cursor(const Paging& paging, const Place& place, Ask& asked) {
  if (place.token.empty()) return;
  if (paging.add == 0) {
    asked.parameters.push_back(text_parameter(paging.param, place.token));
  } else {
    asked.parameters.push_back(number_parameter(paging.param, whole_number(place.token) + paging.add));
  }
}

void ask_url(const Paging&, const Place& place, Ask& asked) { asked.url = place.token; }

/// A page's number says where it begins only together with the size of the pages. So the size goes with it: whoever goes on wishes for
/// another one in vain, and misses or doubles nothing.
struct Numbered {
  std::int64_t number, size;
};

Numbered page_of(const Paging& paging, const Place& place) {
  if (place.token.empty()) return {place.low.value_or(paging.first), place.part_size > 0 ? place.part_size : place.size};
  const std::string_view token = place.token;
  const std::size_t times = token.find('x');
  if (times == std::string_view::npos) return {whole_number(token), place.size};  // the source alone decides about the size
  return {whole_number(token.substr(0, times)), whole_number(token.substr(times + 1))};
}

void ask_page(const Paging& paging, const Place& place, Ask& asked) {
  const Numbered page = page_of(paging, place);
  asked.parameters.push_back(number_parameter(paging.param, page.number));
  if (!paging.size_param.empty() && page.size > 0) asked.parameters.push_back(number_parameter(paging.size_param, page.size));
}

/// Where a page begins, and how many records before that place it reads again.
struct Start {
  std::int64_t offset, overlap;
};

Start start_of(const Paging& paging, const Place& place) {
  const std::int64_t first = place.low.value_or(paging.first);
  if (place.token.empty()) return {first, 0};
  const std::int64_t reached = whole_number(place.token);
  const std::int64_t overlap = std::clamp<std::int64_t>(reached - first, 0, paging.overlap);
  return {reached - overlap, overlap};
}

/// A source that wants its offset to be a multiple of the limit gets the largest limit that divides it: what is left after a short page.
std::int64_t dividing(std::int64_t offset, std::int64_t size) {
  while (offset % size != 0) --size;
  return size;
}

void ask_offset(const Paging& paging, const Place& place, Ask& asked) {
  const Start start = start_of(paging, place);
  asked.nothing = place.high && start.offset >= *place.high;
  if (asked.nothing) return;
  std::int64_t size = place.size;
  if (place.high && size > 0) size = std::min(size, *place.high - start.offset);
  if (paging.aligned && size > 0) size = dividing(start.offset, size);
  asked.parameters.push_back(number_parameter(paging.param, start.offset));
  if (!paging.size_param.empty() && size > 0) asked.parameters.push_back(number_parameter(paging.size_param, size));
}

void ask_keyset(const Paging& paging, const Place& place, Ask& asked) {
  std::vector<std::string> values;
  if (!place.token.empty()) {
    try {
      for (const std::string_view value : items(place.token)) values.emplace_back(value);
    } catch (const JsonError&) {
      bad_token(place.token, "list of a record's values");
    }
    if (values.size() != paging.fields.size()) bad_token(place.token, "list of the values that the description names");
  } else if (place.low) {
    values.assign(paging.fields.size(), std::to_string(*place.low));
  } else {
    return;
  }
  const auto value_at = [&](std::string_view name) { return values.at(static_cast<std::size_t>(whole_number(name))); };
  for (const auto& [name, form] : paging.params) {
    const std::string text = form.render([&](std::string_view place_name) { return std::optional(text_of(value_at(place_name))); });
    const auto sole = form.sole_name();
    asked.parameters.push_back({name, text, sole ? value_at(*sole) : quoted(text)});
  }
}

// ---- what the host is told

void tell_nothing(const Paging&, const Place&, const Answer&, Tell&) {}

void tell_next(const Paging& paging, const Place&, const Answer& answer, Tell& told) {
  if (paging.next) {
    told.next = paging.next;
  } else {
    told.next_token = answer.header(paging.next_header);
  }
}

void tell_link(const Paging&, const Place&, const Answer& answer, Tell& told) {
  told.next_token = link_target(answer.header("Link"), "next").value_or("");
}

void tell_page(const Paging& paging, const Place& place, const Answer&, Tell& told) {
  const auto [number, size] = page_of(paging, place);
  const std::int64_t following = number + 1;
  const bool is_sized = !paging.size_param.empty() && size > 0;
  told.next_token =
      place.high && following > *place.high ? "" : std::to_string(following) + (is_sized ? "x" + std::to_string(size) : std::string());
  told.empty_is_last = true;
}

void tell_offset(const Paging& paging, const Place& place, const Answer&, Tell& told) {
  const Start start = start_of(paging, place);
  told.offset = start.offset;
  if (paging.overlap == 0) return;
  told.overlap = static_cast<std::uint64_t>(start.overlap);
  told.back = std::to_string(start.offset);
}

void tell_keyset(const Paging& paging, const Place&, const Answer&, Tell& told) { told.next_fields = paging.fields; }

struct Rules {
  void (*ask)(const Paging&, const Place&, Ask&);
  void (*tell)(const Paging&, const Place&, const Answer&, Tell&);
  bool says_more;  ///< `more` is the host's to look at
};

/// In the order of Style. A window's `more` says something else: that the window was too wide.
constexpr std::array<Rules, 9> rules = {{
    {&ask_nothing, &tell_nothing, false},  // auto: detect.hpp
    {&ask_nothing, &tell_nothing, false},
    {&ask_cursor, &tell_next, true},
    {&ask_url, &tell_next, true},
    {&ask_url, &tell_link, true},
    {&ask_page, &tell_page, true},
    {&ask_offset, &tell_offset, true},
    {&ask_keyset, &tell_keyset, true},
    {&ask_window, &tell_window, false},
}};

const Rules& rules_of(const Paging& paging) { return rules[static_cast<std::size_t>(paging.style)]; }

}  // namespace

std::int64_t whole_number(std::string_view token) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (failed != std::errc() || end != token.data() + token.size() || number < 0) bad_token(token, "whole number");
  return number;
}

std::int64_t page_size(const Paging& paging, std::int64_t wished) {
  std::int64_t size = wished > 0 ? wished : paging.size;
  if (paging.max_size > 0) size = size > 0 ? std::min(size, paging.max_size) : paging.max_size;
  return size;
}

Ask ask(const Paging& paging, const Place& place) {
  Ask asked;
  rules_of(paging).ask(paging, place, asked);
  const bool has_its_size = paging.style == Style::offset || paging.style == Style::page;
  if (asked.url.empty() && !asked.nothing && !has_its_size && !paging.size_param.empty() && place.size > 0)
    asked.parameters.push_back(number_parameter(paging.size_param, place.size));
  return asked;
}

Tell tell(const Paging& paging, const Place& place, const Answer& answer) {
  Tell told;
  rules_of(paging).tell(paging, place, answer, told);
  if (rules_of(paging).says_more) told.more = paging.more;
  return told;
}

std::vector<std::string_view> records_of(std::string_view body, std::string_view pointer) {
  std::optional<std::string_view> found;
  try {
    found = find(body, pointer);
    if (found && found->substr(0, 1) == "[") return items(*found);
  } catch (const JsonError& error) {
    throw sdk::Error(sdk::Category::protocol, "json", "the reply is " + std::string(error.what()));
  }
  throw sdk::Error(
      sdk::Category::protocol, "records",
      "the reply has no list of records at '" + std::string(pointer) + "'; it begins with '" + std::string(body.substr(0, 80)) + "'")
      .with_hint("the reply may be an error or another version of the API; check 'path' and 'records' of the description");
}

std::string resolve(const Tell& told, std::string_view body, std::string_view records) {
  if (told.more) {
    if (const auto said = find(body, *told.more); said && !is_something(said)) return {};
  }
  if (told.offset || told.empty_is_last || !told.next_fields.empty()) {
    const auto found = records_of(body, records);
    if (found.empty()) return {};
    if (told.offset) return std::to_string(*told.offset + static_cast<std::int64_t>(found.size()));
    std::string values;
    for (const std::string& pointer : told.next_fields) {
      const auto value = find(found.back(), pointer);
      if (!value)
        throw sdk::Error(sdk::Category::protocol, "token",
                         "the last record of the page has nothing at '" + pointer + "', by which to go on");
      values.append(values.empty() ? "[" : ",").append(*value);
    }
    if (!values.empty()) return values + "]";
  }
  if (told.next_token) return *told.next_token;
  return told.next ? text_of(find(body, *told.next).value_or("null")) : std::string();
}

}  // namespace switchgear::rest

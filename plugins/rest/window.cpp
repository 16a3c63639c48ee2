#include "window.hpp"

#include <algorithm>

#include "instant.hpp"
#include "json_text.hpp"
#include "paging.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t widest = std::int64_t{3650} * 86400 * second;

std::int64_t start_of(const Paging& paging) { return parse_instant(paging.start).value_or(0); }

std::int64_t number(std::string_view json) {
  const bool negative = json.substr(0, 1) == "-";
  const std::int64_t value = whole_number(json.substr(negative ? 1 : 0));
  return negative ? -value : value;
}

/// [from, until, step]; null for a side without a bound.
Window from_token(const std::string& token) {
  Window window;
  try {
    const auto parts = items(token);
    if (parts.size() != 3) throw JsonError("three parts");
    if (parts[0] != "null") window.from = number(parts[0]);
    if (parts[1] != "null") window.until = number(parts[1]);
    window.step = std::clamp<std::int64_t>(number(parts[2]), 1, widest);
  } catch (const JsonError&) {
    throw sdk::Error(sdk::Category::bad_request, "token", "the continuation token '" + token.substr(0, 80) + "' is no time window");
  }
  return window;
}

/// Ends where the listing does; a window that reaches into the present has no end.
void end(Window& window, const Place& place) {
  const std::int64_t until = *window.from + window.step;
  if (place.high) {
    window.until = std::min(until, *place.high);
  } else if (until < place.now) {
    window.until = until;
  } else {
    window.until.reset();
  }
}

}  // namespace

std::string Window::to_token() const {
  const auto bound = [](const std::optional<std::int64_t>& at) { return at ? std::to_string(*at) : std::string("null"); };
  return "[" + bound(from) + "," + bound(until) + "," + std::to_string(step) + "]";
}

Window window_at(const Paging& paging, const Place& place) {
  if (!place.token.empty()) return from_token(place.token);
  Window window;
  window.step = paging.step_s * second;
  if (place.low) {
    window.from = place.low;
    end(window, place);
  } else {
    window.until = place.high ? std::min(start_of(paging), *place.high) : start_of(paging);
  }
  return window;
}

std::string narrower(const Paging& paging, const Place& place) {
  Window window = window_at(paging, place);
  if (!window.from && window.until.value_or(0) > 0) {
    window.until = 0;  // what is older than 1970 is few, or none of it is a real time
    return window.to_token();
  }
  const std::int64_t width = window.from && window.until ? *window.until - *window.from : 2 * window.step;
  if (!window.from || width / 2 < paging.least_s * second)
    throw sdk::Error(
        sdk::Category::protocol, "window",
        "more records changed " +
            (window.from ? "within the " + std::to_string(width / second) + " s from " + format_instant(*window.from, TimeForm::iso)
                         : std::string("before 1970")) +
            " than the source gives at once")
        .with_hint("ask for larger pages, or describe a style that goes on inside of a window");
  window.step = std::max<std::int64_t>(width / 2, 1);
  window.until = *window.from + window.step;
  return window.to_token();
}

std::string following(const Paging& paging, const Place& place, std::size_t records) {
  Window window = window_at(paging, place);
  if (!window.until || (place.high && *window.until >= *place.high)) return {};
  const bool sparse = place.size > 0 && static_cast<std::int64_t>(records) * 3 < place.size;
  if (records == 0) {
    window.step = std::min(window.step * 2, widest);
  } else if (sparse) {
    window.step = std::min(window.step * 2, std::max(window.step, paging.step_s * second));
  } else {
    window.step = std::min(window.step, paging.step_s * second);
  }
  window.from = window.until;
  end(window, place);
  return window.to_token();
}

void ask_window(const Paging& paging, const Place& place, Ask& asked) {
  const Window window = window_at(paging, place);
  if (window.from) asked.parameters.push_back(text_parameter(paging.from_param, format_instant(*window.from, paging.time)));
  if (window.until) asked.parameters.push_back(text_parameter(paging.until_param, format_instant(*window.until, paging.time)));
}

/// The token depends on how many records came: the connector sets it when it has looked.
void tell_window(const Paging&, const Place&, const Answer&, Tell& told) { told.next_token = ""; }

}  // namespace switchgear::rest

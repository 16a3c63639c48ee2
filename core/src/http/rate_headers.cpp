#include "switchgear/http/rate_headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "structured_field.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t longest_field = 4096;  // no honest one comes near; the rest is not worth reading

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Digits only; a number too large for 64 bits is the largest there is.
std::optional<std::uint64_t> whole_number(std::string_view text) {
  if (!all_digits(text)) return std::nullopt;
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc::result_out_of_range ? UINT64_MAX : value;
}

/// Cut to the cap before the multiplication, so that nothing overflows.
milliseconds capped_seconds(std::uint64_t count, milliseconds cap) {
  const auto cap_count = static_cast<std::uint64_t>(std::max<std::int64_t>(0, cap.count()));
  return count >= cap_count / 1000 + 1 ? milliseconds(cap_count) : std::min(milliseconds(cap_count), milliseconds(count * 1000));
}

/// A reset is said in three ways that only its size tells apart; in the gaps between them it could be either and is ignored.
std::optional<milliseconds> parse_reset(std::string_view value, WallTime now, milliseconds cap) {
  const std::optional<std::uint64_t> number = whole_number(value);
  if (!number) return std::nullopt;
  if (*number < 100'000'000) return capped_seconds(*number, cap);
  const auto now_ms = std::chrono::floor<milliseconds>(now).time_since_epoch().count();
  if (now_ms < 0) return std::nullopt;
  const auto now_count = static_cast<std::uint64_t>(now_ms);
  std::uint64_t at_ms = 0;
  if (*number >= 1'000'000'000 && *number <= 100'000'000'000) {
    at_ms = *number * 1000;
  } else if (*number > 1'000'000'000'000) {
    at_ms = *number;
  } else {
    return std::nullopt;
  }
  if (at_ms < now_count) return std::nullopt;
  return at_ms - now_count >= static_cast<std::uint64_t>(cap.count()) ? cap : milliseconds(at_ms - now_count);
}

/// Every field that matters, found in one pass; of a repeated one the first, except for the lists, whose lines belong together.
struct Fields {
  std::string_view date, retry_after;
  std::string ratelimit, policy;
  struct Triple {
    std::string_view limit, remaining, reset;
  };
  std::array<Triple, 3> triples;  // RateLimit-*, X-RateLimit-*, X-Rate-Limit-*
};

void take_first(std::string_view& slot, std::string_view value) {
  if (slot.data() == nullptr) slot = trim(value);
}

void join(std::string& list, std::string_view value) {
  if (list.size() + value.size() > longest_field) {
    list.assign(longest_field + 1, '!');  // refused as a whole: a part of a list may say the opposite
  } else {
    list.append(list.empty() ? "" : ", ").append(value);
  }
}

Fields collect(const Headers& headers) {
  constexpr std::array<std::string_view, 3> prefixes = {"ratelimit-", "x-ratelimit-", "x-rate-limit-"};
  Fields fields;
  for (const auto& [name, value] : headers) {
    if (name.size() < 4 || name.size() > 24) continue;
    if (equal_ignoring_case(name, "date")) take_first(fields.date, value);
    if (equal_ignoring_case(name, "retry-after")) take_first(fields.retry_after, value);
    if (equal_ignoring_case(name, "ratelimit")) join(fields.ratelimit, value);
    if (equal_ignoring_case(name, "ratelimit-policy")) join(fields.policy, value);
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      if (!equal_ignoring_case(std::string_view(name).substr(0, prefixes[i].size()), prefixes[i])) continue;
      const std::string_view rest = std::string_view(name).substr(prefixes[i].size());
      if (equal_ignoring_case(rest, "limit")) take_first(fields.triples[i].limit, value);
      if (equal_ignoring_case(rest, "remaining")) take_first(fields.triples[i].remaining, value);
      if (equal_ignoring_case(rest, "reset")) take_first(fields.triples[i].reset, value);
    }
  }
  return fields;
}

std::optional<std::uint64_t> unsigned_of(std::optional<std::int64_t> value) {
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

/// The scarcest item of a list: the least left, and among equals the longest to wait.
bool is_scarcer(const RateHeaders& a, const RateHeaders& b) {
  const std::uint64_t left_a = a.remaining.value_or(UINT64_MAX);
  const std::uint64_t left_b = b.remaining.value_or(UINT64_MAX);
  if (left_a != left_b) return left_a < left_b;
  return a.reset_after.value_or(milliseconds(0)) > b.reset_after.value_or(milliseconds(0));
}

/// `"burst";r=5;t=2, "daily";r=900;t=3600` with the quotas of `"burst";q=100;w=60`.
RateHeaders from_list(const std::vector<FieldItem>& items, const std::vector<FieldItem>& policies, milliseconds cap) {
  RateHeaders scarcest;
  for (const FieldItem& item : items) {
    RateHeaders one;
    one.remaining = unsigned_of(item.parameter("r"));
    if (const auto reset = unsigned_of(item.parameter("t"))) one.reset_after = capped_seconds(*reset, cap);
    const auto policy = std::find_if(policies.begin(), policies.end(), [&](const FieldItem& p) { return p.name == item.name; });
    if (policy != policies.end()) one.limit = unsigned_of(policy->parameter("q"));
    if (is_scarcer(one, scarcest)) scarcest = one;
  }
  return scarcest;
}

/// `limit=100, remaining=50, reset=30`
RateHeaders from_dictionary(const std::vector<FieldItem>& items, milliseconds cap) {
  RateHeaders result;
  for (const FieldItem& item : items) {
    if (item.name == "limit") result.limit = unsigned_of(item.value);
    if (item.name == "remaining") result.remaining = unsigned_of(item.value);
    if (item.name == "reset") {
      if (const auto reset = unsigned_of(item.value)) result.reset_after = capped_seconds(*reset, cap);
    }
  }
  return result;
}

RateHeaders from_draft(const Fields& fields, milliseconds cap) {
  const auto items = parse_structured_list(fields.ratelimit);
  if (!items || items->empty()) return {};
  const bool dictionary = std::any_of(items->begin(), items->end(), [](const FieldItem& item) { return item.value.has_value(); });
  if (dictionary) return from_dictionary(*items, cap);
  return from_list(*items, parse_structured_list(fields.policy).value_or(std::vector<FieldItem>{}), cap);
}

RateHeaders from_triple(const Fields::Triple& triple, WallTime now, milliseconds cap) {
  RateHeaders result;
  result.limit = whole_number(trim(triple.limit.substr(0, triple.limit.find_first_of(",;"))));  // "100, 100;w=60"
  result.remaining = whole_number(triple.remaining);
  result.reset_after = parse_reset(triple.reset, now, cap);
  return result;
}

bool says_something(const RateHeaders& rate) { return rate.limit || rate.remaining || rate.reset_after; }

}  // namespace

std::optional<milliseconds> RateHeaders::wait() const noexcept {
  if (retry_after) return retry_after;
  return exhausted() ? reset_after : std::nullopt;
}

std::optional<milliseconds> parse_retry_after(std::string_view value, WallTime now, milliseconds cap) {
  value = trim(value);
  if (value.size() > longest_field) return std::nullopt;
  if (const auto count = whole_number(value)) return capped_seconds(*count, cap);
  const auto date = parse_http_date(value, now);
  // Compared in seconds: the year 9999 does not fit WallTime. Rounding the wait up is rounding `now` down to its second.
  if (!date || *date < std::chrono::ceil<seconds>(now)) return std::nullopt;
  return capped_seconds(static_cast<std::uint64_t>((*date - std::chrono::floor<seconds>(now)).count()), cap);
}

RateHeaders read_rate_headers(const Headers& headers, WallTime now, milliseconds cap) {
  const Fields fields = collect(headers);
  // A year beyond what WallTime can hold would overflow, and is no clock to go by.
  const auto date = parse_http_date(fields.date, now);
  if (date && date->time_since_epoch() > seconds(0) &&
      date->time_since_epoch() < std::chrono::duration_cast<seconds>(WallTime::max().time_since_epoch())) {
    now = *date;
  }
  RateHeaders result = from_draft(fields, cap);
  for (const Fields::Triple& triple : fields.triples) {
    if (!says_something(result)) result = from_triple(triple, now, cap);
  }
  if (fields.retry_after.data() != nullptr) result.retry_after = parse_retry_after(fields.retry_after, now, cap);
  return result;
}

}  // namespace switchgear

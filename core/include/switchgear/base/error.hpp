// What went wrong, in one vocabulary for C++, Python, the plugin ABI, the HTTP API and the logs.
//
// An Error is a value that can be stored, copied and thrown. `category` says what kind of thing failed, `detail` narrows it
// (`offline` + `connect` prints as the code `offline.connect`), `message` says what, where and why, `hint` what to do next.
// Thread-safety: as any value type.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace switchgear {

/// The numbers are part of the connector ABI (sdk/abi.h): append, never renumber.
enum class Category : std::int32_t {
  offline = 1,
  timeout,
  auth_expired,
  auth_invalid,
  permission,
  rate_limit,
  csrf,
  bad_request,
  not_found,
  gone,
  conflict,
  too_large,
  server,
  unavailable,
  protocol,
  config,
  cancelled,
  plugin,
  circuit_open,
  data,
  destination,
  store,
  signature,
  unsupported,
  internal,
};

inline constexpr std::int32_t category_first = static_cast<std::int32_t>(Category::offline);
inline constexpr std::int32_t category_last = static_cast<std::int32_t>(Category::internal);

/// The word used on every surface: "rate_limit".
std::string_view to_string(Category category) noexcept;

/// The category for a word or a number of the ABI; nothing if there is none.
std::optional<Category> category_from(std::string_view word) noexcept;
std::optional<Category> category_from(std::int32_t number) noexcept;

class Error : public std::exception {
 public:
  Error(Category kind, std::string text) : category(kind), message(std::move(text)) {}
  Error(Category kind, std::string narrower, std::string text) : category(kind), detail(std::move(narrower)), message(std::move(text)) {}

  Error&& with_hint(std::string text) && { return (hint = std::move(text), std::move(*this)); }
  Error&& with_retry(bool worth_it) && { return (retryable = worth_it, std::move(*this)); }
  Error&& with_status(int status) && { return (http_status = status, std::move(*this)); }

  /// `category` or `category.detail`: "offline.tls".
  std::string code() const;

  /// One line for an operator: "offline.connect: port 443 of host x refuses (sap-mt/WorkOrders); start the service".
  std::string describe() const;

  const char* what() const noexcept override { return message.c_str(); }

  Category category;
  std::string detail;
  std::string message;
  std::string hint;
  bool retryable = false;     ///< the same call may well succeed later
  bool nothing_sent = false;  ///< no byte of the request reached the source, so any method may be sent again
  std::optional<std::chrono::milliseconds> retry_after;
  std::string connection_id;
  std::string entity;
  int http_status = 0;  ///< 0: there was no reply
  std::string request_id;
};

/// `name` is unknown: ", did you mean 'x'?" for the nearest of `known` (edit distance up to a third of its length), else "".
template <class Range>
std::string did_you_mean(std::string_view name, const Range& known);

/// Damerau-Levenshtein distance (restricted), used to suggest names.
std::size_t edit_distance(std::string_view a, std::string_view b);

template <class Range>
std::string did_you_mean(std::string_view name, const Range& known) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const auto& candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best.empty() ? std::string() : ", did you mean '" + std::string(best) + "'?";
}

}  // namespace switchgear

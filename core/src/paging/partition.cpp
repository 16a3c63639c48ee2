#include "switchgear/paging/partition.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/paging/continuation.hpp"
#include "switchgear/paging/entity_reader.hpp"

namespace switchgear {
namespace {

constexpr std::size_t max_partitions = 100'000;

std::optional<std::uint64_t> page_size_of(const Connection& connection, const ReadRequest& request) {
  if (request.page_size > 0) return static_cast<std::uint64_t>(request.page_size);
  for (const auto& [name, value] : connection.settings()) {
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (name == "page_size" && failed == std::errc() && end == value.data() + value.size() && number > 0) return number;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_not_parallel(const Connection& connection, const ReadRequest& request) {
  if (request.parallel <= 1) return "it was not asked for";
  if (request.limit >= 0) return "a limit counts from the beginning, page by page";
  if (!request.token.empty()) {
    const Continuation start = Continuation::from_text(request.token, request.entity);
    if (start.places.size() > 1) return std::nullopt;
    return "the token is of a listing that was read as a whole, or of its last part";
  }
  if (!connection.plugin().offers("plan")) return "connector '" + connection.manifest().name + "' can't divide a listing";
  return std::nullopt;
}

std::int64_t wished_parts(std::size_t parallel) noexcept {
  return static_cast<std::int64_t>(std::clamp<std::size_t>(parallel * 16, 64, 256));
}

std::vector<std::string> parse_partitions(std::string_view json, const std::string& connector) {
  const auto broken = [&](const std::string& problem) {
    return Error(Category::plugin, "contract", "connector '" + connector + "' broke the ABI's contract: what `plan` returned " + problem)
        .with_hint("report it to the connector's author");
  };
  const auto plan = nlohmann::json::parse(json, nullptr, false);
  if (!plan.is_array()) throw broken("is no JSON array");
  if (plan.size() > max_partitions)
    throw broken("has " + std::to_string(plan.size()) + " parts, more than " + std::to_string(max_partitions));
  std::vector<std::string> parts;
  std::set<std::string> known;
  for (const auto& part : plan) {
    if (!part.is_string() || part.get_ref<const std::string&>().empty()) throw broken("has a part that is no text: " + part.dump());
    parts.push_back(part.get<std::string>());
    if (!known.insert(parts.back()).second) throw broken("has the part '" + parts.back() + "' twice: its records would come twice");
  }
  return parts;
}

std::vector<std::string> plan_partitions(Connection& connection, CallServices& services, PageRequest page, std::size_t parallel,
                                         std::stop_token stop) {
  page.parts = wished_parts(parallel);
  const SessionLease session = connection.lease(stop);
  CallContext call{services, stop, connection.clock(), {}};
  return parse_partitions(session->plan(page, call), connection.manifest().name);
}

ReadExplanation explain_read(Connection& connection, const ReadRequest& request, std::optional<std::uint64_t> records) {
  ReadExplanation result;
  const std::optional<EntityInfo> entity = connection.known_entity(request.entity);
  std::vector<Condition> local;
  if (entity || !connection.manifest().can_push_down("filter")) {
    local = split_conditions(connection, entity.value_or(EntityInfo()), request).local;
  } else if (!request.filter.empty()) {
    result.notes.emplace_back("which conditions the source can be asked for is not known before its entities are");
  }
  result.records = records;
  if (request.limit >= 0 && local.empty())
    result.records = std::min(records.value_or(UINT64_MAX), static_cast<std::uint64_t>(request.limit));
  result.page_size = page_size_of(connection, request);
  const std::optional<std::string> sequential = why_not_parallel(connection, request);
  if (!sequential) {
    result.parallel = request.parallel;
    const bool resumed = !request.token.empty();
    result.partitions = resumed ? Continuation::from_text(request.token, request.entity).places.size()
                                : static_cast<std::uint64_t>(wished_parts(request.parallel));
    result.notes.emplace_back(request.ordered ? "parts are read side by side and come in the listing's order"
                                              : "parts are read side by side and come as they arrive");
  } else if (request.parallel > 1) {
    result.notes.push_back("one page at a time, not " + std::to_string(request.parallel) + ": " + *sequential);
  }
  if (ConcurrencyLimiter* limiter = connection.guard().concurrency()) {
    const std::size_t limit = limiter->metrics().limit;
    if (limit < result.parallel) {
      result.parallel = std::max<std::size_t>(limit, 1);
      result.notes.push_back("the connection bears " + std::to_string(limit) + " requests at once at the moment");
    }
  }
  if (RateLimiter* limiter = connection.guard().rate_limiter()) result.requests_per_second = limiter->metrics().per_second;
  if (result.records && result.page_size) {
    result.pages = std::max<std::uint64_t>(1, (*result.records + *result.page_size - 1) / *result.page_size);
    if (result.partitions) result.partitions = std::min(*result.partitions, *result.pages);
    // A plan is one request, or none where the connector knows by itself.
    result.requests = *result.pages + (sequential || !request.token.empty() ? 0 : 1);
    if (result.requests_per_second) result.seconds_at_limit = static_cast<double>(*result.requests) / *result.requests_per_second;
  } else {
    result.notes.emplace_back(result.records ? "how many records a page holds is the source's choice: give page_size"
                                             : "how many records there are is not known before the source is asked: give records");
  }
  if (!result.requests_per_second) result.notes.emplace_back("no rate limit");
  for (const Condition& condition : local) {
    result.notes.push_back("the source can't be asked for " + condition.describe() +
                           ": all it has is read, and the condition applied here");
  }
  return result;
}

}  // namespace switchgear

#include "switchgear/connection/policy_memory.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "switchgear/base/log.hpp"
#include "switchgear/store/timestamps.hpp"

namespace switchgear {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

std::int64_t count_of(nanoseconds time) { return std::chrono::ceil<microseconds>(time).count(); }

microseconds time_of(const json& kept, const char* name) {
  constexpr microseconds longest = std::chrono::hours(24 * 366);
  return std::clamp(microseconds(kept.at(name).get<std::int64_t>()), microseconds(0), longest);
}

/// Of a wait that was left when it was kept: what is left of it now.
microseconds left_of(const json& kept, const char* name, microseconds passed) {
  return std::max(microseconds(0), time_of(kept, name) - passed);
}

GuardMemory memory_from(const json& kept, WallTime now) {
  // A clock that was moved far ahead ends every wait, and must not overflow.
  const std::int64_t then = std::clamp(kept.at("saved_at").get<std::int64_t>(), std::int64_t{0}, to_microseconds(now));
  const auto passed = std::min<microseconds>(microseconds(to_microseconds(now) - then), std::chrono::hours(24 * 366));
  GuardMemory memory;
  for (const json& each : kept.at("breakers")) {
    memory.breakers.push_back(
        {each.at("entity"), each.at("operation"), {each.at("opened_in_a_row"), left_of(each, "remaining_us", passed)}});
  }
  if (const auto rate = kept.find("rate"); rate != kept.end()) {
    RateMemory& learnt = memory.rate.emplace();
    learnt.per_second = rate->at("per_second");
    learnt.rate_at_throttle = rate->at("rate_at_throttle");
    learnt.measured = rate->at("measured");
    learnt.since_throttle = time_of(*rate, "since_throttle_us") + passed;
    learnt.blocked = left_of(*rate, "blocked_us", passed);
  }
  return memory;
}

}  // namespace

std::string policy_memory(const Guard& guard, const Clock& clock) {
  const GuardMemory memory = guard.memory();
  if (memory.breakers.empty() && !memory.rate) return "";
  json breakers = json::array();
  for (const GuardMemory::Breaker& each : memory.breakers) {
    breakers.push_back({{"entity", each.entity},
                        {"operation", each.operation},
                        {"opened_in_a_row", each.memory.opened_in_a_row},
                        {"remaining_us", count_of(each.memory.remaining)}});
  }
  json kept = {{"saved_at", to_microseconds(clock.wall())}, {"breakers", std::move(breakers)}};
  if (memory.rate) {
    kept["rate"] = {{"per_second", memory.rate->per_second},
                    {"rate_at_throttle", memory.rate->rate_at_throttle},
                    {"measured", memory.rate->measured},
                    {"since_throttle_us", count_of(memory.rate->since_throttle)},
                    {"blocked_us", count_of(memory.rate->blocked)}};
  }
  return kept.dump(-1, ' ', false, json::error_handler_t::replace);
}

void restore_policies(Guard& guard, const Clock& clock, std::string_view text) {
  if (text.empty()) return;
  try {
    guard.restore(memory_from(json::parse(text), clock.wall()));
  } catch (const json::exception& error) {
    log(LogLevel::warning, "policy", std::string("what breakers and limiter had learnt can't be read, and is left: ") + error.what());
  }
}

}  // namespace switchgear

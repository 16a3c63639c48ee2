#include <nlohmann/json.hpp>

#include "switchgear/webhook/sender.hpp"

namespace switchgear {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds first_pause{30};
constexpr hours whole_day{24};

std::vector<microseconds> doubling() {
  std::vector<microseconds> pauses;
  microseconds sum{0};
  for (microseconds pause = first_pause; sum < whole_day; pause *= 2) {
    // The next but one would be beyond the day: this one takes what is left of it.
    pauses.push_back(sum + pause > whole_day ? whole_day - sum : pause);
    sum += pauses.back();
  }
  return pauses;
}

}  // namespace

std::vector<microseconds> delivery_pauses(std::string_view schedule_json) {
  static const std::vector<microseconds> by_default = doubling();
  static const std::vector<microseconds> standard = {seconds(5), minutes(5), minutes(30), hours(2), hours(5),
                                                     hours(10),  hours(14),  hours(20),   hours(24)};
  const nlohmann::json schedule = nlohmann::json::parse(schedule_json, nullptr, false);
  if (schedule == "standard") return standard;
  if (!schedule.is_array()) return by_default;
  std::vector<microseconds> pauses;
  for (const auto& each : schedule) {
    if (each.is_number()) pauses.push_back(std::chrono::duration_cast<microseconds>(std::chrono::duration<double>(each.get<double>())));
  }
  return pauses;
}

std::optional<microseconds> next_pause(std::string_view schedule_json, std::int64_t attempts, double chance) {
  const auto pauses = delivery_pauses(schedule_json);
  if (attempts < 1 || attempts > static_cast<std::int64_t>(pauses.size())) return std::nullopt;
  const auto pause = static_cast<double>(pauses[static_cast<std::size_t>(attempts - 1)].count());
  return microseconds(static_cast<std::int64_t>(pause * (0.8 + 0.4 * chance)));
}

}  // namespace switchgear

#include "switchgear/base/clock.hpp"

#include <condition_variable>
#include <mutex>

namespace switchgear {

Clock& Clock::system() noexcept {
  static SystemClock clock;
  return clock;
}

bool SystemClock::sleep_for(std::chrono::nanoseconds duration, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

SteadyTime ManualClock::now() const noexcept { return SteadyTime(std::chrono::nanoseconds(elapsed_.load())); }

WallTime ManualClock::wall() const noexcept {
  const std::chrono::nanoseconds since_start(elapsed_.load() + wall_offset_.load());
  return wall_start_ + std::chrono::duration_cast<WallTime::duration>(since_start);
}

bool ManualClock::sleep_for(std::chrono::nanoseconds duration, std::stop_token stop) {
  if (stop.stop_requested()) return false;
  if (duration.count() > 0) {
    slept_ += duration.count();
    advance(duration);
  }
  return true;
}

void ManualClock::advance(std::chrono::nanoseconds duration) noexcept { elapsed_ += duration.count(); }

void ManualClock::step_wall(std::chrono::nanoseconds duration) noexcept { wall_offset_ += duration.count(); }

}  // namespace switchgear

// Time and sleeping behind one interface, so that tests never wait for real.
//
// Everything that looks at time takes a Clock. SystemClock is the real one; ManualClock moves only when told to, and a sleep on
// it advances it at once. All members may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stop_token>

namespace switchgear {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;

  /// Monotonic: for timeouts, windows and rates. A step of the wall clock does not change it.
  virtual SteadyTime now() const noexcept = 0;

  /// UTC: for what people and other systems read.
  virtual WallTime wall() const noexcept = 0;

  /// Returns true after `duration`, false as soon as `stop` is requested.
  virtual bool sleep_for(std::chrono::nanoseconds duration, std::stop_token stop = {}) = 0;

  /// The process-wide real clock.
  static Clock& system() noexcept;
};

class SystemClock final : public Clock {
 public:
  SteadyTime now() const noexcept override { return std::chrono::steady_clock::now(); }
  WallTime wall() const noexcept override { return std::chrono::system_clock::now(); }
  bool sleep_for(std::chrono::nanoseconds duration, std::stop_token stop = {}) override;
};

class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime(std::chrono::seconds(1'700'000'000))) : wall_start_(start) {}

  SteadyTime now() const noexcept override;
  WallTime wall() const noexcept override;
  bool sleep_for(std::chrono::nanoseconds duration, std::stop_token stop = {}) override;

  void advance(std::chrono::nanoseconds duration) noexcept;

  /// Moves the wall clock alone, as an administrator or NTP would.
  void step_wall(std::chrono::nanoseconds duration) noexcept;

  /// All time that was slept through so far.
  std::chrono::nanoseconds slept() const noexcept { return std::chrono::nanoseconds(slept_.load()); }

 private:
  WallTime wall_start_;
  // The steady time starts well above zero, so that "an hour ago" can be expressed.
  std::atomic<std::int64_t> elapsed_{1'000'000'000'000'000};
  std::atomic<std::int64_t> wall_offset_{-1'000'000'000'000'000};
  std::atomic<std::int64_t> slept_{0};
};

}  // namespace switchgear

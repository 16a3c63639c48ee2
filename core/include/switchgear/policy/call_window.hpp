// Counts of the last calls, or of the last seconds, in constant time and fixed memory. Not thread-safe: its owner locks.
#pragma once

#include <chrono>
#include <cstdint>
#include <variant>
#include <vector>

#include "switchgear/base/clock.hpp"

namespace switchgear {

struct CountWindow {
  std::uint32_t calls = 100;  ///< 1 to 1,000,000
};

/// Slices of one second; the running second is one of them.
struct TimeWindow {
  std::chrono::seconds length{60};  ///< 1 s to 24 h
};

struct WindowTotals {
  std::uint64_t calls = 0, failures = 0, slow = 0;

  void add(bool failed, bool was_slow) noexcept {
    ++calls;
    failures += failed ? 1U : 0U;
    slow += was_slow ? 1U : 0U;
  }
  void subtract(const WindowTotals& other) noexcept {
    calls -= other.calls;
    failures -= other.failures;
    slow -= other.slow;
  }
  double failure_rate() const noexcept { return calls == 0 ? 0 : static_cast<double>(failures) / static_cast<double>(calls); }
  double slow_rate() const noexcept { return calls == 0 ? 0 : static_cast<double>(slow) / static_cast<double>(calls); }
};

class CallWindow {
 public:
  explicit CallWindow(const std::variant<CountWindow, TimeWindow>& size);

  void add(bool failed, bool slow, SteadyTime now) noexcept;
  /// What has left the window by `now` is forgotten first.
  const WindowTotals& totals(SteadyTime now) noexcept;
  void clear() noexcept;

 private:
  void add_call(bool failed, bool slow) noexcept;
  void advance_to(std::int64_t second) noexcept;

  std::vector<std::uint8_t> ring_;    // of calls: bit 0 failed, bit 1 slow
  std::vector<WindowTotals> slices_;  // of seconds
  std::size_t next_ = 0;              // where the next call goes
  std::int64_t newest_second_ = 0;
  WindowTotals totals_;
};

}  // namespace switchgear

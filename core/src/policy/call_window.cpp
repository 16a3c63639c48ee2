#include "switchgear/policy/call_window.hpp"

#include <algorithm>

namespace switchgear {

CallWindow::CallWindow(const std::variant<CountWindow, TimeWindow>& size) {
  if (const auto* count = std::get_if<CountWindow>(&size)) {
    ring_.resize(count->calls);
  } else {
    slices_.resize(static_cast<std::size_t>(std::get<TimeWindow>(size).length.count()));
  }
}

void CallWindow::add(bool failed, bool slow, SteadyTime now) noexcept {
  if (slices_.empty()) return add_call(failed, slow);
  advance_to(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  slices_[static_cast<std::size_t>(newest_second_) % slices_.size()].add(failed, slow);
  totals_.add(failed, slow);
}

void CallWindow::add_call(bool failed, bool slow) noexcept {
  if (totals_.calls == ring_.size()) {
    const std::uint8_t oldest = ring_[next_];
    totals_.subtract({1, oldest & 1U, static_cast<std::uint64_t>(oldest >> 1U)});
  }
  ring_[next_] = static_cast<std::uint8_t>((failed ? 1U : 0U) | (slow ? 2U : 0U));
  if (++next_ == ring_.size()) next_ = 0;
  totals_.add(failed, slow);
}

const WindowTotals& CallWindow::totals(SteadyTime now) noexcept {
  if (!slices_.empty()) advance_to(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  return totals_;
}

void CallWindow::advance_to(std::int64_t second) noexcept {
  // A thread that read the clock earlier than the one before it falls into the newest slice.
  if (second <= newest_second_) return;
  const auto length = static_cast<std::int64_t>(slices_.size());
  for (std::int64_t s = std::max(newest_second_ + 1, second - length + 1); s <= second; ++s) {
    WindowTotals& slice = slices_[static_cast<std::size_t>(s) % slices_.size()];
    totals_.subtract(slice);
    slice = {};
  }
  newest_second_ = second;
}

void CallWindow::clear() noexcept {
  std::fill(slices_.begin(), slices_.end(), WindowTotals{});
  next_ = 0;
  totals_ = {};
}

}  // namespace switchgear

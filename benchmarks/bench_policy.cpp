// What the policies cost: ns above the clock reads they can't do without, allocations, and what is left of the rate with eight threads.
//
// usage: bench_policy [--targets FILE]     Each number is the median of nine rounds; the clock reads are measured in the same round.
// With --targets each goal and what was seen are appended to the file, in the form of targets.py.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "switchgear/policy/circuit_breaker.hpp"
#include "switchgear/policy/guard.hpp"
#include "switchgear/policy/rate_limiter.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace switchgear;
using namespace std::chrono_literals;

constexpr int rounds = 9;

std::FILE* targets = nullptr;

void record(const std::string& what, double seen, double limit, bool at_least) {
  if (targets == nullptr) return;
  std::fprintf(targets, "{\"what\": \"%s\", \"seen\": %.4f, \"limit\": %g, \"at_least\": %s}\n", what.c_str(), seen, limit,
               at_least ? "true" : "false");
}

constexpr int calls = 2'000'000;

template <class F>
double ns_per_call(int count, F&& work) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) work();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / count;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

struct Cost {
  double above_clock = 0, total = 0;
};

template <class F>
Cost measure(int clock_reads, F&& work) {
  Clock& clock = Clock::system();
  std::vector<double> above;
  std::vector<double> total;
  std::atomic<std::int64_t> sink{0};
  for (int round = 0; round < rounds; ++round) {
    const double clock_ns = ns_per_call(calls, [&] { sink.store(clock.now().time_since_epoch().count(), std::memory_order_relaxed); });
    total.push_back(ns_per_call(calls, work));
    above.push_back(total.back() - clock_reads * clock_ns);
  }
  return {median(above), median(total)};
}

template <class F>
double ns_with_threads(int count, F&& work) {
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (int t = 0; t < count; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < calls / count; ++i) work();
    });
  }
  for (auto& thread : threads) thread.join();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / calls;
}

void breaker(const char* name, CircuitBreakerOptions options) {
  CircuitBreaker breaker(std::move(options));
  const auto call = [&] {
    auto permit = breaker.acquire();
    permit->success();
  };
  call();
  const std::uint64_t before = allocations;
  const Cost cost = measure(2, call);
  // The rounds' own vectors allocate a few times; a call that allocated would do so millions of times.
  const bool allocates = allocations - before > 1000;
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) ratios.push_back(ns_with_threads(1, call) / ns_with_threads(8, call));
  std::printf("%-34s %6.1f ns above two clock reads (%.1f in all; goal 25), %s, 8 threads: %.2f of one thread's rate (goal 0.25)\n", name,
              cost.above_clock, cost.total, allocates ? "ALLOCATES" : "no allocation", median(ratios));
  record(name + std::string(": ns above two clock reads"), cost.above_clock, 25, false);
  record(name + std::string(": allocates (0 or 1)"), allocates ? 1 : 0, 0, false);
  record(name + std::string(": eight threads' rate, of one's"), median(ratios), 0.25, true);
}

void limiter() {
  RateLimiter limiter({.rate = Rate{1'000'000'000, 1s}, .burst = 1'000'000, .adaptive = false});
  const Cost cost = measure(1, [&] { limiter.try_acquire(); });
  std::printf("%-34s %6.1f ns above one clock read (%.1f in all; goal 20)\n", "GCRA try_acquire", cost.above_clock, cost.total);
  record("GCRA try_acquire: ns above one clock read", cost.above_clock, 20, false);
}

void guard() {
  Guard guard("bench");
  const GuardCall call{.entity = "WorkOrders", .operation = "read"};
  std::atomic<std::uint64_t> sent{0};
  const Cost cost = measure(0, [&] { guard.run(call, [&](Attempt&) { sent.fetch_add(1, std::memory_order_relaxed); }); });
  std::printf("%-34s %6.1f ns in all\n", "Guard::run, every policy on", cost.total);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--targets") targets = std::fopen(argv[2], "a");
  breaker("breaker, last 100 calls", {});
  CircuitBreakerOptions by_time;
  by_time.window = TimeWindow{60s};
  breaker("breaker, last 60 s", by_time);
  limiter();
  guard();
  if (targets != nullptr) std::fclose(targets);
}

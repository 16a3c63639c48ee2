#include "switchgear/policy/guard.hpp"

#include "option_check.hpp"

namespace switchgear {

using std::chrono::nanoseconds;

struct Guard::Permits {
  std::optional<Permit> connection, operation;

  void start() noexcept {
    if (connection) connection->start();
    if (operation) operation->start();
  }
  bool stale() const noexcept { return (connection && connection->stale()) || (operation && operation->stale()); }

  void end(const std::optional<Error>& error) noexcept {
    const std::optional<nanoseconds> retry_after = error ? wait_asked_for(*error) : std::nullopt;
    if (connection) connection->end(error ? judge(*error, BreakerScope::connection) : Outcome::success, {}, retry_after);
    if (operation) operation->end(error ? judge(*error, BreakerScope::operation) : Outcome::success, {}, retry_after);
  }
};

Guard::Guard(std::string name, GuardOptions options, Clock& clock, UniformRandom random)
    : name_(std::move(name)), options_(std::move(options)), clock_(clock) {
  if (options_.retry) retry_ = std::make_unique<Retry>(*options_.retry, std::move(random));
  if (options_.connection_breaker) {
    CircuitBreakerOptions named = *options_.connection_breaker;
    named.name = name_;
    connection_breaker_ = std::make_unique<CircuitBreaker>(std::move(named), clock_);
  }
  if (options_.operation_breaker) const CircuitBreaker refused_if_bad(*options_.operation_breaker, clock_);
  if (options_.rate_limiter) rate_limiter_ = std::make_unique<RateLimiter>(*options_.rate_limiter, clock_);
  if (options_.concurrency) concurrency_ = std::make_unique<ConcurrencyLimiter>(*options_.concurrency);
}

CircuitBreaker* Guard::operation_breaker(std::string_view entity, std::string_view operation) {
  if (!options_.operation_breaker) return nullptr;
  {
    const std::shared_lock lock(mutex_);
    const auto found = operation_breakers_.find(KeyView(entity, operation));
    if (found != operation_breakers_.end()) return found->second.get();
  }
  const std::unique_lock lock(mutex_);
  auto& breaker = operation_breakers_[Key(entity, operation)];
  if (!breaker) {
    CircuitBreakerOptions named = *options_.operation_breaker;
    named.name = name_ + "/" + std::string(entity) + "/" + std::string(operation);
    breaker = std::make_unique<CircuitBreaker>(std::move(named), clock_);
    for (const auto& listener : listeners_) breaker->on_event(listener);
  }
  return breaker.get();
}

void Guard::on_event(std::function<void(const BreakerEvent&)> listener) {
  const std::unique_lock lock(mutex_);
  if (connection_breaker_) connection_breaker_->on_event(listener);
  for (const auto& [key, breaker] : operation_breakers_) breaker->on_event(listener);
  listeners_.push_back(std::move(listener));
}

std::vector<BreakerStatus> Guard::breakers() const {
  std::vector<BreakerStatus> result;
  if (connection_breaker_) result.push_back({connection_breaker_->options().name, "", "", connection_breaker_->metrics()});
  const std::shared_lock lock(mutex_);
  for (const auto& [key, breaker] : operation_breakers_) {
    result.push_back({breaker->options().name, key.first, key.second, breaker->metrics()});
  }
  return result;
}

GuardMemory Guard::memory() const {
  GuardMemory memory;
  const auto keep = [&](const std::string& entity, const std::string& operation, const CircuitBreaker& breaker) {
    if (const auto open = breaker.memory()) memory.breakers.push_back({entity, operation, *open});
  };
  if (connection_breaker_) keep("", "", *connection_breaker_);
  if (rate_limiter_) memory.rate = rate_limiter_->memory();
  const std::shared_lock lock(mutex_);
  for (const auto& [key, breaker] : operation_breakers_) keep(key.first, key.second, *breaker);
  return memory;
}

void Guard::restore(const GuardMemory& memory) {
  for (const GuardMemory::Breaker& each : memory.breakers) {
    const bool of_connection = each.entity.empty() && each.operation.empty();
    CircuitBreaker* const breaker = of_connection ? connection_breaker_.get() : operation_breaker(each.entity, each.operation);
    if (breaker != nullptr) breaker->restore(each.memory);
  }
  if (rate_limiter_ && memory.rate) rate_limiter_->restore(*memory.rate);
}

// --------------------------------------------------------------------------------------------------------------------- one call

void Guard::count(const GuardCall& call, std::atomic<std::uint64_t> GuardCounters::* counter) noexcept {
  (counters_.*counter).fetch_add(1, std::memory_order_relaxed);
  if (call.counters != nullptr) (call.counters->*counter).fetch_add(1, std::memory_order_relaxed);
}

void Guard::count_wait(const GuardCall& call, nanoseconds waited) noexcept {
  if (waited.count() == 0) return;
  counters_.waited_ns.fetch_add(waited.count(), std::memory_order_relaxed);
  if (call.counters != nullptr) call.counters->waited_ns.fetch_add(waited.count(), std::memory_order_relaxed);
}

std::optional<Guard::Permits> Guard::acquire(CircuitBreaker* operation, std::optional<Error>& refusal) {
  Permits permits;
  if (connection_breaker_) {
    permits.connection = connection_breaker_->acquire_deferred();
    if (!permits.connection) return refusal = connection_breaker_->refusal(), std::nullopt;
  }
  if (operation != nullptr) {
    permits.operation = operation->acquire_deferred();
    if (!permits.operation) return refusal = operation->refusal(), std::nullopt;  // the other permit goes back by itself
  }
  return permits;
}

/// Tells the limiters what became of the attempt. Only what the source said about its load is held against it.
void Guard::feed_back(const std::optional<Error>& error, std::optional<ConcurrencyLimiter::Slot>& slot) {
  if (error && error->category == Category::cancelled) return;
  const bool throttled = error && error->category == Category::rate_limit;
  const bool dropped = throttled || (error && (error->category == Category::timeout || error->category == Category::unavailable));
  if (rate_limiter_ && throttled) rate_limiter_->throttle(wait_asked_for(*error));
  if (rate_limiter_ && !error) rate_limiter_->success();
  if (slot && dropped) slot->dropped();
  if (slot && !error) slot->success();
}

/// One attempt behind breakers and limiters. Returns what went wrong; `thrown` holds it if the attempt threw it.
std::optional<Error> Guard::try_once(const GuardCall& call, CircuitBreaker* operation, Attempt& current,
                                     const std::function<void(Attempt&)>& attempt, std::exception_ptr& thrown) {
  std::optional<Error> refusal;
  std::optional<Permits> permits = acquire(operation, refusal);
  if (!permits) return refusal;
  if (rate_limiter_) count_wait(call, rate_limiter_->acquire(call.stop));
  std::optional<ConcurrencyLimiter::Slot> slot;
  if (concurrency_) slot = concurrency_->try_acquire();
  if (concurrency_ && !slot) {
    const SteadyTime start = clock_.now();
    slot.emplace(concurrency_->acquire(call.stop));
    count_wait(call, clock_.now() - start);
  }
  if (permits->stale()) {  // a breaker has opened while this one waited in line
    permits.reset();
    permits = acquire(operation, refusal);
    if (!permits) return refusal;
  }
  count(call, &GuardCounters::attempts);
  permits->start();
  try {
    attempt(current);
  } catch (const Error& error) {
    current.error = error;
    thrown = std::current_exception();
  }  // anything else is no word of the source: permits and slot go back uncounted
  permits->end(current.error);
  feed_back(current.error, slot);
  return current.error;
}

void Guard::wait_between(const GuardCall& call, nanoseconds delay) {
  if (!clock_.sleep_for(delay, call.stop)) throw Error(Category::cancelled, "cancelled while waiting for the next attempt");
  count_wait(call, delay);
}

void Guard::execute(const GuardCall& call, const std::function<void(Attempt&)>& attempt) {
  CircuitBreaker* const operation = operation_breaker(call.entity, call.operation);
  std::optional<RetryRun> run = retry_ ? std::optional(retry_->start()) : std::nullopt;
  bool renewed_auth = false;
  bool renewed_csrf = false;
  std::exception_ptr thrown;
  for (std::uint32_t number = 1;; ++number) {
    if (call.stop.stop_requested()) throw Error(Category::cancelled, "cancelled before it was sent");
    Attempt current{number, renewed_auth, std::nullopt};
    std::exception_ptr thrown_now;
    const std::optional<Error> error = try_once(call, operation, current, attempt, thrown_now);
    if (!error) {
      if (run) run->success();
      return;
    }
    if (error->category == Category::circuit_open && !thrown_now && !current.error) {
      count(call, &GuardCounters::refused);
      // After an attempt, what it met says more than that the breaker has opened meanwhile.
      if (number == 1) throw *error;
      if (thrown) std::rethrow_exception(thrown);
      return;
    }
    thrown = thrown_now;
    bool& renewed = error->category == Category::csrf ? renewed_csrf : renewed_auth;
    if (is_renewable(*error) && !renewed && call.renew && call.renew(*error)) {
      renewed = true;
      count(call, &GuardCounters::renewals);
      continue;
    }
    const std::optional<nanoseconds> delay = run ? run->next(*error, call.subject) : std::nullopt;
    if (!delay) {
      if (thrown) std::rethrow_exception(thrown);
      return;
    }
    count(call, &GuardCounters::retries);
    wait_between(call, *delay);
  }
}

// --------------------------------------------------------------------------------------------------------------------- explaining

namespace {

std::string describe(const CircuitBreakerOptions& options) {
  const auto* count = std::get_if<CountWindow>(&options.window);
  std::string text = "opens at " + number_text(options.failure_rate * 100) + " % failures or " + number_text(options.slow_rate * 100) +
                     " % calls slower than " + seconds_text(options.slow_call) + " in the last ";
  text += count != nullptr ? std::to_string(count->calls) + " calls"
                           : std::to_string(std::get<TimeWindow>(options.window).length.count()) + " s";
  text += " (at least " + std::to_string(options.min_calls) + "), for ";
  if (options.open_for.function) {
    text += "a time of its own function";
  } else {
    text += seconds_text(options.open_for.initial);
    if (options.open_for.factor > 1)
      text += ", x" + number_text(options.open_for.factor) + " each time up to " + seconds_text(options.open_for.cap);
  }
  return text + ", then " + std::to_string(options.half_open_calls) + " probes of at most " + seconds_text(options.half_open_max_wait);
}

std::string describe(const RetryOptions& options) {
  return "up to " + std::to_string(options.attempts) + " attempts, full jitter up to " + seconds_text(options.base) + " doubling to " +
         seconds_text(options.cap) + " or as Retry-After says; quota " + std::to_string(options.quota) + " (a retry costs " +
         std::to_string(options.retry_cost) + ", after a timeout " + std::to_string(options.timeout_cost) + ")";
}

std::string describe(const RateLimiterOptions& options) {
  std::string text = "no limit";
  if (options.rate) {
    text = std::to_string(options.rate->count) + " requests in " + seconds_text(options.rate->period) + ", burst " +
           std::to_string(options.burst);
  }
  return text + (options.adaptive ? ", slows down when the source throttles" : "");
}

std::string describe(const ConcurrencyLimiterOptions& options) {
  return std::to_string(options.initial) + " requests at once, adapting from " + std::to_string(options.least) + " to " +
         std::to_string(options.most);
}

template <class Options>
std::string describe(const std::optional<Options>& options) {
  return options ? describe(*options) : std::string("off");
}

}  // namespace

std::string Guard::explain() const {
  return "retry( breaker( rate limiter( concurrency limiter( attempt ))))\n"
         "1 retry: " +
         describe(options_.retry) + "\n" + "2 circuit breaker of the connection: " + describe(options_.connection_breaker) +
         "; counts offline, connect timeouts and 503\n" +
         "  circuit breaker of each (entity, operation): " + describe(options_.operation_breaker) +
         "; counts server errors and read timeouts, too\n" + "3 rate limiter: " + describe(options_.rate_limiter) + "\n" +
         "4 concurrency limiter: " + describe(options_.concurrency) + "\n" +
         "5 attempt: timed alone; waiting for 3 and 4 is no slow call\n";
}

}  // namespace switchgear

#include "batch_run.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"
#include "switchgear/store/jobs.hpp"

namespace switchgear::queue_detail {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr microseconds longest_delay = std::chrono::minutes(5);
constexpr microseconds until_somebody_acts = std::chrono::minutes(1);

/// The source, or the way to it, and not the record.
bool concerns_source(const Error& error) noexcept {
  switch (error.category) {
    case Category::offline:
    case Category::timeout:
    case Category::rate_limit:
    case Category::circuit_open:
    case Category::unavailable:
    case Category::auth_expired:
    case Category::auth_invalid:
    case Category::csrf:
    case Category::cancelled:
      return true;
    default:
      return error.retryable;
  }
}

bool needs_somebody(const Error& error) noexcept {
  return error.category == Category::auth_expired || error.category == Category::auth_invalid || error.category == Category::config ||
         error.category == Category::plugin || (error.category == Category::circuit_open && !error.retry_after);
}

/// Whether the batch itself may be what is wrong. A source that is away for a night must not use up the attempts.
bool counts_as_attempt(const Error& error) noexcept {
  if (needs_somebody(error)) return false;
  switch (error.category) {
    case Category::circuit_open:
    case Category::rate_limit:
    case Category::cancelled:
      return false;
    case Category::offline:
      return !error.nothing_sent;
    default:
      return true;
  }
}

microseconds delay_after(const Error& error, std::int64_t attempt) {
  if (error.category == Category::cancelled) return microseconds(0);
  if (error.retry_after) return std::min<microseconds>(*error.retry_after, longest_delay);
  if (needs_somebody(error)) return until_somebody_acts;
  return std::min<microseconds>(seconds(1LL << std::clamp<std::int64_t>(attempt - 1, 0, 8)), longest_delay);
}

}  // namespace

BatchEnd BatchRun::run(std::shared_ptr<Connection> connection) noexcept {
  try {
    Clock& clock = connection->clock();
    try {
      options_ = JobOptions::parse(batch_.options_json);
      write(std::move(connection));
    } catch (const Error& error) {
      concerns_source(error) ? keep_pending(error, batch_.maybe_sent) : fail_all(error);
    }
    if (abandoned_) return {};
    pace(clock);
    return enter();
  } catch (const std::exception& problem) {
    log(LogLevel::error, batch_.connection_id,
        "batch " + std::to_string(batch_.id) + " of job " + batch_.job_id + " is left to another attempt: " + problem.what());
  }
  return {};
}

BatchEnd BatchRun::postpone(const Error& why) noexcept {
  try {
    keep_pending(why, batch_.maybe_sent);
    counts_ = false;
    return enter();
  } catch (const std::exception& problem) {
    log(LogLevel::error, batch_.connection_id,
        "batch " + std::to_string(batch_.id) + " of job " + batch_.job_id + " could not be given back: " + problem.what());
  }
  return {};
}

void BatchRun::write(std::shared_ptr<Connection> connection) {
  WriteOptions options;
  options.entity = batch_.entity;
  options.op = batch_.op;
  options.job_id = batch_.job_id;
  options.batch_size = std::max<std::size_t>(batch_.records.size(), 1);  // the submitter has cut it
  options.delay = options_.delay;
  options.atomic = options_.atomic;
  options.max_record_bytes = options_.max_record_bytes;
  BatchWriter writer(std::move(connection), options, [this](WrittenRecord record) { take(std::move(record)); }, true, stop_.get_token());
  const std::stop_callback cancel(stop_.get_token(), [&writer] { writer.cancel(); });
  for (const JobRecord& record : batch_.records) writer.add({record.json, record.index, batch_.maybe_sent});
  writer.finish();
}

void BatchRun::take(WrittenRecord&& record) {
  const std::lock_guard lock(mutex_);
  const bool again = record.state == RecordState::skipped || record.state == RecordState::unknown ||
                     (record.state == RecordState::failed && record.error && concerns_source(*record.error));
  if (!again) {
    if (record.error && !first_failure_) first_failure_ = record.error;
    decided_.push_back({record.index, record.error ? because_of(*record.error, record.state) : RecordOutcome{record.state}});
    return;
  }
  const Error why = record.error.value_or(Error(Category::internal, "lost", "the record has no outcome"));
  maybe_sent_ = maybe_sent_ || record.state == RecordState::unknown;
  if (record.state == RecordState::skipped && why_pending_) return;  // because of another one, which tells more
  if (!why_pending_ || why_pending_->detail == "stopped") why_pending_ = why;
  if (record.state != RecordState::skipped) counts_ = counts_ || counts_as_attempt(why);
}

void BatchRun::fail_all(const Error& error) {
  const std::lock_guard lock(mutex_);
  for (const JobRecord& record : batch_.records) {
    const auto same = [&](const RecordResult& result) { return result.index == record.index; };
    if (std::none_of(decided_.begin(), decided_.end(), same))
      decided_.push_back({record.index, because_of(error, batch_.maybe_sent ? RecordState::unknown : RecordState::failed)});
  }
  first_failure_ = error;
}

void BatchRun::keep_pending(const Error& error, bool maybe_sent) {
  const std::lock_guard lock(mutex_);
  why_pending_ = error;
  maybe_sent_ = maybe_sent_ || maybe_sent;
  counts_ = counts_as_attempt(error);
}

/// Outcomes are entered first, so that they are known should the process die in its sleep.
void BatchRun::pace(Clock& clock) {
  if (options_.delay.count() == 0 || decided_.empty()) return;
  claims_.record(batch_, decided_);
  recorded_ = true;
  clock.sleep_for(options_.delay, stop_.get_token());
}

bool BatchRun::stops_job() const {
  if (!first_failure_) return false;
  const OnError& rule = options_.on_error;
  if (rule.kind != OnError::Kind::threshold) return rule.kind == OnError::Kind::stop;
  JobCounts counts = JobStore(store_).get(batch_.job_id).counts;
  for (const RecordResult& result : decided_) {
    if (recorded_) break;
    counts.ok += result.outcome.state == RecordState::ok ? 1 : 0;
    counts.failed += result.outcome.state == RecordState::failed ? 1 : 0;
  }
  // The share of the first few says nothing: that of a whole batch does.
  const auto decided = std::max<std::int64_t>(counts.records - counts.pending(), static_cast<std::int64_t>(batch_.records.size()));
  return static_cast<double>(counts.failed) > rule.share * static_cast<double>(decided);
}

BatchEnd BatchRun::enter() {
  if (abandoned_) return {};
  const std::lock_guard lock(mutex_);
  if (stops_job()) claims_.stop_job(batch_, *first_failure_);
  if (!why_pending_) {
    claims_.complete(batch_, decided_);
    return entered(false);
  }
  GiveBack how;
  how.delay = delay_after(*why_pending_, batch_.attempt);
  how.maybe_sent = maybe_sent_ || batch_.maybe_sent;
  how.counts = counts_;
  how.reason = why_pending_;
  claims_.give_back(batch_, decided_, how);
  return entered(true);
}

BatchEnd BatchRun::entered(bool given_back) const {
  BatchEnd end;
  end.entered = true;
  end.given_back = given_back;
  for (const RecordResult& result : decided_) {
    end.ok += result.outcome.state == RecordState::ok ? 1 : 0;
    end.failed += result.outcome.state == RecordState::failed ? 1 : 0;
  }
  return end;
}

}  // namespace switchgear::queue_detail

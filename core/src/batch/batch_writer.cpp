#include "switchgear/batch/batch_writer.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "batch_sender.hpp"

namespace switchgear {
namespace {

/// Letters that no other job has.
std::string random_job_id() {
  const UniformRandom random = system_random();
  std::string id;
  for (int i = 0; i < 26; ++i) id += static_cast<char>('a' + static_cast<int>(random() * 26));
  return id;
}

WriteOptions checked(WriteOptions options) {
  const auto refuse = [](const char* what, const char* hint) { throw Error(Category::config, "write", what).with_hint(hint); };
  if (options.batch_size < 1 || options.batch_size > most_records_in_batch)
    refuse("batch_size is not from 1 to 10,000", "100 suits most sources");
  if (options.parallel < 1 || options.parallel > 64) refuse("parallel is not from 1 to 64", "a few are enough for most sources");
  if (options.delay.count() < 0) refuse("delay is negative", "give seconds from 0 on");
  if (options.attempts < 1) refuse("attempts is 0", "1 is the first one");
  if (options.job_id.empty()) options.job_id = random_job_id();
  return options;
}

RecordRules rules_of(const EntityInfo& entity, const WriteOptions& options) {
  RecordRules rules;
  rules.key = entity.key;
  for (const Field& field : entity.schema.fields) rules.fields.push_back(field.name);
  rules.key_needed = options.op != "create";
  rules.max_bytes = options.max_record_bytes;
  return rules;
}

}  // namespace

class BatchWriter::Impl {
 public:
  Impl(std::shared_ptr<Connection> connection, WriteOptions options, OutcomeSink sink, bool report_ok, std::stop_token stop)
      : connection_(std::move(connection)),
        options_(checked(std::move(options))),
        sink_(std::move(sink)),
        report_ok_(report_ok),
        entity_(connection_->entity(options_.entity, stop)),
        inspector_(rules_of(entity_, options_)) {
    check_offered();
  }

  ~Impl() {
    cancel();
    finish();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  bool add(WriteInput record) {
    BatchItem item;
    item.index = next_index(record);
    InspectedRecord found = inspector_.inspect(record.json);
    item.key = std::move(found.key);
    item.key_values = std::move(found.key_values);
    item.json = std::move(record.json);
    item.in_doubt = record.maybe_sent;
    if (found.problem) {
      settle(std::move(item), RecordState::failed, std::move(found.problem));
      return !stopped();
    }
    if (options_.dry_run) {
      settle(std::move(item), RecordState::ok, std::nullopt);
      return !stopped();
    }
    const SteadyTime now = connection_->clock().now();
    const bool full = open_.items.size() == options_.batch_size || open_.bytes + item.json.size() > options_.max_batch_bytes;
    const bool old = options_.max_age && now - open_.began > *options_.max_age;
    if (!open_.items.empty() && (full || old || open_.keys.count(item.key) != 0)) cut();
    if (open_.items.empty()) open_.began = now;
    open_.bytes += item.json.size();
    if (!item.key.empty()) open_.keys.insert(item.key);
    open_.items.push_back(std::move(item));
    if (open_.items.size() == options_.batch_size) cut();
    return !stopped();
  }

  bool add_failed(WriteInput record, Error error) {
    BatchItem item;
    item.index = next_index(record);
    item.json = std::move(record.json);
    settle(std::move(item), RecordState::failed, std::move(error));
    return !stopped();
  }

  WriteCounts finish() {
    cut();
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    threads_.clear();  // joins
    return counts();
  }

  void cancel() {
    stop_all(Error(Category::cancelled, "cancelled by the caller"));
    stop_.request_stop();
  }

  WriteCounts counts() const {
    const std::lock_guard lock(outcome_mutex_);
    return counts_;
  }

 private:
  struct Batch {
    std::vector<BatchItem> items;
    std::unordered_set<std::string> keys;
    std::size_t bytes = 0;
    SteadyTime began;
  };

  std::int64_t next_index(const WriteInput& record) {
    const std::int64_t index = record.index.value_or(next_index_);
    next_index_ = index + 1;
    return index;
  }

  void check_offered() const {
    const auto refuse = [&](const std::string& what, const char* hint) {
      Error error = Error(Category::unsupported, "operation", what).with_hint(hint);
      error.connection_id = connection_->id();
      error.entity = options_.entity;
      throw error;
    };
    if (!connection_->plugin().offers("write_batch"))
      refuse("connector '" + connection_->manifest().name + "' can't write", "it only reads");
    if (entity_.supports(options_.op)) return;
    std::string listed;
    for (const std::string& op : entity_.ops) listed.append(listed.empty() ? "" : ", ").append(op);
    refuse("'" + options_.entity + "' takes no '" + options_.op + "' (it takes: " + (listed.empty() ? "nothing" : listed) + ")",
           "choose one of the operations that the entity lists");
  }

  bool stopped() const {
    const std::lock_guard lock(outcome_mutex_);
    return stop_reason_.has_value();
  }

  void stop_all(const Error& reason) {
    {
      const std::lock_guard lock(outcome_mutex_);
      if (!stop_reason_) stop_reason_ = reason;
    }
    changed_.notify_all();
  }

  std::optional<Error> skip_reason() const {
    const std::lock_guard lock(outcome_mutex_);
    if (!stop_reason_) return std::nullopt;
    return Error(Category::cancelled, "stopped", "not sent, because the writing had stopped: " + stop_reason_->message)
        .with_hint(stop_reason_->hint)
        .with_retry(true);
  }

  void settle(BatchItem&& item, RecordState state, std::optional<Error> error) {
    const std::lock_guard lock(outcome_mutex_);
    if (state == RecordState::ok) ++counts_.ok;
    if (state == RecordState::failed) ++counts_.failed;
    if (state == RecordState::unknown) ++counts_.unknown;
    if (state == RecordState::skipped) ++counts_.skipped;
    if (error && state == RecordState::failed && !stop_reason_ && too_many_failed()) stop_reason_ = *error;
    if (sink_ && (report_ok_ || state != RecordState::ok))
      sink_({item.index, std::move(item.key), std::move(item.json), state, std::move(error)});
  }

  bool too_many_failed() const {
    if (options_.on_error.kind == OnError::Kind::stop) return true;
    if (options_.on_error.kind != OnError::Kind::threshold) return false;
    // The share of the first few says nothing: that of a whole batch does.
    const auto decided = std::max<std::int64_t>(counts_.records(), static_cast<std::int64_t>(options_.batch_size));
    return static_cast<double>(counts_.failed) > options_.on_error.share * static_cast<double>(decided);
  }

  /// Hands the open batch to the threads; waits while as many batches wait as there are threads.
  void cut() {
    if (open_.items.empty()) return;
    if (threads_.size() < options_.parallel) threads_.emplace_back([this] { work(); });
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return queue_.size() < options_.parallel || stopped(); });
    queue_.push_back(std::exchange(open_, {}));
    lock.unlock();
    changed_.notify_all();
  }

  bool is_free(const Batch& batch) const {
    return std::none_of(batch.keys.begin(), batch.keys.end(), [this](const std::string& key) { return in_flight_.count(key) != 0; });
  }

  /// The next batch of which no key is in flight; nothing at the end. Only the first one may go, so that keys keep their order.
  std::optional<Batch> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return queue_.empty() ? closed_ : is_free(queue_.front()); });
    if (queue_.empty()) return std::nullopt;
    Batch batch = std::move(queue_.front());
    queue_.pop_front();
    in_flight_.insert(batch.keys.begin(), batch.keys.end());
    lock.unlock();
    room_.notify_one();
    return batch;
  }

  void done(const Batch& batch) {
    {
      const std::lock_guard lock(mutex_);
      for (const std::string& key : batch.keys) in_flight_.erase(key);
    }
    changed_.notify_all();
  }

  void work() {
    BatchSender sender(
        connection_, entity_, options_,
        {[this](BatchItem&& item, RecordState state, std::optional<Error> error) { settle(std::move(item), state, std::move(error)); },
         [this] { return skip_reason(); },
         [this](const Error& error) {
           stop_all(error);
           room_.notify_all();
         },
         [this] {
           const std::lock_guard lock(outcome_mutex_);
           ++counts_.batches;
         }},
        stop_.get_token());
    while (std::optional<Batch> batch = next()) {
      sender.write(std::move(batch->items));
      done(*batch);
      room_.notify_all();
      if (options_.delay.count() > 0 && !stopped()) connection_->clock().sleep_for(options_.delay, stop_.get_token());
    }
  }

  std::shared_ptr<Connection> connection_;
  const WriteOptions options_;
  const OutcomeSink sink_;
  const bool report_ok_;
  const EntityInfo entity_;
  RecordInspector inspector_;
  std::int64_t next_index_ = 0;
  Batch open_;

  mutable std::mutex outcome_mutex_;
  WriteCounts counts_;
  std::optional<Error> stop_reason_;

  std::mutex mutex_;
  std::condition_variable changed_, room_;
  std::deque<Batch> queue_;
  std::unordered_set<std::string> in_flight_;
  bool closed_ = false;
  std::stop_source stop_;
  std::vector<std::jthread> threads_;  // last: they use the others
};

BatchWriter::BatchWriter(std::shared_ptr<Connection> connection, WriteOptions options, OutcomeSink sink, bool report_ok,
                         std::stop_token stop)
    : impl_(std::make_unique<Impl>(std::move(connection), std::move(options), std::move(sink), report_ok, std::move(stop))) {}
BatchWriter::~BatchWriter() = default;

bool BatchWriter::add(WriteInput record) { return impl_->add(std::move(record)); }
bool BatchWriter::add_failed(WriteInput record, Error error) { return impl_->add_failed(std::move(record), std::move(error)); }
WriteCounts BatchWriter::finish() { return impl_->finish(); }
void BatchWriter::cancel() { impl_->cancel(); }
WriteCounts BatchWriter::counts() const { return impl_->counts(); }

}  // namespace switchgear

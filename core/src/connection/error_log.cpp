#include "switchgear/connection/error_log.hpp"

#include <algorithm>

namespace switchgear {
namespace {

constexpr std::size_t longest_text = 2000;

/// A source may answer with a novel, and what is kept for long must stay small.
void shorten(std::string& text) {
  if (text.size() <= longest_text) return;
  std::size_t end = longest_text;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
  text.resize(end);
  text += "…";
}

}  // namespace

OperationRecord& ErrorLog::operation(std::string_view entity, std::string_view operation) {
  std::pair<std::string, std::string> key(entity, operation);
  {
    const std::shared_lock lock(operations_mutex_);
    const auto found = operations_.find(key);
    if (found != operations_.end()) return *found->second;
  }
  const std::unique_lock lock(operations_mutex_);
  auto& record = operations_[std::move(key)];
  if (!record) record = std::make_unique<OperationRecord>(std::string(entity), std::string(operation));
  return *record;
}

void ErrorLog::add(const OperationRecord& operation, const Error& error, bool recovered) {
  const WallTime now = clock_.wall();
  Key key{operation.entity(), operation.operation(), error.code()};
  const std::lock_guard lock(mutex_);
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    make_room();
    found = entries_.emplace(std::move(key), Entry{LoggedError{operation.operation(), error, 0, 0, now, now, {}}, 0}).first;
  }
  Entry& entry = found->second;
  entry.turn = ++turn_;
  LoggedError& logged = entry.logged;
  logged.error = error;
  logged.error.entity = operation.entity();
  shorten(logged.error.message);
  shorten(logged.error.hint);
  logged.last_seen = now;
  logged.first_seen = std::min(logged.first_seen, now);  // a clock that was set back must not make it end before it began
  ++logged.count;
  if (recovered) ++logged.recovered;
}

void ErrorLog::make_room() {
  if (entries_.size() < most_entries_) return;
  const auto oldest =
      std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.second.turn < b.second.turn; });
  if (oldest == entries_.end()) return;
  entries_.erase(oldest);
  ++forgotten_;
}

void ErrorLog::restore(const LoggedError& entry) {
  if (entry.last_success) restore(OperationSuccess{entry.error.entity, entry.operation, *entry.last_success});
  Key key{entry.error.entity, entry.operation, entry.error.code()};
  const std::lock_guard lock(mutex_);
  if (entries_.contains(key) || entries_.size() >= most_entries_) return;
  Entry& kept = entries_.emplace(std::move(key), Entry{entry, 0}).first->second;
  kept.logged.last_success.reset();
  shorten(kept.logged.error.message);
  shorten(kept.logged.error.hint);
}

void ErrorLog::restore(const OperationSuccess& success) {
  OperationRecord& record = operation(success.entity, success.operation);
  if (!record.last_success()) record.succeeded(success.last_success);
}

std::optional<WallTime> ErrorLog::last_success(const std::string& entity, const std::string& operation) const {
  const std::shared_lock lock(operations_mutex_);
  const auto found = operations_.find({entity, operation});
  return found == operations_.end() ? std::nullopt : found->second->last_success();
}

std::vector<LoggedError> ErrorLog::entries() const {
  std::vector<std::pair<std::uint64_t, LoggedError>> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, entry] : entries_) found.emplace_back(entry.turn, entry.logged);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second.last_seen > b.second.last_seen;
  });
  std::vector<LoggedError> result;
  result.reserve(found.size());
  for (auto& [turn, logged] : found) {
    logged.last_success = last_success(logged.error.entity, logged.operation);
    result.push_back(std::move(logged));
  }
  return result;
}

std::vector<OperationSuccess> ErrorLog::successes() const {
  std::vector<OperationSuccess> result;
  const std::shared_lock lock(operations_mutex_);
  for (const auto& [key, record] : operations_) {
    if (const auto last = record->last_success()) result.push_back({record->entity(), record->operation(), *last});
  }
  return result;
}

std::uint64_t ErrorLog::forgotten() const {
  const std::lock_guard lock(mutex_);
  return forgotten_;
}

}  // namespace switchgear

// What went wrong on a connection lately: one entry for each (entity, operation, code), with how often, since when, and the last words.
//
// Bounded and in memory: when it is full, what was seen least recently makes room. Beside the errors it keeps for each operation on each
// entity when it last succeeded, so that "worked until ..." can be said. A success costs two relaxed stores: an OperationRecord is looked
// up once for many calls, and takes no lock. Any thread. Throws nothing but std::bad_alloc.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {

struct LoggedError {
  std::string operation;
  Error error;                  ///< the last one: its message, hint, request id, connection and entity
  std::uint64_t count = 0;      ///< calls that met it
  std::uint64_t recovered = 0;  ///< of these: what a retry or a renewal got over
  WallTime first_seen, last_seen;
  std::optional<WallTime> last_success;  ///< of this operation on this entity, whenever it was

  /// It was not got over, and nothing has succeeded since.
  bool stands() const noexcept { return count > recovered && (!last_success || *last_success < last_seen); }
};

/// One operation on one entity of a connection; lives as long as the log that gave it out.
class OperationRecord {
 public:
  OperationRecord(std::string entity, std::string operation) : entity_(std::move(entity)), operation_(std::move(operation)) {}

  const std::string& entity() const noexcept { return entity_; }
  const std::string& operation() const noexcept { return operation_; }

  void succeeded(WallTime now) noexcept { last_success_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
  std::optional<WallTime> last_success() const noexcept {
    const auto ticks = last_success_.load(std::memory_order_relaxed);
    return ticks == 0 ? std::nullopt : std::optional(WallTime(WallTime::duration(ticks)));
  }

  /// Its last call failed by the source's doing: kept by the StatusTracker.
  std::atomic<bool> failing{false};

 private:
  const std::string entity_, operation_;
  std::atomic<WallTime::rep> last_success_{0};
};

struct OperationSuccess {
  std::string entity, operation;
  WallTime last_success;
};

class ErrorLog {
 public:
  explicit ErrorLog(Clock& clock = Clock::system(), std::size_t most_entries = 200) : clock_(clock), most_entries_(most_entries) {}
  ErrorLog(const ErrorLog&) = delete;
  ErrorLog& operator=(const ErrorLog&) = delete;

  OperationRecord& operation(std::string_view entity, std::string_view operation);

  /// `recovered`: the call went on after it.
  void add(const OperationRecord& operation, const Error& error, bool recovered = false);

  /// As they were kept elsewhere: an earlier process, a store. Entries that are here already win.
  void restore(const LoggedError& entry);
  void restore(const OperationSuccess& success);

  /// The one seen last comes first.
  std::vector<LoggedError> entries() const;
  std::vector<OperationSuccess> successes() const;

  /// Entries that had to make room.
  std::uint64_t forgotten() const;

 private:
  struct Key {
    std::string entity, operation, code;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    LoggedError logged;
    std::uint64_t turn = 0;  // when it was seen last, in an order that no clock can upset
  };

  void make_room();
  std::optional<WallTime> last_success(const std::string& entity, const std::string& operation) const;

  Clock& clock_;
  const std::size_t most_entries_;

  mutable std::shared_mutex operations_mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<OperationRecord>> operations_;

  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;
  std::uint64_t turn_ = 0;
  std::uint64_t forgotten_ = 0;
};

}  // namespace switchgear

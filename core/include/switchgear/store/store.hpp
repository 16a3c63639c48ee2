// The store: the database with all state, its tables brought to this version, and the way to write to it.
//
// Opened once for each process and shared by the classes for each group of tables (connections.hpp, secrets.hpp, leases.hpp, jobs.hpp),
// which it must outlive. Any thread may use it; several processes may open the same store. It does not survive a fork: Error(unsupported,
// "fork"). Throws what Database and migrate() throw.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/process_stamp.hpp"
#include "switchgear/store/database.hpp"
#include "switchgear/store/timestamps.hpp"

namespace switchgear {

namespace store_detail {
class GroupCommit;
}

class Store {
 public:
  explicit Store(std::string_view url, DatabaseOptions options = {}, Clock& clock = Clock::system());
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  /// Runs `work(session)` in a transaction and returns its result once that is on disk; what `work` throws undoes what it did.
  /// `work` may run on another thread that writes at the same time, whose transaction it shares, and again after a collision; it must not
  /// begin a transaction nor call write() itself.
  template <class Work>
  auto write(Work&& work) {
    using Result = std::invoke_result_t<Work&, DatabaseSession&>;
    if constexpr (std::is_void_v<Result>) {
      run_in_transaction([&](DatabaseSession& session) { work(session); });
    } else {
      std::optional<Result> result;
      run_in_transaction([&](DatabaseSession& session) { result.emplace(work(session)); });
      return std::move(*result);
    }
  }

  /// A session for reading. Keep it short: it is one of few.
  DatabaseSession read();

  Database& database() noexcept { return database_; }
  DatabaseKind kind() const noexcept { return database_.kind(); }
  const std::string& display() const noexcept { return database_.display(); }
  Clock& clock() const noexcept { return clock_; }

  /// The injected wall clock's time, as the tables have it.
  std::int64_t now() const noexcept { return to_microseconds(clock_.wall()); }

 private:
  void run_in_transaction(const std::function<void(DatabaseSession&)>& work);

  ProcessStamp process_;
  Clock& clock_;
  Database database_;
  std::unique_ptr<store_detail::GroupCommit> commit_;
};

}  // namespace switchgear

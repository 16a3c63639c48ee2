// Sends one batch after another by a session of its own until the fate of each record is known: halves what is refused whole, and finds out
// about lost replies. Belongs to one thread; what it finds goes to `settle`. Private to batch/.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "switchgear/batch/outcome.hpp"
#include "switchgear/connection/call_services.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/data/record_text.hpp"

namespace switchgear {

struct BatchItem {
  std::int64_t index = 0;
  std::string key;
  std::vector<std::string> key_values;
  std::string json;
  bool in_doubt = false;  ///< it may be written already
};

class BatchSender {
 public:
  struct Hooks {
    std::function<void(BatchItem&&, RecordState, std::optional<Error>)> settle;
    std::function<std::optional<Error>()> stopped;  ///< why nothing more is to be sent
    std::function<void(const Error&)> stop_all;     ///< nothing else will fare better
    std::function<void()> sent;                     ///< a batch goes out
  };

  BatchSender(std::shared_ptr<Connection> connection, const EntityInfo& entity, const WriteOptions& options, Hooks hooks,
              std::stop_token stop);

  void write(std::vector<BatchItem> items);

 private:
  using Items = std::vector<BatchItem>;

  void send(Items items, std::uint32_t attempt);
  void judge_whole(Items items, const Error& error, std::uint32_t attempt);
  void judge_each(Items items, std::vector<WriteOutcome> outcomes, std::uint32_t attempt);
  void halve(Items items, std::uint32_t attempt);
  void look_again(Items items, const Error& error, std::uint32_t attempt);
  bool wait(const Error& error, std::uint32_t attempt);
  /// Sending a record twice writes it once: by what the operation is, or by the idempotency key that the source honours.
  bool is_repeatable() const;
  /// Settles those that the source has, and leaves the others in `items`. False: the source can't tell.
  bool read_back(Items& items);
  std::set<std::string> keys_there(const Items& items, std::size_t first, std::size_t last);
  std::vector<WriteOutcome> call(const Items& items);
  void settle_all(Items items, RecordState state, const Error& error);

  std::shared_ptr<Connection> connection_;
  const EntityInfo& entity_;
  const WriteOptions& options_;
  Hooks hooks_;
  std::stop_token stop_;
  CallServices services_;
  std::optional<CallServices> read_services_;
  std::optional<SessionLease> session_;
  RecordInspector inspector_;
};

}  // namespace switchgear

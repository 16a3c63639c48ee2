// Where records go: a destination, one table of it for each entity, and the checkpoint that moves a table on.
//
// The engine (entity_sync.hpp) hands a table one Checkpoint after the other. A destination that is transactional keeps rows and state
// together: after a crash state() says what the last commit() said, and the table has its rows and no others. It is the authority on how
// far a sync has come; what the store knows is a copy. A Destination may be used from several threads, a DestinationTable from one. They
// throw Error(destination): `full`, `locked` and `lost` (both retryable), `readonly`, `schema`, `open`, `unsupported`; Error(conflict,
// "lease_lost") where somebody else has written meanwhile.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/data/record_batch.hpp"

namespace switchgear {

enum class SyncMode {
  append,   ///< rows are only added: with a key and a cursor, each version of a record once
  replace,  ///< the table is built aside and takes the old one's place when it is complete
  upsert,   ///< one row for each key, the source's latest
};

std::string_view to_string(SyncMode mode) noexcept;
std::optional<SyncMode> sync_mode_from(std::string_view word) noexcept;

/// Where an entity lands.
struct DestinationTarget {
  std::string connection_id;
  std::string entity;
  std::string schema;
  std::string table;
  std::vector<std::string> key;  ///< empty: the entity has none
  std::string cursor;            ///< "": it has none
  SyncMode mode = SyncMode::upsert;
};

/// Columns that every row has beside its record's, and the one that tells of records that the source has no longer.
inline constexpr std::string_view synced_at_column = "_synced_at";
inline constexpr std::string_view run_id_column = "_run_id";
inline constexpr std::string_view deleted_at_column = "_deleted_at";

struct Checkpoint {
  std::vector<RecordBatch> batches;  ///< each with columns of its own; a key that comes twice: the later one counts
  /// Keys of records that the source has removed: the columns of the target's key. Their rows are deleted before `batches` are written.
  /// Only in upsert mode, and only where deletes() says so.
  std::vector<RecordBatch> removed;
  std::string state;                    ///< to be kept with the rows
  std::optional<std::string> previous;  ///< what state() has to be still
  bool first = false;                   ///< of a listing: what was built aside before is forgotten
  bool last = false;                    ///< of a listing: it is complete
  std::string run_id;
  WallTime at;
  /// With `last`, where the listing was of everything there is: rows of other runs are of records that the source has no longer.
  std::optional<std::vector<std::string>> live_run_ids;
  /// In append mode with a key and a cursor: rows may be there already, with the same key and the same value of the cursor, and those are
  /// to be left out. The engine says so where it goes on after another process, or reads again.
  bool may_repeat = false;
};

class DestinationTable {
 public:
  virtual ~DestinationTable() = default;

  /// What the last commit() kept; nothing before the first.
  virtual std::optional<std::string> state() = 0;

  /// Rows, columns that they need, deletions and state, all or none.
  virtual void commit(const Checkpoint& checkpoint) = 0;

  /// Columns that the table has and the rows of the last commit() lacked: old values are kept in them.
  virtual std::vector<std::string> kept_columns() const { return {}; }
};

class Destination {
 public:
  virtual ~Destination() = default;
  virtual std::unique_ptr<DestinationTable> open(const DestinationTarget& target) = 0;

  /// For people to read; without a password.
  virtual const std::string& display() const noexcept = 0;

  /// False: a crash may leave rows without their state, so that they come again.
  virtual bool transactional() const noexcept { return true; }

  /// True: it takes the rows of Checkpoint::removed out. False: they stay, and the run says so.
  virtual bool deletes() const noexcept { return false; }

  /// True: only one process at a time can write to it, so that runs take turns.
  virtual bool one_writer() const noexcept { return false; }

  /// True: its tables must be used by the thread that opened them.
  virtual bool single_threaded() const noexcept { return false; }
};

}  // namespace switchgear

#include "switchgear/sync/adbc_destination.hpp"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "adbc.hpp"
#include "row_keys.hpp"
#include "sql_dialect.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/data/unify.hpp"
#include "switchgear/store/timestamps.hpp"

namespace switchgear {
namespace {

using sync_detail::AdbcDatabase;
using sync_detail::AdbcSession;
using sync_detail::names_sql;
using sync_detail::sql_name;
using sync_detail::sql_text;

constexpr std::string_view state_table = "_switchgear_state";
constexpr std::string_view stage = "_switchgear_stage";
constexpr std::string_view removed_stage = "_switchgear_removed";
constexpr std::string_view merged_stage = "_switchgear_merged";
constexpr std::string_view sequence_column = "_switchgear_sequence";

Field field_of(std::string_view name, DataType type) {
  Field field;
  field.name = std::string(name);
  field.type = type;
  return field;
}

std::string to_text(const Schema& schema) {
  nlohmann::json columns = nlohmann::json::array();
  for (const Field& field : schema.fields) {
    nlohmann::json column = {{"name", field.name}, {"type", type_text(field)}};
    if (field.inferred) column["inferred"] = true;
    columns.push_back(std::move(column));
  }
  return columns.dump();
}

Schema schema_from(const std::string& text, const std::string& table) {
  Schema schema;
  try {
    for (const auto& column : nlohmann::json::parse(text)) {
      Field field = parse_type(column.at("name").get<std::string>(), column.at("type").get<std::string>());
      field.inferred = column.value("inferred", false);
      schema.fields.push_back(std::move(field));
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(Category::destination, "schema",
                "what " + std::string(state_table) + " says about " + table + " can't be read: " + error.what())
        .with_hint("only switchgear writes to that table; remove the row, and the table, to begin anew");
  }
  return schema;
}

/// DuckDB's driver keeps its caller spinning while other threads work, so one core is left to the reading.
std::map<std::string, std::string> with_threads(const AdbcOptions& options) {
  std::map<std::string, std::string> all = options.database;
  if (options.dialect == SqlDialect::duckdb)
    all.try_emplace("threads", std::to_string(std::max(2U, std::thread::hardware_concurrency()) - 1));
  return all;
}

struct Shared {
  explicit Shared(const AdbcOptions& options)
      : dialect(options.dialect), database(options.driver, options.entry_point, with_threads(options), options.display) {}
  SqlDialect dialect;
  AdbcDatabase database;
  std::mutex writing;  // DuckDB and SQLite know one writer; others wait in their database
};

/// Columns of rows that are on their way, and those that the table has.
struct Plan {
  Schema columns;                    // the table's, after this checkpoint
  std::vector<RecordBatch> batches;  // with these columns, as the driver takes them
  std::vector<std::string> present;  // those that the rows brought
  std::vector<std::string> absent;   // those that only the table has
};

class AdbcTable final : public DestinationTable {
 private:
  template <class Work>
  auto in_transaction(const Work& work) {
    try {
      auto result = work();
      session_.commit();
      return result;
    } catch (...) {
      session_.rollback();
      throw;
    }
  }

 public:
  AdbcTable(std::shared_ptr<Shared> shared, DestinationTarget target)
      : shared_(std::move(shared)), target_(std::move(target)), session_(shared_->database) {}

  std::optional<std::string> state() override {
    const auto lock = exclusively();
    return in_transaction([&] {
      prepare();
      return stored().state;
    });
  }

  void commit(const Checkpoint& checkpoint) override {
    const auto lock = exclusively();
    in_transaction([&] {
      prepare();
      Stored before = stored();
      if (before.state != checkpoint.previous) throw overtaken();
      if (target_.mode == SyncMode::replace) {
        replace(checkpoint, std::move(before));
      } else {
        change(checkpoint, before);
      }
      return true;
    });
  }

  std::vector<std::string> kept_columns() const override { return kept_; }

 private:
  struct Stored {
    std::optional<std::string> state;
    Schema columns;   // of the table; none: there is no table
    Schema building;  // of the one that is built aside
  };

  std::unique_lock<std::mutex> exclusively() {
    if (shared_->dialect == SqlDialect::postgresql) return {};
    return std::unique_lock(shared_->writing);
  }

  /// With the catalog where there is one: DuckDB names it after the file, and it may be called as the schema is.
  std::string sql_of(std::string_view table) const {
    const std::string name = sync_detail::table_sql(shared_->dialect, target_.schema, std::string(table));
    return catalog_.empty() ? name : sql_name(catalog_) + "." + name;
  }
  std::string states() const { return sql_of(state_table); }

  void prepare() {
    if (prepared_) return;
    if (shared_->dialect == SqlDialect::postgresql)  // two that create the same at once would meet an error of the catalog's
      session_.query("select cast(pg_advisory_xact_lock(7311406202) as text)");
    if (shared_->dialect == SqlDialect::duckdb) catalog_ = session_.query("select current_database()").at(0).at(0).value();
    if (shared_->dialect != SqlDialect::sqlite)
      session_.execute("create schema if not exists " + (catalog_.empty() ? "" : sql_name(catalog_) + ".") + sql_name(target_.schema));
    const std::string type = sync_detail::column_type(shared_->dialect, field_of("", DataType::utf8));
    std::string columns;
    for (const char* name : {"entity", "state", "columns", "building"})
      columns += (columns.empty() ? "" : ", ") + sql_name(name) + " " + type;
    session_.execute("create table if not exists " + states() + " (" + columns + ")");
    prepared_ = true;
  }

  Stored stored() {
    const std::string lock = shared_->dialect == SqlDialect::postgresql ? " for update" : "";
    const auto rows =
        session_.query("select state, columns, building from " + states() + " where entity = " + sql_text(target_.entity) + lock);
    Stored found;
    if (rows.empty()) return found;
    found.state = rows[0][0];
    found.columns = schema_from(rows[0][1].value_or("[]"), target_.table);
    found.building = schema_from(rows[0][2].value_or("[]"), target_.table);
    return found;
  }

  void store(const std::string& state, const Schema& columns, const Schema& building, bool known) {
    if (known) {
      session_.execute("update " + states() + " set state = " + sql_text(state) + ", columns = " + sql_text(to_text(columns)) +
                       ", building = " + sql_text(to_text(building)) + " where entity = " + sql_text(target_.entity));
    } else {
      session_.execute("insert into " + states() + " (entity, state, columns, building) values (" + sql_text(target_.entity) + ", " +
                       sql_text(state) + ", " + sql_text(to_text(columns)) + ", " + sql_text(to_text(building)) + ")");
    }
  }

  Error overtaken() const {
    Error error =
        Error(Category::conflict, "lease_lost",
              "another sync has written to " + target_.schema + "." + target_.table + " of " + shared_->database.display() + " meanwhile")
            .with_hint("nothing was written; one store for all who sync this connection keeps them apart");
    error.connection_id = target_.connection_id;
    error.entity = target_.entity;
    return error;
  }

  // ---- the two ways to write

  void change(const Checkpoint& checkpoint, const Stored& before) {
    const bool known = before.state.has_value();
    if (!checkpoint.removed.empty() && !before.columns.fields.empty()) remove(before.columns, checkpoint.removed);
    Schema columns = write(target_.table, before.columns, checkpoint, target_.mode);
    if (checkpoint.live_run_ids && !columns.fields.empty()) mark_deleted(checkpoint);
    store(checkpoint.state, columns, {}, known);
  }

  void replace(const Checkpoint& checkpoint, Stored before) {
    const bool known = before.state.has_value();
    const std::string aside = "_switchgear_new_" + target_.table;
    if (checkpoint.first) {
      session_.execute("drop table if exists " + sql_of(aside));
      before.building = {};
    }
    Schema building = write(aside, before.building, checkpoint, SyncMode::append);
    if (!checkpoint.last) return store(checkpoint.state, before.columns, building, known);
    if (building.fields.empty()) {  // a source without records: the old table's columns stay, its rows do not
      if (!before.columns.fields.empty()) session_.execute("delete from " + sql_of(target_.table));
      return store(checkpoint.state, before.columns, {}, known);
    }
    session_.execute("drop table if exists " + sql_of(target_.table));
    const std::string name = sync_detail::plain_table(shared_->dialect, target_.schema, target_.table);
    session_.execute("alter table " + sql_of(aside) + " rename to " + sql_name(name));
    store(checkpoint.state, building, {}, known);
  }

  /// Brings the rows into `table`, whose columns these were; returns those it has now.
  Schema write(const std::string& table, const Schema& columns, const Checkpoint& checkpoint, SyncMode mode) {
    if (checkpoint.batches.empty()) return columns;
    Plan plan = planned(columns, checkpoint, mode);
    kept_ = plan.absent;
    const bool fresh = columns.fields.empty();
    if (fresh) {
      create(table, plan.columns, mode);
    } else {
      grow(table, columns, plan);
    }
    if (std::all_of(plan.batches.begin(), plan.batches.end(), [](const RecordBatch& batch) { return batch.length() == 0; }))
      return plan.columns;
    const bool empty = fresh || session_.query("select cast(1 as " + text_type() + ") from " + sql_of(table) + " limit 1").empty();
    const bool keyed = !target_.key.empty() && mode != SyncMode::replace;
    const bool repeated = keyed && mode == SyncMode::upsert && repeats_a_key(checkpoint.batches, target_.key);
    const bool merges = mode == SyncMode::upsert ? !empty || repeated : checkpoint.may_repeat && !empty;
    if (!merges) {
      session_.ingest(into(table), plan.batches);
    } else {
      if (repeated) add_sequence(plan.batches);
      session_.ingest({"", std::string(stage), true, true}, plan.batches);
      mode == SyncMode::upsert ? upsert(table, plan, repeated) : append_new(table, plan);
      session_.execute("drop table " + sql_name(stage));
    }
    return plan.columns;
  }

  AdbcSession::Into into(const std::string& table) const {
    if (shared_->dialect == SqlDialect::sqlite) return {"", sync_detail::plain_table(shared_->dialect, target_.schema, table)};
    return {target_.schema, table, false, false, catalog_};
  }

  std::string text_type() const { return sync_detail::column_type(shared_->dialect, field_of("", DataType::utf8)); }

  // ---- columns

  Plan planned(const Schema& columns, const Checkpoint& checkpoint, SyncMode mode) {
    Plan plan;
    plan.columns = columns;
    std::vector<Schema> own;
    for (const RecordBatch& batch : checkpoint.batches) own.push_back(from_arrow_schema(*batch.schema()));
    if (mode == SyncMode::upsert && plan.columns.find(deleted_at_column) == nullptr && columns.fields.empty())
      own.push_back({{field_of(deleted_at_column, DataType::timestamp)}});
    for (const Schema& schema : own) {
      for (const Field& field : schema.fields) {
        const auto found =
            std::find_if(plan.columns.fields.begin(), plan.columns.fields.end(), [&](const Field& has) { return has.name == field.name; });
        if (found == plan.columns.fields.end()) {
          plan.columns.fields.push_back(field);
        } else {
          *found = sync_detail::common_type(*found, field);
        }
      }
    }
    keep_whole_numbers(columns, plan);
    conform(checkpoint.batches, plan);
    for (const Field& field : plan.columns.fields) {
      const bool brought = field.name == deleted_at_column ||
                           std::any_of(own.begin(), own.end(), [&](const Schema& schema) { return schema.find(field.name) != nullptr; });
      (brought ? plan.present : plan.absent).push_back(field.name);
    }
    return plan;
  }

  /// A double has room for whole numbers up to 2^53 only.
  void keep_whole_numbers(const Schema& columns, Plan& plan) {
    for (const Field& has : columns.fields) {
      for (Field& field : plan.columns.fields) {
        if (field.name != has.name || field.type != DataType::float64 || has.type == DataType::float64 ||
            shared_->dialect == SqlDialect::sqlite)
          continue;
        const std::string name = sql_name(has.name);
        std::string sql = "select cast(1 as " + text_type() + ") from " + sql_of(target_.table);
        sql.append(" where ").append(name).append(" > 9007199254740992 or ").append(name).append(" < -9007199254740992 limit 1");
        if (!session_.query(sql).empty()) field.type = DataType::json;
      }
    }
  }

  void conform(const std::vector<RecordBatch>& batches, Plan& plan) const {
    for (int round = 0;; ++round) {
      Schema given;
      for (const Field& field : plan.columns.fields) given.fields.push_back(sync_detail::handed_over(shared_->dialect, field));
      try {
        plan.batches = unify(batches, to_arrow_schema(given));
        return;
      } catch (const Error& error) {
        bool changed = false;
        if (round > 0 || error.category != Category::data) throw;
        for (Field& field : plan.columns.fields) {  // a number that no double is equal to
          if (field.type != DataType::float64) continue;
          field.type = DataType::json;
          changed = true;
        }
        if (!changed) throw;
      }
    }
  }

  void create(const std::string& table, const Schema& columns, SyncMode mode) {
    std::string list;
    for (const Field& field : columns.fields)
      list += (list.empty() ? "" : ", ") + sql_name(field.name) + " " + sync_detail::column_type(shared_->dialect, field);
    session_.execute("create table " + sql_of(table) + " (" + list + ")");
    // DuckDB finds the rows of a batch faster without one.
    if (mode == SyncMode::upsert && shared_->dialect != SqlDialect::duckdb)
      session_.execute("create unique index " +
                       sql_name("_switchgear_key_" + sync_detail::plain_table(shared_->dialect, target_.schema, table)) + " on " +
                       sql_of(table) + " (" + names_sql(target_.key) + ")");
  }

  void grow(const std::string& table, const Schema& columns, const Plan& plan) {
    for (const Field& field : plan.columns.fields) {
      const Field* const has = columns.find(field.name);
      if (has == nullptr) {
        session_.execute("alter table " + sql_of(table) + " add column " + sql_name(field.name) + " " +
                         sync_detail::column_type(shared_->dialect, field));
      } else if (has->type != field.type || has->precision != field.precision || has->scale != field.scale) {
        const std::string sql = sync_detail::widen_sql(shared_->dialect, sql_of(table), *has, field);
        if (!sql.empty()) session_.execute(sql);
      }
    }
  }

  // ---- merging

  /// The later one of two rows with the same key, by the cursor where there is one.
  std::string latest_rows(const std::vector<std::string>& names) const {
    const std::string key = names_sql(target_.key);
    std::string order = sql_name(sequence_column) + " desc";
    if (!target_.cursor.empty() && std::find(names.begin(), names.end(), target_.cursor) != names.end())
      order = "case when " + sql_name(target_.cursor) + " is null then 1 else 0 end, " + sql_name(target_.cursor) + " desc, " + order;
    return "select " + names_sql(names) + " from (select *, row_number() over (partition by " + key + " order by " + order +
           ") as _switchgear_rank from " + sql_name(stage) + ") as ranked where _switchgear_rank = 1";
  }

  std::string same_key(const std::string& a, const std::string& b) const {
    std::string condition;
    for (const std::string& name : target_.key) {
      const std::string column = "." + sql_name(name);
      condition.append(condition.empty() ? "" : " and ").append(a).append(column).append(" = ").append(b).append(column);
    }
    return condition;
  }

  void upsert(const std::string& table, const Plan& plan, bool repeated) {
    const std::string into = sql_of(table);
    std::vector<std::string> all = plan.present;
    const std::string rows = repeated ? latest_rows(plan.present) : "select " + names_sql(plan.present) + " from " + sql_name(stage);
    if (shared_->dialect != SqlDialect::duckdb) {
      std::string changes;
      for (const std::string& name : plan.present) {
        if (std::find(target_.key.begin(), target_.key.end(), name) != target_.key.end()) continue;
        changes += (changes.empty() ? "" : ", ") + sql_name(name) + " = excluded." + sql_name(name);
      }
      session_.execute("insert into " + into + " (" + names_sql(plan.present) + ") select * from (" + rows +
                       ") as fresh where true on conflict (" + names_sql(target_.key) + ") do update set " + changes);
      return;
    }
    // A join with the batch and two scans: far faster here than changing row by row.
    std::string merged = rows;
    if (!plan.absent.empty()) {  // what the source has no longer, the table keeps
      all.insert(all.end(), plan.absent.begin(), plan.absent.end());
      session_.execute("create temp table " + sql_name(merged_stage) + " as select fresh.*, " + names_sql(plan.absent, "old.") + " from (" +
                       rows + ") as fresh left join " + into + " as old on " + same_key("old", "fresh"));
      merged = "select * from " + sql_name(merged_stage);
    }
    session_.execute("delete from " + into + " as old using " + sql_name(stage) + " as fresh where " + same_key("old", "fresh"));
    session_.execute("insert into " + into + " (" + names_sql(all) + ") " + merged);
    if (!plan.absent.empty()) session_.execute("drop table " + sql_name(merged_stage));
  }

  void append_new(const std::string& table, const Plan& plan) {
    std::string same = same_key("old", "fresh");
    const std::string cursor = sql_name(target_.cursor);
    same += " and (old." + cursor + " = fresh." + cursor + " or (old." + cursor + " is null and fresh." + cursor + " is null))";
    session_.execute("insert into " + sql_of(table) + " (" + names_sql(plan.present) + ") select " + names_sql(plan.present, "fresh.") +
                     " from " + sql_name(stage) + " as fresh where not exists (select 1 from " + sql_of(table) + " as old where " + same +
                     ")");
  }

  void remove(const Schema& columns, const std::vector<RecordBatch>& keys) {
    Schema given;
    for (const std::string& name : target_.key) {
      const Field* const has = columns.find(name);
      if (has == nullptr) return;  // no row of it has ever come
      given.fields.push_back(sync_detail::handed_over(shared_->dialect, *has));
    }
    session_.ingest({"", std::string(removed_stage), true, true}, unify(keys, to_arrow_schema(given)));
    const std::string from = "delete from " + sql_of(target_.table);
    session_.execute(shared_->dialect == SqlDialect::sqlite
                         ? from + " where (" + names_sql(target_.key) + ") in (select " + names_sql(target_.key) + " from " +
                               sql_name(removed_stage) + ")"
                         : from + " as old using " + sql_name(removed_stage) + " as gone where " + same_key("old", "gone"));
    session_.execute("drop table " + sql_name(removed_stage));
  }

  void mark_deleted(const Checkpoint& checkpoint) {
    std::string runs;
    for (const std::string& id : *checkpoint.live_run_ids) runs += (runs.empty() ? "" : ", ") + sql_text(id);
    const std::string at = instant_text(checkpoint.at);
    session_.execute("update " + sql_of(target_.table) + " set " + sql_name(deleted_at_column) + " = " +
                     (shared_->dialect == SqlDialect::sqlite ? sql_text(at) : "cast(" + sql_text(at) + " as timestamp with time zone)") +
                     " where " + sql_name(deleted_at_column) + " is null and " + sql_name(run_id_column) + " not in (" + runs + ")");
  }

  static void add_sequence(std::vector<RecordBatch>& batches) { sync_detail::add_sequence(batches, sequence_column); }
  static bool repeats_a_key(const std::vector<RecordBatch>& batches, const std::vector<std::string>& key) {
    return sync_detail::repeats_a_key(batches, key);
  }
  static std::string instant_text(WallTime at) { return sync_detail::instant_text(to_microseconds(at)); }

  std::shared_ptr<Shared> shared_;
  DestinationTarget target_;
  AdbcSession session_;
  bool prepared_ = false;
  std::string catalog_;
  std::vector<std::string> kept_;
};

class AdbcDestination final : public Destination {
 public:
  explicit AdbcDestination(const AdbcOptions& options) : shared_(std::make_shared<Shared>(options)) {}

  std::unique_ptr<DestinationTable> open(const DestinationTarget& target) override { return std::make_unique<AdbcTable>(shared_, target); }
  const std::string& display() const noexcept override { return shared_->database.display(); }
  bool deletes() const noexcept override { return true; }
  bool one_writer() const noexcept override { return shared_->dialect != SqlDialect::postgresql; }

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace

std::shared_ptr<Destination> open_adbc_destination(const AdbcOptions& options) { return std::make_shared<AdbcDestination>(options); }

}  // namespace switchgear

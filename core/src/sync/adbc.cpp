#include "adbc.hpp"

#include <dlfcn.h>

#include <array>
#include <cstring>
#include <mutex>
#include <optional>

#include "adbc_abi.h"
#include "switchgear/base/error.hpp"
#include "switchgear/data/arrow_abi.hpp"

namespace switchgear::sync_detail {
namespace {

struct Words {
  std::string_view part, detail, hint;
};

/// How the databases say it; in lower case, the first that is found counts.
constexpr std::array<Words, 20> known_words = {{
    {"conflicting lock", "locked", "another program has the file open; close it there, or let it be opened read-only"},
    {"could not set lock", "locked", "another program has the file open; close it there, or let it be opened read-only"},
    {"database is locked", "locked", "another program is writing to it; it is tried again by the next sync"},
    {"database table is locked", "locked", "another program is writing to it; it is tried again by the next sync"},
    {"no space left", "full", "make room on the disk; the next sync goes on where this one was committed last"},
    {"disk is full", "full", "make room on the disk; the next sync goes on where this one was committed last"},
    {"out of space", "full", "make room on the disk; the next sync goes on where this one was committed last"},
    {"file too large", "full", "raise the limit on the size of files, or choose another place"},
    {"disk i/o error", "full", "see whether the disk is full or failing; the next sync goes on where this one was committed last"},
    {"readonly database", "readonly", "give this user the right to write there"},
    {"read-only", "readonly", "give this user the right to write there"},
    {"permission denied", "readonly", "give this user the right to create and write tables there"},
    {"connection refused", "lost", "see whether the database runs; the next sync goes on where this one was committed last"},
    {"server closed the connection", "lost", "see whether the database runs; the next sync goes on where this one was committed last"},
    {"no connection to the server", "lost", "see whether the database runs; the next sync goes on where this one was committed last"},
    {"terminating connection", "lost", "somebody ended the connection there; the next sync goes on where this one was committed last"},
    {"the database system is", "lost", "it starts or stops; the next sync goes on where this one was committed last"},
    {"too many clients", "lost", "the server has no connection left; close some, or raise its max_connections"},
    {"does not exist", "schema", "the table was changed by others; a full sync into another schema, or its removal, sets it right"},
    {"does not have a column", "schema", "the table was changed by others; a full sync into another schema, or its removal, sets it right"},
}};

Error problem_of(const std::string& display, std::string_view doing, std::string_view said, std::string_view usual) {
  std::string lower(said);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const std::string message = "the destination " + display + " failed to " + std::string(doing) + ": " + std::string(said);
  for (const Words& words : known_words) {
    if (lower.find(words.part) == std::string::npos) continue;
    const bool passes = words.detail == "locked" || words.detail == "lost";
    return Error(Category::destination, std::string(words.detail), message).with_hint(std::string(words.hint)).with_retry(passes);
  }
  return Error(Category::destination, std::string(usual), message);
}

/// What a call of the driver said when it failed.
class Outcome {
 public:
  Outcome() = default;
  ~Outcome() {
    if (error_.release != nullptr) error_.release(&error_);
  }
  Outcome(const Outcome&) = delete;
  Outcome& operator=(const Outcome&) = delete;

  sg_adbc_error* out() noexcept { return &error_; }
  std::string text() const { return error_.message != nullptr && *error_.message != '\0' ? error_.message : "no reason is given"; }

 private:
  sg_adbc_error error_{};
};

}  // namespace

struct AdbcDriver {
  sg_adbc_driver table{};
};

namespace {

Error unusable(const std::string& path, const std::string& why) {
  return Error(Category::destination, "driver", "the database driver '" + path + "' can't be used: " + why)
      .with_hint("give the path of an ADBC driver's shared library and the name of the function that begins it");
}

/// Drivers are kept by path and entry point: a library that started threads can't be unloaded.
std::shared_ptr<AdbcDriver> load(const std::string& path, const std::string& entry_point) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, std::shared_ptr<AdbcDriver>> loaded;
  const std::lock_guard lock(mutex);
  auto& driver = loaded[{path, entry_point}];
  if (driver != nullptr) return driver;
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw unusable(path, dlerror());
  const auto begin = reinterpret_cast<sg_adbc_driver_init>(dlsym(library, entry_point.c_str()));
  if (begin == nullptr) throw unusable(path, "it has no function '" + entry_point + "'");
  auto fresh = std::make_shared<AdbcDriver>();
  Outcome outcome;
  if (begin(SG_ADBC_VERSION_1_0, &fresh->table, outcome.out()) != SG_ADBC_OK) throw unusable(path, outcome.text());
  return driver = std::move(fresh);
}

std::string_view text_of(const ::ArrowArray& array, std::string_view format, std::int64_t row) {
  row += array.offset;
  const auto* bytes = static_cast<const char*>(array.buffers[2]);
  if (format == "U" || format == "Z") {
    const auto* offsets = static_cast<const std::int64_t*>(array.buffers[1]);
    return {bytes + offsets[row], static_cast<std::size_t>(offsets[row + 1] - offsets[row])};
  }
  const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
  return {bytes + offsets[row], static_cast<std::size_t>(offsets[row + 1] - offsets[row])};
}

bool is_null(const ::ArrowArray& array, std::int64_t row) {
  row += array.offset;
  const auto* bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  return bits != nullptr && (static_cast<unsigned>(bits[row / 8]) >> static_cast<unsigned>(row % 8) & 1U) == 0;
}

}  // namespace

struct AdbcDatabase::State {
  std::shared_ptr<AdbcDriver> driver;
  sg_adbc_database database{};
  std::string display;
  bool made = false;

  const sg_adbc_driver& calls() const noexcept { return driver->table; }
  ~State() {
    Outcome outcome;
    if (made) calls().database_release(&database, outcome.out());
  }
};

AdbcDatabase::AdbcDatabase(const std::string& driver_path, const std::string& entry_point,
                           const std::map<std::string, std::string>& options, std::string display)
    : state_(std::make_shared<State>()) {
  state_->driver = load(driver_path, entry_point);
  state_->display = std::move(display);
  const auto check = [this](sg_adbc_status status, const Outcome& outcome) {
    if (status != SG_ADBC_OK) throw problem_of(state_->display, "open", outcome.text(), "open");
  };
  Outcome outcome;
  check(state_->calls().database_new(&state_->database, outcome.out()), outcome);
  state_->made = true;
  for (const auto& [name, value] : options) {
    Outcome of_option;
    check(state_->calls().database_set_option(&state_->database, name.c_str(), value.c_str(), of_option.out()), of_option);
  }
  Outcome of_init;
  check(state_->calls().database_init(&state_->database, of_init.out()), of_init);
}

AdbcDatabase::~AdbcDatabase() = default;

const std::string& AdbcDatabase::display() const noexcept { return state_->display; }

struct AdbcSession::Handle {
  sg_adbc_connection connection{};
};

class AdbcSession::Statement {
 public:
  explicit Statement(AdbcSession& session) : session_(session), calls_(session.database_->calls()) {
    Outcome outcome;
    check(calls_.statement_new(&session.handle_->connection, &statement_, outcome.out()), outcome, "begin a statement");
  }
  ~Statement() {
    Outcome outcome;
    calls_.statement_release(&statement_, outcome.out());
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void query(const std::string& sql) {
    Outcome outcome;
    check(calls_.statement_set_sql_query(&statement_, sql.c_str(), outcome.out()), outcome, "take a statement");
  }
  void option(const char* name, const std::string& value) {
    Outcome outcome;
    check(calls_.statement_set_option(&statement_, name, value.c_str(), outcome.out()), outcome,
          "take the option '" + std::string(name) + "'");
  }
  void bind(::ArrowArrayStream* stream) {
    Outcome outcome;
    check(calls_.statement_bind_stream(&statement_, stream, outcome.out()), outcome, "take records");
  }
  void run(const std::string& doing, ::ArrowArrayStream* result = nullptr) {
    Outcome outcome;
    std::int64_t rows = 0;
    check(calls_.statement_execute_query(&statement_, result, &rows, outcome.out()), outcome, doing);
  }

 private:
  void check(sg_adbc_status status, const Outcome& outcome, const std::string& doing) const {
    if (status != SG_ADBC_OK) throw problem_of(session_.database_->display, doing, outcome.text(), "statement");
  }

  AdbcSession& session_;
  const sg_adbc_driver& calls_;
  sg_adbc_statement statement_{};
};

AdbcSession::AdbcSession(AdbcDatabase& database) : database_(database.state_), handle_(std::make_unique<Handle>()) {
  const auto check = [this](sg_adbc_status status, const Outcome& outcome) {
    if (status != SG_ADBC_OK) throw problem_of(database_->display, "connect", outcome.text(), "open");
  };
  Outcome made;
  check(database_->calls().connection_new(&handle_->connection, made.out()), made);
  try {
    Outcome ready;
    check(database_->calls().connection_init(&handle_->connection, &database_->database, ready.out()), ready);
    Outcome manual;
    check(database_->calls().connection_set_option(&handle_->connection, "adbc.connection.autocommit", "false", manual.out()), manual);
  } catch (const Error&) {
    Outcome ignored;
    database_->calls().connection_release(&handle_->connection, ignored.out());
    throw;
  }
}

AdbcSession::~AdbcSession() {
  Outcome outcome;
  database_->calls().connection_release(&handle_->connection, outcome.out());
}

void AdbcSession::execute(const std::string& sql) {
  Statement statement(*this);
  statement.query(sql);
  statement.run("run \"" + sql.substr(0, 200) + "\"");
}

std::vector<std::vector<std::optional<std::string>>> AdbcSession::query(const std::string& sql) {
  Statement statement(*this);
  statement.query(sql);
  ::ArrowArrayStream stream{};
  const std::string doing = "run \"" + sql.substr(0, 200) + "\"";
  statement.run(doing, &stream);
  const std::unique_ptr<::ArrowArrayStream, void (*)(::ArrowArrayStream*)> released(&stream, [](::ArrowArrayStream* one) {
    if (one->release != nullptr) one->release(one);
  });
  const auto check = [&](int failed) {
    if (failed == 0) return;
    const char* said = stream.get_last_error(&stream);
    throw problem_of(database_->display, doing, said != nullptr ? said : std::strerror(failed), "statement");
  };
  ::ArrowSchema raw{};
  check(stream.get_schema(&stream, &raw));
  const SharedArrowSchema schema = take(&raw);
  std::vector<std::vector<std::optional<std::string>>> rows;
  for (;;) {
    ::ArrowArray part{};
    check(stream.get_next(&stream, &part));
    if (part.release == nullptr) return rows;
    const SharedArrowArray batch = take(&part);
    for (std::int64_t row = 0; row < batch->length; ++row) {
      auto& found = rows.emplace_back();
      for (std::int64_t column = 0; column < schema->n_children; ++column) {
        const ::ArrowArray& array = *batch->children[column];
        const std::string_view format = schema->children[column]->format;
        if (format != "u" && format != "U")
          throw problem_of(database_->display, doing, "a column is no text but '" + std::string(format) + "'", "statement");
        if (is_null(array, row + batch->offset))
          found.emplace_back();
        else
          found.emplace_back(text_of(array, format, row + batch->offset));
      }
    }
  }
}

void AdbcSession::ingest(const Into& into, const std::vector<RecordBatch>& batches) {
  if (batches.empty()) return;
  Statement statement(*this);
  statement.option("adbc.ingest.target_table", into.table);
  if (!into.catalog.empty()) statement.option("adbc.ingest.target_catalog", into.catalog);
  if (!into.schema.empty()) statement.option("adbc.ingest.target_db_schema", into.schema);
  statement.option("adbc.ingest.mode", into.create ? "adbc.ingest.mode.create" : "adbc.ingest.mode.append");
  if (into.temporary) statement.option("adbc.ingest.temporary", "true");
  auto next = std::make_shared<std::size_t>(0);
  ::ArrowArrayStream stream{};
  make_stream(
      batches.front().schema(),
      [next, batches]() -> SharedArrowArray { return *next < batches.size() ? batches[(*next)++].array() : nullptr; }, &stream);
  try {
    statement.bind(&stream);
  } catch (const Error&) {
    if (stream.release != nullptr) stream.release(&stream);
    throw;
  }
  statement.run("write records into " + into.table);
}

void AdbcSession::commit() {
  Outcome outcome;
  if (database_->calls().connection_commit(&handle_->connection, outcome.out()) != SG_ADBC_OK)
    throw problem_of(database_->display, "commit", outcome.text(), "statement");
}

void AdbcSession::rollback() noexcept {
  Outcome outcome;
  database_->calls().connection_rollback(&handle_->connection, outcome.out());
}

std::string sql_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c);
  return quoted + "'";
}

std::string sql_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace switchgear::sync_detail

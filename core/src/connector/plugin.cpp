#include "switchgear/connector/plugin.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <nlohmann/json.hpp>

#include "switchgear/base/utf8.hpp"
#include "switchgear/connector/host.hpp"
#include "table_plugin.hpp"

namespace switchgear {
namespace {

// The smallest table of major version 1. It only ever grows; that its layout stays is held by a test.
constexpr std::size_t smallest_table = offsetof(sg_connector, write_batch);
// The minor version by which sg_connector had all the functions that are called here.
constexpr int newest_function_minor = 0;

struct Connector {
  sg_connector table{};  // what theirs does not have is null
  Manifest manifest;
  std::string path;

  [[noreturn]] void unsupported(const std::string& what) const {
    const bool older = table.size < sizeof(sg_connector);
    const std::string needed = std::to_string(SG_ABI_MAJOR) + "." + std::to_string(newest_function_minor);
    throw Error(Category::unsupported, "connector '" + manifest.name + "' " + manifest.version + " does not offer " + what +
                                           (older ? ": it needs ABI >= " + needed : ""))
        .with_hint(older ? "build the connector again with a current SDK" : "");
  }

  [[noreturn]] void broken(const std::string& problem) const {
    throw Error(Category::plugin, "contract", "connector '" + manifest.name + "' broke the ABI's contract: " + problem)
        .with_hint("report it to the connector's author");
  }

  Error failure(const sg_error& error) const { return error_from(error, manifest.name); }
};

sg_str text_of(std::string_view text) noexcept { return {text.data(), text.size()}; }

/// Properties as the ABI has them; views of what has to outlive it.
std::vector<sg_pair> pairs_of(const Properties& properties) {
  std::vector<sg_pair> pairs;
  pairs.reserve(properties.size());
  for (const auto& [name, value] : properties) pairs.push_back({text_of(name), text_of(value)});
  return pairs;
}

/// A PageRequest as the ABI has it.
struct ReadRequest {
  explicit ReadRequest(const PageRequest& from) : properties(pairs_of(from.properties)) {
    for (const std::string& column : from.columns) columns.push_back(text_of(column));
    request.size = sizeof request;
    request.minor = SG_ABI_MINOR;
    request.entity = text_of(from.entity);
    request.properties = properties.data();
    request.n_properties = properties.size();
    request.columns = columns.data();
    request.n_columns = columns.size();
    request.filter = text_of(from.filter);
    request.raw_filter = text_of(from.raw_filter);
    request.order = text_of(from.order);
    request.lower = text_of(from.lower);
    request.upper = text_of(from.upper);
    request.after_key = text_of(from.after_key);
    request.page_size = from.page_size;
    request.limit = from.limit;
    request.token = text_of(from.token);
    request.partition = text_of(from.partition);
    request.flags = (from.count ? SG_READ_COUNT : 0) | (from.changes ? SG_READ_CHANGES : 0);
    request.parts = from.parts;
  }

  std::vector<sg_pair> properties;
  std::vector<sg_str> columns;
  sg_read_request request{};
};

/// A page as the connector filled it, released on every way out.
struct ForeignPage {
  ForeignPage() { page.size = sizeof page; }
  ForeignPage(const ForeignPage&) = delete;
  ForeignPage& operator=(const ForeignPage&) = delete;
  ~ForeignPage() {
    if (page.release != nullptr) page.release(&page);
  }
  sg_page page{};
};

/// A text that the connector allocated, copied and released.
std::string take_text(sg_buf& bytes, const Connector& connector, const char* what) {
  if (bytes.n > 0 && bytes.p == nullptr) connector.broken(std::string(what) + " has a length but no bytes");
  if (bytes.n > (std::uint64_t{1} << 30U)) connector.broken(std::string(what) + " claims " + std::to_string(bytes.n) + " bytes");
  std::string text(bytes.n == 0 ? "" : bytes.p, bytes.n);
  if (bytes.release != nullptr) bytes.release(&bytes);
  return text;
}

/// What became of the records, as the connector tells it from inside of write_batch.
struct Reports {
  std::vector<WriteOutcome> outcomes;
  std::vector<bool> told;
  std::size_t count = 0;
  std::string complaint;
  const Connector* connector = nullptr;

  static void take(void* self, std::uint64_t index, std::int32_t outcome, const sg_error* error) noexcept {
    try {
      static_cast<Reports*>(self)->add(index, outcome, error);
    } catch (...) {
      // Out of memory: the record stays untold, which is "unknown".
    }
  }

  void add(std::uint64_t index, std::int32_t outcome, const sg_error* error) {
    if (index >= outcomes.size()) {
      complaint = "it reported record " + std::to_string(index) + " of a batch of " + std::to_string(outcomes.size());
      return;
    }
    if (told[index]) {
      complaint = "it reported record " + std::to_string(index) + " twice";
      return;  // the first word counts
    }
    told[index] = true;
    ++count;
    WriteOutcome& to = outcomes[index];
    if (outcome == SG_OUTCOME_OK) {
      to.state = WriteOutcome::State::ok;
      return;
    }
    to.state = outcome == SG_OUTCOME_FAILED ? WriteOutcome::State::failed : WriteOutcome::State::unknown;
    if (error != nullptr) {
      sg_error known = blank_error();
      std::memcpy(&known, error, std::min<std::size_t>(error->size, sizeof known));
      to.error = connector->failure(known);
    } else {
      to.error = Error(Category::plugin, "connector '" + connector->manifest.name + "' reported a failure without an error");
    }
  }
};

class TableSession final : public Session {
 public:
  TableSession(std::shared_ptr<const Connector> connector, void* handle)
      : connector_(std::move(connector)), handle_(handle), pid_(::getpid()) {}
  TableSession(const TableSession&) = delete;
  TableSession& operator=(const TableSession&) = delete;

  ~TableSession() override {
    // In a forked child the connector's threads and sockets are not there: what it holds belongs to the parent.
    if (::getpid() == pid_ && connector_->table.close != nullptr) connector_->table.close(handle_);
  }

  void check(CallContext& context) override {
    const Turn turn(*this);
    if (table().check == nullptr) connector_->unsupported("check");
    run(context, [&](sg_call* call, sg_error* error) { return table().check(handle_, call, error); });
  }

  std::string discover(CallContext& context) override {
    const Turn turn(*this);
    if (table().discover == nullptr) connector_->unsupported("discover");
    sg_buf catalog{};
    run(context, [&](sg_call* call, sg_error* error) { return table().discover(handle_, call, &catalog, error); });
    return take_text(catalog, *connector_, "the catalog of discover");
  }

  std::string plan(const PageRequest& request, CallContext& context) override {
    const Turn turn(*this);
    if (table().plan == nullptr) connector_->unsupported("plan");
    const ReadRequest read(request);
    sg_buf partitions{};
    run(context, [&](sg_call* call, sg_error* error) { return table().plan(handle_, call, &read.request, &partitions, error); });
    return take_text(partitions, *connector_, "the partitions of plan");
  }

  RawPage read_page(const PageRequest& request, CallContext& context) override {
    const Turn turn(*this);
    if (table().read_page == nullptr) connector_->unsupported("reading");
    const ReadRequest read(request);
    ForeignPage foreign;
    run(context, [&](sg_call* call, sg_error* error) { return table().read_page(handle_, call, &read.request, &foreign.page, error); });
    return converted(foreign.page);
  }

  std::vector<WriteOutcome> write_batch(const std::string& entity, const Properties& properties, const std::string& op,
                                        const std::vector<WriteRecord>& records, bool atomic, CallContext& context) override {
    const Turn turn(*this);
    if (table().write_batch == nullptr) connector_->unsupported("writing");
    check_op(entity, properties, op);

    std::vector<sg_record> items;
    items.reserve(records.size());
    for (const WriteRecord& record : records) items.push_back({text_of(record.id), text_of(record.key), text_of(record.json)});
    const std::vector<sg_pair> pairs = pairs_of(properties);
    Reports reports;
    reports.outcomes.resize(records.size());
    reports.told.resize(records.size());
    reports.connector = connector_.get();
    sg_batch batch{};
    batch.size = sizeof batch;
    batch.minor = SG_ABI_MINOR;
    batch.entity = text_of(entity);
    batch.properties = pairs.data();
    batch.n_properties = pairs.size();
    batch.op = text_of(op);
    batch.records = items.data();
    batch.n_records = items.size();
    batch.atomic = atomic ? 1 : 0;
    batch.report_to = &reports;
    batch.report = &Reports::take;

    std::optional<Error> failed;
    try {
      run(context, [&](sg_call* call, sg_error* error) { return table().write_batch(handle_, call, &batch, error); });
    } catch (const Error& error) {
      if (reports.count == 0) throw;
      failed = error;  // some records are written: their outcomes must not be lost
    }
    if (!reports.complaint.empty()) {
      context.services.log(LogLevel::warning,
                           "connector '" + connector_->manifest.name + "' broke the ABI's contract: " + reports.complaint);
    }
    return completed(std::move(reports), failed);
  }

 private:
  /// Calls on a session are serial, in the process that opened it.
  class Turn {
   public:
    explicit Turn(TableSession& session) : session_(session) {
      if (::getpid() != session.pid_) {
        throw Error(Category::unsupported, "fork",
                    "this connection was opened by process " + std::to_string(session.pid_) + " and can't be used by its fork " +
                        std::to_string(::getpid()))
            .with_hint("open connections after the fork, or start processes by spawn");
      }
      if (session.busy_.test_and_set(std::memory_order_acquire)) {
        throw Error(Category::internal, "session",
                    "two calls at once on one session of connector '" + session.connector_->manifest.name + "'");
      }
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { session_.busy_.clear(std::memory_order_release); }

   private:
    TableSession& session_;
  };

  const sg_connector& table() const noexcept { return connector_->table; }

  template <class Function>
  void run(CallContext& context, Function&& function) {
    sg_call call{context, connector_->manifest};
    sg_error error = blank_error();
    if (function(&call, &error) != 0) throw connector_->failure(error);
  }

  std::string pointer(const sg_str& text, const char* what) const {
    std::string value(foreign_text(text, what));
    if ((!value.empty() && value.front() != '/') || first_invalid_utf8(value) != value.size()) {
      connector_->broken(std::string(what) + " of a page is '" + to_valid_utf8(value.substr(0, 80)) +
                         "', which is no JSON pointer (\"\" or \"/…\")");
    }
    return value;
  }

  std::optional<std::string> optional_pointer(const sg_str& text, const char* what) const {
    if (text.p == nullptr && text.n == 0) return std::nullopt;
    return pointer(text, what);
  }

  std::string plain(const sg_str& text, const char* what) const {
    std::string value(foreign_text(text, what));
    if (first_invalid_utf8(value) != value.size()) connector_->broken(std::string(what) + " of a page is not UTF-8");
    return value;
  }

  RawPage converted(sg_page& page) const {
    RawPage result;
    result.records = pointer(page.records, "`records`");
    result.next = optional_pointer(page.next, "`next`");
    result.removed = optional_pointer(page.removed, "`removed`");
    result.delta = optional_pointer(page.delta, "`delta`");
    result.total = optional_pointer(page.total, "`total`");
    result.watermark = plain(page.watermark, "`watermark`");
    result.control = plain(page.control, "`control`");
    if (page.next_token.p != nullptr || page.next_token.n != 0) result.next_token = plain(page.next_token, "`next_token`");
    take_place(page, result);
    if (page.format == SG_PAGE_ARROW) {
      result.batch = taken_batch(page);
    } else if (page.format == SG_PAGE_JSON) {
      if (page.body.p == nullptr) connector_->broken("a page has neither a body nor columns");
      result.body = take_body(page.body);
    } else {
      connector_->broken("a page has the unknown format " + std::to_string(page.format));
    }
    return result;
  }

  /// What ABI 1.1 added; zero from a connector of 1.0.
  void take_place(const sg_page& page, RawPage& result) const {
    if (page.next_fields.p != nullptr) result.next_fields = field_pointers(page.next_fields);
    result.more = optional_pointer(page.more, "`more`");
    if (page.back.p != nullptr || page.back.n != 0) result.back = plain(page.back, "`back`");
    if ((page.flags & SG_PAGE_OFFSET) != 0) {
      if (page.offset < 0) connector_->broken("a page begins at the offset " + std::to_string(page.offset));
      result.offset = page.offset;
    }
    result.empty_is_last = (page.flags & SG_PAGE_EMPTY_IS_LAST) != 0;
    result.overlap = page.overlap;
    if (page.format == SG_PAGE_ARROW && (!result.next_fields.empty() || result.more || result.overlap > 0)) {
      connector_->broken("`next_fields`, `more` and `overlap` of a page look into JSON, but the page is columns");
    }
  }

  std::vector<std::string> field_pointers(const sg_str& text) const {
    const auto json = nlohmann::json::parse(plain(text, "`next_fields`"), nullptr, false);
    std::vector<std::string> pointers;
    if (json.is_array()) {
      for (const auto& item : json) {
        if (!item.is_string() || item.get_ref<const std::string&>().rfind('/', 0) != 0) break;
        pointers.push_back(item.get<std::string>());
      }
    }
    if (pointers.empty() || pointers.size() != json.size()) {
      connector_->broken("`next_fields` of a page is '" + plain(text, "`next_fields`").substr(0, 80) +
                         "', which is no JSON array of pointers into a record ([\"/id\"])");
    }
    return pointers;
  }

  ForeignBatch taken_batch(sg_page& page) const {
    if (page.schema == nullptr || page.array == nullptr || page.schema->release == nullptr || page.array->release == nullptr) {
      connector_->broken("a page of columns lacks its schema or its array");
    }
    const auto move_out = [](auto* from) {
      using Table = std::remove_pointer_t<decltype(from)>;
      std::shared_ptr<Table> to(new Table(*from), [](Table* table) {
        if (table->release != nullptr) table->release(table);
        delete table;
      });
      from->release = nullptr;  // moved, as the Arrow specification has it
      return to;
    };
    return {move_out(page.schema), move_out(page.array)};
  }

  void check_op(const std::string& entity, const Properties& properties, const std::string& op) const {
    std::string listed;
    bool found = false;
    const auto known = std::find_if(connector_->manifest.entities.begin(), connector_->manifest.entities.end(),
                                    [&](const EntityInfo& candidate) { return candidate.name == entity; });
    if (known != connector_->manifest.entities.end()) {
      for (const std::string& word : known->ops) listed += (listed.empty() ? "" : ", ") + word;
      found = known->supports(op);
    } else {
      // From the catalog of discover: its list is among the properties, as JSON.
      const auto property = std::find_if(properties.begin(), properties.end(), [](const auto& item) { return item.first == "ops"; });
      if (property != properties.end()) {
        found = property->second.find("\"" + op + "\"") != std::string::npos;
        listed = property->second;
      }
    }
    if (found) return;
    throw Error(Category::unsupported, "operation",
                "connector '" + connector_->manifest.name + "' offers no '" + op + "' for " + entity +
                    " (it offers: " + (listed.empty() ? "only reading" : listed) + ")")
        .with_hint("choose one of the operations that the entity lists");
  }

  std::vector<WriteOutcome> completed(Reports reports, const std::optional<Error>& failed) const {
    for (std::size_t i = 0; i < reports.outcomes.size(); ++i) {
      if (reports.told[i]) continue;
      WriteOutcome& outcome = reports.outcomes[i];
      // Where the call ended before anything of the record was sent it has plainly failed.
      outcome.state = failed && failed->nothing_sent ? WriteOutcome::State::failed : WriteOutcome::State::unknown;
      outcome.error = failed ? *failed
                             : Error(Category::plugin, "contract",
                                     "connector '" + connector_->manifest.name + "' did not report what became of this record");
    }
    return std::move(reports.outcomes);
  }

  std::shared_ptr<const Connector> connector_;
  void* handle_;
  ::pid_t pid_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

class TablePlugin final : public Plugin {
 public:
  explicit TablePlugin(std::shared_ptr<const Connector> connector) : connector_(std::move(connector)) {}

  const Manifest& manifest() const noexcept override { return connector_->manifest; }
  const std::string& path() const noexcept override { return connector_->path; }

  bool offers(std::string_view slot) const noexcept override {
    const sg_connector& table = connector_->table;
    if (slot == "check") return table.check != nullptr;
    if (slot == "discover") return table.discover != nullptr;
    if (slot == "plan") return table.plan != nullptr;
    if (slot == "read_page") return table.read_page != nullptr;
    if (slot == "write_batch") return table.write_batch != nullptr;
    return false;
  }

  std::unique_ptr<Session> open(const std::string& connection_id, const Properties& config, CallContext& context) override {
    const std::vector<sg_pair> pairs = pairs_of(config);
    sg_open_request request{};
    request.size = sizeof request;
    request.minor = SG_ABI_MINOR;
    request.connection_id = text_of(connection_id);
    request.config = pairs.data();
    request.n_config = pairs.size();
    sg_call call{context, connector_->manifest};
    sg_error error = blank_error();
    void* handle = nullptr;
    if (connector_->table.open(&request, &call, &handle, &error) != 0) throw connector_->failure(error);
    return std::make_unique<TableSession>(connector_, handle);
  }

 private:
  std::shared_ptr<const Connector> connector_;
};

}  // namespace

std::shared_ptr<Plugin> make_table_plugin(const sg_connector& table, Manifest manifest, std::string path) {
  auto connector = std::make_shared<Connector>();
  connector->manifest = std::move(manifest);
  connector->path = std::move(path);
  const auto refuse = [&](const std::string& problem) {
    throw Error(Category::plugin, "abi", "connector '" + connector->manifest.name + "' (" + connector->path + "): " + problem)
        .with_hint("build the connector again with the SDK of this version");
  };
  if (table.size < smallest_table) {
    refuse("its function table has " + std::to_string(table.size) + " bytes, at least " + std::to_string(smallest_table) + " are needed");
  }
  std::memcpy(&connector->table, &table, std::min<std::size_t>(table.size, sizeof(sg_connector)));
  if (connector->table.open == nullptr) refuse("it has no function to open a session");
  return std::make_shared<TablePlugin>(std::move(connector));
}

}  // namespace switchgear

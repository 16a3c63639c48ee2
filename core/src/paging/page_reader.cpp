#include "switchgear/paging/page_reader.hpp"

#include <algorithm>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"
#include "switchgear/paging/continuation.hpp"

namespace switchgear {
namespace {

/// Keys come from nowhere else than records do, and are of the types that these have; what does not fit is refused.
RecordBatch keys_of(const std::string& removed, const std::vector<std::string>& key, const Schema& known) {
  PageColumnsOptions options;
  options.projected = true;
  options.only = key;
  options.nested = Nested::json;
  Schema columns;
  for (const std::string& name : key)
    if (const Field* field = known.find(name)) columns.fields.push_back(*field);
  if (columns.fields.size() == key.size()) {
    options.schema = std::move(columns);
    options.mode = SchemaMode::strict;
  }
  const JsonPage page(Buffer(removed), PagePointers{});
  PageColumns keys(std::move(options));
  if (!keys.settled()) {
    keys.look_at(page, page.count_records());
    keys.settle();
  }
  const RecordBatch read = keys.read(page);
  const Schema found = from_arrow_schema(*read.schema());
  Schema wanted;
  std::vector<std::size_t> places;
  for (const std::string& name : key) {
    const Field* const field = found.find(name);
    if (field == nullptr) throw Error(Category::protocol, "removed", "a removed record has no '" + name + "', which is part of its key");
    places.push_back(static_cast<std::size_t>(field - found.fields.data()));
    wanted.fields.push_back(*field);
  }
  return read.columns(places, to_arrow_schema(wanted));
}

/// A page that is more than its records.
bool speaks_of_changes(const JsonPage& page) { return page.delta().has_value() || page.removed().has_value(); }

constexpr auto no_timeout = std::chrono::hours(24 * 365);

}  // namespace

PageReader::PageReader(Loader load, PageReaderOptions options)
    : PageReader(Open([load = std::move(load)](const std::string&) { return load; }), std::move(options)) {}

PageReader::PageReader(const Open& open, PageReaderOptions options)
    : options_(std::move(options)), columns_(options_.columns), left_(options_.limit) {
  Continuation start{options_.entity};
  if (!options_.start.empty()) {
    start = Continuation::from_text(options_.start, options_.entity);
  } else if (!options_.partitions.empty()) {
    start.places.clear();
    for (const std::string& partition : options_.partitions) start.places.push_back({partition, "", {}});
  }
  token_ = start.to_text();
  finished_ = start.ended() || left_ == 0;
  complete_ = options_.start.empty() && options_.partitions.empty() && left_ < 0;
  fetcher_ = std::make_unique<PageFetcher>(open, finished_ ? std::vector<Place>() : std::move(start.places),
                                           ListingOptions{options_.connection_id, options_.entity, options_.key, options_.key_in_pages},
                                           options_.fetch);
}

PageReader::~PageReader() = default;

void PageReader::stop() { fetcher_->stop(); }

int PageReader::ready_fd() {
  process_.check("the reader of '" + options_.entity + "'");
  return fetcher_->ready_fd();
}

std::string PageReader::place() const { return Continuation{options_.entity, fetcher_->places()}.to_text(); }

/// What is being handled, with the names that data/ can't know.
std::exception_ptr PageReader::current_failure() const {
  try {
    throw;
  } catch (const Error& error) {
    Error named = error;
    if (named.connection_id.empty()) named.connection_id = options_.connection_id;
    if (named.entity.empty()) named.entity = options_.entity;
    if (options_.on_failure) options_.on_failure(named);
    return std::make_exception_ptr(std::move(named));
  } catch (...) {
    return std::current_exception();
  }
}

bool PageReader::wait_for_front(std::chrono::milliseconds timeout) {
  process_.check("the reader of '" + options_.entity + "'");
  if (broken_ != nullptr) std::rethrow_exception(broken_);
  if (finished_) return true;
  if (postponed_ != nullptr) std::rethrow_exception(broken_ = std::exchange(postponed_, nullptr));
  PageFetcher::State state{};
  try {
    state = fetcher_->wait(timeout);
  } catch (...) {
    broken_ = current_failure();  // told once, thrown by each call from now on
    std::rethrow_exception(broken_);
  }
  if (state == PageFetcher::State::pending) return false;
  finished_ = state == PageFetcher::State::end;
  return true;
}

/// A total is a word of the source that nothing depends on; but when it differs, somebody wants to know.
void PageReader::check_total() {
  if (!std::exchange(complete_, false)) return;
  const PageStats done = stats();
  if (!done.total || *done.total == static_cast<std::int64_t>(done.records + done.filtered)) return;
  log(LogLevel::warning, options_.connection_id + "/" + options_.entity,
      "the source says that there are " + std::to_string(*done.total) + " records, its pages held " +
          std::to_string(done.records + done.filtered) + ": records came or went meanwhile, or its total is wrong");
}

// The page at the front is one more to learn columns from. It waits aside, its bytes counted, so that the next one can come.
void PageReader::learn_schema() {
  PageFetcher::Taken front = fetcher_->pop();
  bool enough = false;
  if (front.page.foreign) {
    columns_.read(*front.page.foreign);
  } else {
    std::size_t records = 0;
    try {
      records = columns_.look_at(*front.page.json, options_.inference_records - looked_at_records_);
    } catch (const Error&) {
      if (looked_at_.empty()) throw;
      enough = true;  // thrown again when it is this page's turn
    }
    looked_at_records_ += records;
    if (records == 0 && looked_at_.empty() &&
        !(options_.changes && speaks_of_changes(*front.page.json))) {  // tells nothing about columns, and is passed over
      fetcher_->settle(front);
      count_page(front, 0, false);
      return;
    }
  }
  looked_at_.push_back(std::move(front));
  if (!columns_.settled() && (enough || has_looked_enough())) columns_.settle();
}

// More pages make better columns, but the first one is waited for; and what comes too late is widened, rescued or refused.
bool PageReader::has_looked_enough() const {
  return columns_.evolves() || looked_at_records_ >= options_.inference_records || looked_at_.size() >= options_.inference_pages ||
         (left_ >= 0 && looked_at_records_ >= static_cast<std::size_t>(left_)) || fetcher_->held_bytes() >= options_.fetch.max_bytes / 2;
}

bool PageReader::schema_for(std::chrono::milliseconds timeout) {
  if (!schema_known() && broken_ != nullptr) std::rethrow_exception(broken_);
  while (!schema_known()) {
    bool ended = false;
    try {
      if (!wait_for_front(timeout)) return false;
      ended = finished_;
    } catch (const Error&) {
      if (looked_at_.empty() || broken_ == nullptr) throw;
      postponed_ = std::exchange(broken_, nullptr);  // until the pages before it were taken
      ended = true;
    }
    guarded([this, ended] { ended ? columns_.settle() : learn_schema(); });
  }
  return true;
}

const Schema& PageReader::schema() {
  while (!schema_for(no_timeout)) {
  }
  return columns_.schema();
}

const SharedArrowSchema& PageReader::arrow_schema() {
  schema();
  return columns_.arrow_schema();
}

void PageReader::count_page(const PageFetcher::Taken& taken, std::int64_t records, bool held_any) {
  token_ = place();
  filtered_before_ = columns_.filtered();
  empty_pages_ = held_any ? 0 : empty_pages_ + 1;
  {
    const std::lock_guard lock(mutex_);
    stats_.pages += 1;
    stats_.records += static_cast<std::uint64_t>(records);
    stats_.filtered = columns_.filtered();
    stats_.bytes += taken.page.bytes;
    stats_.rescued = columns_.rescued();
    if (taken.page.total) stats_.total = taken.page.total;
  }
  if (empty_pages_ < options_.max_empty_pages) return;
  throw Error(Category::protocol, "empty_pages",
              std::to_string(empty_pages_) + " pages in a row had no records but each named another page")
      .with_hint("the listing seems endless; report it to the source's operator");
}

void PageReader::read_changes(const JsonPage& json, Page& page) {
  if (json.delta()) page.changes = Continuation{options_.entity, {Place{"", *json.delta(), {}}}}.to_text();
  if (!json.removed()) return;
  RecordBatch keys = keys_of(*json.removed(), options_.key, columns_.schema());
  if (keys.length() > 0) page.removed = std::move(keys);
}

std::optional<Page> PageReader::take_front() {
  PageFetcher::Taken taken;
  if (looked_at_.empty()) {
    taken = fetcher_->pop();
  } else {
    taken = std::move(looked_at_.front());
    looked_at_.pop_front();
  }
  FetchedPage& fetched = taken.page;
  if (fetched.json.has_value() != columns_.reads_json()) {
    throw Error(Category::plugin, "page_format", "the connector mixes JSON pages and Arrow pages in one listing")
        .with_hint("return one kind for an entity");
  }
  Page page{fetched.json ? columns_.read(*fetched.json) : columns_.read(*fetched.foreign), {}, fetched.total};
  if (fetched.json && options_.changes) read_changes(*fetched.json, page);
  fetched.json.reset();  // before its bytes are given back
  const bool filtered = columns_.filtered() > filtered_before_;
  const bool nothing_left = page.batch.length() == 0 && filtered && !page.removed && page.changes.empty();
  bool whole = true;
  if (left_ >= 0) {
    whole = page.batch.length() <= left_;
    if (!whole) page.batch = page.batch.first(left_);  // its rest is not taken: whoever goes on begins with this page again
    left_ -= page.batch.length();
  }
  fetcher_->settle(taken, whole);
  count_page(taken, page.batch.length(), page.batch.length() > 0 || filtered || page.removed);
  page.token = token_;
  if (left_ == 0) {
    finished_ = true;
    stop();
  }
  if (nothing_left) return std::nullopt;
  return page;
}

// What fails here fails for good: to go on with the page after a broken one would lose its records in silence.
template <class Function>
void PageReader::guarded(Function function) {
  try {
    function();
  } catch (...) {
    broken_ = current_failure();
    stop();
    std::rethrow_exception(broken_);
  }
}

PageReader::Wait PageReader::next_for(std::chrono::milliseconds timeout, std::optional<Page>& page) {
  page.reset();
  if (broken_ != nullptr) std::rethrow_exception(broken_);
  if (!schema_for(timeout)) return Wait::pending;
  if (looked_at_.empty()) {
    if (!wait_for_front(timeout)) return Wait::pending;
    if (finished_) {
      check_total();
      return Wait::end;
    }
  }
  guarded([&] { page = take_front(); });
  return page ? Wait::page : Wait::passed;
}

std::optional<Page> PageReader::next() {
  std::optional<Page> page;
  for (;;) {
    const Wait wait = next_for(no_timeout, page);
    if (wait == Wait::page || wait == Wait::end) return page;
  }
}

PageStats PageReader::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace switchgear

#include "switchgear/paging/page_reader.hpp"

#include <algorithm>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/paging/continuation.hpp"

namespace switchgear {
namespace {

constexpr auto no_timeout = std::chrono::hours(24 * 365);

}  // namespace

PageReader::PageReader(Loader load, PageReaderOptions options) : options_(std::move(options)), left_(options_.limit) {
  options_.prefetch = std::max<std::size_t>(options_.prefetch, 1);
  if (options_.schema) {
    columns_.emplace(*options_.schema, options_.projected);
    schema_ = columns_->schema();
  }
  Continuation start{options_.entity};
  if (!options_.start.empty()) start = Continuation::from_text(options_.start, options_.entity);
  token_ = start.to_text();
  finished_ = start.ended() || left_ == 0;
  if (!finished_) {
    listing_.emplace(std::move(load), ListingOptions{options_.connection_id, options_.entity, options_.key, options_.key_in_pages},
                     std::move(start.places.front()));
  }
}

PageReader::~PageReader() { stop(); }

void PageReader::stop() { producer_.request_stop(); }

std::string PageReader::text_of(const std::optional<Place>& place) const {
  Continuation text{options_.entity, {}};
  if (place) text.places.push_back(*place);
  return text.to_text();
}

/// What is being handled, with the names that data/ and the loader's source can't know.
std::exception_ptr PageReader::current_failure() const {
  try {
    throw;
  } catch (const Error& error) {
    Error named = error;
    if (named.connection_id.empty()) named.connection_id = options_.connection_id;
    if (named.entity.empty()) named.entity = options_.entity;
    return std::make_exception_ptr(std::move(named));
  } catch (...) {
    return std::current_exception();
  }
}

// ---- the producer ---------------------------------------------------------------------------------------------------

void PageReader::start_once() {
  if (!producer_.joinable()) producer_ = std::jthread([this](const std::stop_token& stop) { produce(stop); });
}

void PageReader::produce(const std::stop_token& stop) {
  std::exception_ptr failure;
  try {
    do {
      {
        std::unique_lock lock(mutex_);
        const bool room = changed_.wait(
            lock, stop, [this] { return queue_.empty() || (queue_.size() < options_.prefetch && queued_bytes_ < options_.max_bytes); });
        if (!room) break;
      }
      FetchedPage fetched = listing_->fetch(stop);
      const std::lock_guard lock(mutex_);
      queued_bytes_ += fetched.bytes;
      queue_.push_back(std::move(fetched));
      changed_.notify_all();
    } while (!listing_->ended());
  } catch (...) {
    failure = current_failure();
  }
  if (failure == nullptr && stop.stop_requested()) {
    failure = std::make_exception_ptr(Error(Category::cancelled, "the reader was stopped"));
  }
  const std::lock_guard lock(mutex_);
  failure_ = failure;
  produced_all_ = true;
  changed_.notify_all();
}

// ---- the consumer ---------------------------------------------------------------------------------------------------

bool PageReader::wait_for_front(std::chrono::milliseconds timeout) {
  process_.check("the reader of '" + options_.entity + "'");
  if (broken_ != nullptr) std::rethrow_exception(broken_);
  if (finished_) return true;
  start_once();
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return !queue_.empty() || produced_all_; };
  if (!changed_.wait_for(lock, timeout, ready)) return false;
  if (!queue_.empty()) return true;
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  finished_ = true;
  return true;
}

bool PageReader::learn_schema() {
  FetchedPage* front = nullptr;
  {
    const std::lock_guard lock(mutex_);
    front = &queue_.front();  // stays where it is: only this thread takes from a deque that the other appends to
  }
  if (front->foreign) {
    foreign_schema_ = front->foreign->schema();
    schema_ = from_arrow_schema(*foreign_schema_);
    return true;
  }
  const std::optional<Schema> inferred = front->json->infer(options_.inference_records);
  if (!inferred) return false;
  columns_.emplace(*inferred, options_.projected);
  schema_ = columns_->schema();
  return true;
}

bool PageReader::schema_for(std::chrono::milliseconds timeout) {
  while (!schema_known()) {
    if (!wait_for_front(timeout)) return false;
    if (finished_) {
      columns_.emplace(Schema{});  // no record at all: no columns but _rescued
      schema_ = columns_->schema();
    } else {
      guarded([this] {
        // A page without records tells nothing about columns; it is passed over.
        if (learn_schema()) return;
        const FetchedPage empty = pop_front();
        count_page(empty, text_of(empty.after), 0);
      });
    }
  }
  return true;
}

const Schema& PageReader::schema() {
  while (!schema_for(no_timeout)) {
  }
  return schema_;
}

const SharedArrowSchema& PageReader::arrow_schema() {
  schema();
  return foreign_schema_ != nullptr ? foreign_schema_ : columns_->arrow_schema();
}

FetchedPage PageReader::pop_front() {
  const std::lock_guard lock(mutex_);
  FetchedPage fetched = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= fetched.bytes;
  changed_.notify_all();
  return fetched;
}

void PageReader::count_page(const FetchedPage& fetched, std::string token, std::int64_t records) {
  token_ = std::move(token);
  empty_pages_ = records > 0 ? 0 : empty_pages_ + 1;
  {
    const std::lock_guard lock(mutex_);
    stats_.pages += 1;
    stats_.records += static_cast<std::uint64_t>(records);
    stats_.bytes += fetched.bytes;
    stats_.rescued = columns_ ? columns_->rescued() : 0;
  }
  if (empty_pages_ < options_.max_empty_pages) return;
  throw Error(Category::protocol, "empty_pages",
              std::to_string(empty_pages_) + " pages in a row had no records but each named another page")
      .with_hint("the listing seems endless; report it to the source's operator");
}

Page PageReader::take_front() {
  FetchedPage fetched = pop_front();
  if (fetched.json.has_value() != columns_.has_value()) {
    throw Error(Category::plugin, "page_format", "the connector mixes JSON pages and Arrow pages in one listing")
        .with_hint("return one kind for an entity");
  }
  Page page{fetched.json ? columns_->read(*fetched.json) : *fetched.foreign, text_of(fetched.after), fetched.total};
  if (left_ >= 0) {
    if (page.batch.length() > left_) {
      page.batch = page.batch.first(left_);
      page.token = text_of(fetched.before);  // its rest was not taken: whoever goes on begins with this page again
    }
    left_ -= page.batch.length();
  }
  count_page(fetched, page.token, page.batch.length());
  if (left_ == 0) {
    finished_ = true;
    stop();
  }
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
  if (!wait_for_front(timeout)) return Wait::pending;
  if (finished_) return Wait::end;
  guarded([&] { page = take_front(); });
  return Wait::page;
}

std::optional<Page> PageReader::next() {
  std::optional<Page> page;
  while (next_for(no_timeout, page) == Wait::pending) {
  }
  return page;
}

PageStats PageReader::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace switchgear

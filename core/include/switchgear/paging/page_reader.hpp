// Reads a listing page by page: fetches ahead, notices loops, turns pages into columns, knows where to go on.
//
// The pages are fetched by a thread of the reader's own, at most `prefetch` pages and `max_bytes` ahead; they are turned into columns in
// the thread that calls next(). The continuation token of a page is known before its columns are built, so the next page is under way
// meanwhile. One thread calls next(); stop() and stats() may be called from any. Destruction ends a request in flight within 100 ms.
// What the source did wrong is thrown by next() as Error, after the pages that came before it, and again by each call after that.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "switchgear/base/process_stamp.hpp"
#include "switchgear/connector/plugin.hpp"
#include "switchgear/data/json_columns.hpp"
#include "switchgear/data/json_page.hpp"
#include "switchgear/data/record_batch.hpp"
#include "switchgear/data/schema.hpp"
#include "switchgear/paging/listing.hpp"

namespace switchgear {

struct PageReaderOptions {
  std::string connection_id;  ///< whose errors these are
  std::string entity;
  std::vector<std::string> key;            ///< fields that identify a record
  bool key_in_pages = true;                ///< false: the columns asked for lack them
  std::optional<Schema> schema;            ///< nothing: inferred from the first page that has records
  bool projected = false;                  ///< `schema` is what was asked for: other members are left out, not rescued
  std::string start;                       ///< a Continuation's text; "": the beginning
  std::int64_t limit = -1;                 ///< records; -1: all
  std::size_t prefetch = 2;                ///< pages fetched ahead, at least 1
  std::uint64_t max_bytes = 64U << 20U;    ///< of pages fetched ahead; one page is always let through
  std::size_t max_empty_pages = 1000;      ///< in a row, before the listing is taken for endless
  std::size_t inference_records = 10'000;  ///< how many records of the first page are looked at
};

struct Page {
  RecordBatch batch;
  std::string token;                  ///< where to go on after this page: a Continuation's text
  std::optional<std::int64_t> total;  ///< what the source says there is in all
};

struct PageStats {
  std::uint64_t pages = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;    ///< decompressed
  std::uint64_t rescued = 0;  ///< records with something in `_rescued`
};

class PageReader {
 public:
  using Loader = PageLoader;

  enum class Wait { page, end, pending };

  PageReader(Loader load, PageReaderOptions options);
  ~PageReader();
  PageReader(const PageReader&) = delete;
  PageReader& operator=(const PageReader&) = delete;

  /// The next page, or nothing at the end.
  std::optional<Page> next();

  /// Waits at most `timeout`: `pending` means that the page is still under way.
  Wait next_for(std::chrono::milliseconds timeout, std::optional<Page>& page);

  /// The columns; waits for the first page where they have to be inferred.
  const Schema& schema();
  const SharedArrowSchema& arrow_schema();
  bool schema_known() const noexcept { return columns_.has_value() || foreign_schema_ != nullptr; }

  /// Waits at most `timeout` until the columns are known (true), or nothing more can make them known.
  bool schema_for(std::chrono::milliseconds timeout);

  /// Where to go on after the last page taken.
  const std::string& token() const noexcept { return token_; }

  void stop();

  /// False in a process forked from the reader's: there it must not be destroyed either, because its thread is missing.
  bool is_usable() const noexcept { return process_.is_current(); }
  PageStats stats() const;

 private:
  void produce(const std::stop_token& stop);
  void start_once();
  bool wait_for_front(std::chrono::milliseconds timeout);  // false: still pending
  bool learn_schema();                                     // false: the page at the front has no records
  FetchedPage pop_front();
  void count_page(const FetchedPage& fetched, std::string token, std::int64_t records);
  Page take_front();
  template <class Function>
  void guarded(Function function);

  std::exception_ptr current_failure() const;
  std::string text_of(const std::optional<Place>& place) const;

  ProcessStamp process_;
  PageReaderOptions options_;
  std::string token_;

  // The consumer's.
  std::optional<JsonColumns> columns_;
  SharedArrowSchema foreign_schema_;
  Schema schema_;
  std::int64_t left_;  // of the limit; -1: no limit
  std::size_t empty_pages_ = 0;
  bool finished_ = false;
  std::exception_ptr broken_;  // a page could not be read: the end of this reader

  // The producer's.
  std::optional<Listing> listing_;

  // Shared.
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<FetchedPage> queue_;
  std::uint64_t queued_bytes_ = 0;
  bool produced_all_ = false;
  std::exception_ptr failure_;
  PageStats stats_;

  std::jthread producer_;  // last: it uses all of the above
};

}  // namespace switchgear

// Reads a listing page by page: fetches ahead, notices loops, turns pages into columns, knows where to go on.
//
// The pages are fetched on threads of the process's FetchPool (page_fetcher.hpp), at most `prefetch` pages and `max_bytes` ahead, or
// `parallel` parts of the listing side by side; they are turned into columns in the thread that calls next(). The continuation token of a
// page is known before its columns are built, so the next page is under way meanwhile. One thread calls next(); stop(), stats() and
// ready_fd() may be called from any. Destruction ends a request in flight within 100 ms.
// What the source did wrong is thrown by next() as Error, after the pages that came before it, and again by each call after that.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/base/process_stamp.hpp"
#include "switchgear/connector/plugin.hpp"
#include "switchgear/data/json_page.hpp"
#include "switchgear/data/page_columns.hpp"
#include "switchgear/data/record_batch.hpp"
#include "switchgear/paging/listing.hpp"
#include "switchgear/paging/page_fetcher.hpp"

namespace switchgear {

struct PageReaderOptions {
  std::string connection_id;  ///< whose errors these are
  std::string entity;
  std::vector<std::string> key;            ///< fields that identify a record
  bool key_in_pages = true;                ///< false: the columns asked for lack them
  PageColumnsOptions columns{};            ///< declared or inferred, and what becomes of what does not fit
  std::string start;                       ///< a Continuation's text; "": the beginning
  std::int64_t limit = -1;                 ///< records; -1: all
  bool changes = false;                    ///< pages may say what is gone, and how to ask for changes later
  std::vector<std::string> partitions;     ///< parts of the listing, see Session::plan; none: it is read as a whole
  FetchOptions fetch;                      ///< how far ahead, how much at once, how much memory
  std::size_t max_empty_pages = 1000;      ///< in a row, before the listing is taken for endless
  std::size_t inference_records = 10'000;  ///< looked at for columns that nobody declares, before the first page is given out
  std::size_t inference_pages = 10;        ///< the same for pages; where columns may still change later, one page is enough
  /// Told of what next() throws, on the thread that meets it; must not throw.
  std::function<void(const Error&)> on_failure = {};
};

struct Page {
  RecordBatch batch;
  std::string token;                  ///< where to go on after this page: a Continuation's text
  std::optional<std::int64_t> total;  ///< what the source says there is in all
  /// Keys of records that are gone; one that is in `batch` as well has come back. Nothing: none are.
  std::optional<RecordBatch> removed = std::nullopt;
  /// Of the last page: a Continuation's text, with which a listing of what has changed begins; "": the source names none.
  std::string changes = {};
};

struct PageStats {
  std::uint64_t pages = 0;
  std::uint64_t records = 0;
  std::uint64_t filtered = 0;         ///< left out, by conditions that the source was not asked for
  std::uint64_t bytes = 0;            ///< decompressed
  std::uint64_t rescued = 0;          ///< records with something in `_rescued`
  std::optional<std::int64_t> total;  ///< what the source said last there is in all; it may lie
};

class PageReader {
 public:
  using Loader = PageLoader;
  using Open = PageFetcher::Open;

  enum class Wait {
    page,
    end,
    pending,
    passed,  ///< a page was there, and the conditions left nothing of it: whoever waits may look up before the next
  };

  PageReader(Loader load, PageReaderOptions options);
  /// With a loader, that is a session, for each part.
  PageReader(const Open& open, PageReaderOptions options);
  ~PageReader();
  PageReader(const PageReader&) = delete;
  PageReader& operator=(const PageReader&) = delete;

  /// The next page, or nothing at the end.
  std::optional<Page> next();

  /// Waits at most `timeout`: `pending` means that the page is still under way.
  Wait next_for(std::chrono::milliseconds timeout, std::optional<Page>& page);

  /// The columns of the next page; waits for the first pages where they have to be inferred.
  const Schema& schema();
  const SharedArrowSchema& arrow_schema();
  bool schema_known() const noexcept { return columns_.settled(); }

  /// The columns stay what they are, or will be: for an Arrow stream. Call it before anything else.
  void freeze_schema() noexcept { columns_.freeze(); }

  /// Waits at most `timeout` until the columns are known (true), or nothing more can make them known.
  bool schema_for(std::chrono::milliseconds timeout);

  /// Where to go on after the last page taken.
  const std::string& token() const noexcept { return token_; }

  void stop();

  /// Becomes readable when next_for(0) would not be pending, for an event loop; the reader's own, not to be closed. Starts fetching.
  int ready_fd();

  /// False in a process forked from the reader's: there it must not be destroyed either, because its thread is missing.
  bool is_usable() const noexcept { return process_.is_current(); }
  PageStats stats() const;

 private:
  bool wait_for_front(std::chrono::milliseconds timeout);  // false: still pending
  void learn_schema();
  bool has_looked_enough() const;
  void count_page(const PageFetcher::Taken& taken, std::int64_t records, bool held_any);
  void read_changes(const JsonPage& json, Page& page);
  std::optional<Page> take_front();  // nothing: it is passed
  template <class Function>
  void guarded(Function function);

  std::exception_ptr current_failure() const;
  void check_total();
  std::string place() const;

  ProcessStamp process_;
  PageReaderOptions options_;
  std::string token_;

  // The consumer's.
  PageColumns columns_;
  std::deque<PageFetcher::Taken> looked_at_;  // for the columns' sake; to be given out before those of the fetcher
  std::size_t looked_at_records_ = 0;
  std::int64_t left_;  // of the limit; -1: no limit
  std::size_t empty_pages_ = 0;
  std::uint64_t filtered_before_ = 0;
  bool finished_ = false;
  std::exception_ptr broken_;     // a page could not be read: the end of this reader
  std::exception_ptr postponed_;  // the same, after the pages that were looked at before it

  bool complete_ = false;  // from the beginning, whole: the source's total can be compared

  mutable std::mutex mutex_;
  PageStats stats_;

  std::unique_ptr<PageFetcher> fetcher_;
};

}  // namespace switchgear

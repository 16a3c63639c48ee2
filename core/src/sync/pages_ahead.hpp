// The pages of a reader, turned into columns on a thread of their own, so that parsing goes on while those that came before are written.
//
// The columns that wait are at most `max_bytes` and a page, and count in the process's budget of bytes; while that is used up, one page
// waits. One thread takes the pages, and sees them, their end and what went wrong in the reader's order. The reader outlives this, and is
// nobody else's until the end was taken. Without a thread each page is parsed when it is asked for. Throws what PageReader::next_for()
// throws.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "switchgear/paging/page_reader.hpp"

namespace switchgear::sync_detail {

class PagesAhead {
 public:
  /// `max_bytes` 0: without a thread.
  PagesAhead(PageReader& pages, std::uint64_t max_bytes);
  PagesAhead(const PagesAhead&) = delete;
  PagesAhead& operator=(const PagesAhead&) = delete;
  ~PagesAhead();

  /// As PageReader::next_for().
  PageReader::Wait next_for(std::chrono::milliseconds timeout, std::optional<Page>& page);

  /// Of the pages that were taken.
  const PageStats& stats() const noexcept { return stats_; }

 private:
  struct Came {
    PageReader::Wait wait = PageReader::Wait::pending;
    std::optional<Page> page;
    std::exception_ptr error;
    PageStats stats;
    std::uint64_t bytes = 0;

    bool is_last() const noexcept { return error != nullptr || wait == PageReader::Wait::end; }
  };

  void read_on();
  Came read_one(std::chrono::milliseconds timeout);
  bool has_room() const;

  PageReader& pages_;
  const std::uint64_t max_bytes_;
  PageStats stats_;

  std::mutex mutex_;
  std::condition_variable came_, taken_;
  std::deque<Came> waiting_;
  std::uint64_t bytes_ = 0;  // of those
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace switchgear::sync_detail

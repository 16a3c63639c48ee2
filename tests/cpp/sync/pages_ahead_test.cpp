#include "pages_ahead.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/paging/memory_budget.hpp"

namespace switchgear::sync_detail {
namespace {

using namespace std::chrono_literals;
using Wait = PageReader::Wait;
using Numbers = std::vector<std::int64_t>;

constexpr std::int64_t pages = 500;
constexpr std::int64_t fails_behind = 3;

/// Pages with one number each; with `fails` the fourth one is an error.
class Source {
 public:
  explicit Source(bool fails = false) {
    PageReaderOptions options;
    options.connection_id = "plant";
    options.entity = "Numbers";
    reader_.emplace(
        [this, fails](const std::string& token, const std::stop_token&) {
          const std::int64_t number = token.empty() ? 0 : std::stoll(token);
          if (fails && number == fails_behind) throw Error(Category::bad_request, "the source has had enough");
          {
            const std::lock_guard lock(mutex_);
            asked_ = number + 1;
          }
          changed_.notify_all();
          RawPage page;
          const std::string next = number + 1 < pages ? R"(,"next":")" + std::to_string(number + 1) + "\"" : "";
          page.body = Buffer(R"({"data":[{"n":)" + std::to_string(number) + "}]" + next + "}");
          page.records = "/data";
          page.next = "/next";
          return page;
        },
        std::move(options));
  }

  PageReader& reader() { return *reader_; }
  std::int64_t asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  void wait_until_asked_for(std::int64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ >= count; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t asked_ = 0;
  std::optional<PageReader> reader_;
};

std::int64_t number_of(const Page& page) { return static_cast<const std::int64_t*>(page.batch.array()->children[0]->buffers[1])[0]; }

Numbers taken(PagesAhead& ahead) {
  Numbers numbers;
  for (std::optional<Page> page;;) {
    const Wait wait = ahead.next_for(100ms, page);
    if (wait == Wait::end) return numbers;
    if (wait != Wait::page) continue;
    numbers.push_back(number_of(*page));
    EXPECT_EQ(ahead.stats().pages, numbers.size()) << "of those that were taken, however many are parsed";
  }
}

Numbers all() {
  Numbers numbers;
  for (std::int64_t i = 0; i < pages; ++i) numbers.push_back(i);
  return numbers;
}

std::uint64_t bytes_in_use() { return MemoryBudget::process().in_use(); }

class PagesAheadWith : public testing::TestWithParam<std::uint64_t> {};

TEST_P(PagesAheadWith, PagesComeInTheirOrder) {
  {
    Source source;
    PagesAhead ahead(source.reader(), GetParam());
    EXPECT_EQ(taken(ahead), all());
    EXPECT_EQ(taken(ahead), Numbers()) << "the end is told again";
  }
  EXPECT_EQ(bytes_in_use(), 0U);
}

TEST_P(PagesAheadWith, WhatGoesWrongComesBehindThePagesBeforeIt) {
  Source source(true);
  PagesAhead ahead(source.reader(), GetParam());
  std::int64_t pages_before = 0;
  const auto take = [&] {
    std::optional<Page> page;
    while (ahead.next_for(100ms, page) != Wait::page) {
    }
    ++pages_before;
  };
  for (std::int64_t i = 0; i < fails_behind; ++i) take();
  EXPECT_EQ(pages_before, fails_behind);
  EXPECT_THROW(take(), Error);
  EXPECT_THROW(take(), Error);
}

INSTANTIATE_TEST_SUITE_P(Bytes, PagesAheadWith, testing::Values(0, 1, 64U << 20U));

TEST(PagesAhead, ParsesWhileNobodyTakes) {
  Source source;
  PagesAhead ahead(source.reader(), 64U << 20U);
  source.wait_until_asked_for(pages);
  EXPECT_EQ(ahead.stats().pages, 0U);
  EXPECT_EQ(taken(ahead), all());
}

TEST(PagesAhead, HoldsNoMoreThanItMay) {
  // For the columns' sake the reader looks at ten pages, and it fetches two ahead; one waits here, and one is on its way.
  constexpr std::int64_t at_most_ahead = 10 + 2 + 2;
  Source source;
  PagesAhead ahead(source.reader(), 1);
  std::optional<Page> page;
  for (std::int64_t taken = 0; taken < pages; ++taken) {
    while (ahead.next_for(100ms, page) != Wait::page) {
    }
    std::this_thread::yield();
    ASSERT_LE(source.asked(), taken + 1 + at_most_ahead);
  }
}

TEST(PagesAhead, OneThatIsLeftEarlyStopsAndGivesItsBytesBack) {
  std::int64_t asked = 0;
  {
    Source source;
    PagesAhead ahead(source.reader(), 1);
    for (std::optional<Page> page; ahead.next_for(100ms, page) != Wait::page;) {
    }
    asked = source.asked();
  }
  EXPECT_LT(asked, pages);
  EXPECT_EQ(bytes_in_use(), 0U);
}

}  // namespace
}  // namespace switchgear::sync_detail

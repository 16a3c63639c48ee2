// Parts of a listing read side by side, and many readers at once, through PageReader.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/paging/continuation.hpp"
#include "switchgear/paging/page_reader.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

/// Numbers in parts "from-to", so many on a page; tokens are numbers.
struct Source {
  std::int64_t page_size = 3;
  std::function<void(std::int64_t from, const std::stop_token& stop)> before = {};
  std::atomic<int> in_flight = 0, most_in_flight = 0, requests = 0, sessions = 0, most_sessions = 0;

  struct Session {
    explicit Session(Source& of) : source(of) { raise(source.sessions, source.most_sessions); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() { --source.sessions; }
    Source& source;
  };

  static void raise(std::atomic<int>& count, std::atomic<int>& most) {
    const int now = ++count;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
  }

  PageReader::Open open() {
    return [this](const std::string& part) -> PageLoader {
      auto session = std::make_shared<Session>(*this);
      return [this, part, session](const std::string& token, const std::stop_token& stop) { return page(part, token, stop); };
    };
  }

  RawPage page(const std::string& part, const std::string& token, const std::stop_token& stop) {
    const std::int64_t from = token.empty() ? std::stoll(part) : std::stoll(token);
    const std::int64_t end = std::stoll(part.substr(part.find('-') + 1));
    raise(in_flight, most_in_flight);
    ++requests;
    try {
      if (before) before(from, stop);
    } catch (...) {
      --in_flight;
      throw;
    }
    std::string body = R"({"data":[)";
    const std::int64_t to = std::min(from + page_size, end);
    for (std::int64_t i = from; i < to; ++i) body += (i != from ? R"(,{"n":)" : R"({"n":)") + std::to_string(i) + "}";
    body += to < end ? "],\"next\":" + std::to_string(to) + "}" : "]}";
    RawPage page;
    page.body = Buffer(body);
    page.records = "/data";
    page.next = "/next";
    --in_flight;
    return page;
  }
};

PageReaderOptions options(std::size_t parallel, bool ordered = true,
                          std::vector<std::string> parts = {"0-10", "10-10", "10-11", "11-30", "30-33", "33-50"}) {
  PageReaderOptions result;
  result.connection_id = "plant";
  result.entity = "Numbers";
  Field n;
  n.name = "n";
  n.type = DataType::int64;
  result.columns.schema = Schema{{n}};
  result.partitions = std::move(parts);
  result.fetch.parallel = parallel;
  result.fetch.ordered = ordered;
  result.fetch.group = "plant";
  return result;
}

void append(std::vector<std::int64_t>& all, const RecordBatch& batch) {
  const auto* numbers = static_cast<const std::int64_t*>(batch.array()->children[0]->buffers[1]);
  all.insert(all.end(), numbers + batch.array()->offset, numbers + batch.array()->offset + batch.length());
}

std::vector<std::int64_t> read_all(PageReader& reader) {
  std::vector<std::int64_t> all;
  while (const auto page = reader.next()) append(all, page->batch);
  return all;
}

std::vector<std::int64_t> numbers(std::int64_t to) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(to));
  std::iota(result.begin(), result.end(), 0);
  return result;
}

std::vector<std::int64_t> sorted(std::vector<std::int64_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

TEST(Parallel, PartsComeInTheListingsOrder) {
  for (const std::size_t parallel : {1, 2, 3, 8}) {
    Source source;
    PageReader reader(source.open(), options(parallel));
    EXPECT_EQ(read_all(reader), numbers(50)) << parallel;
    EXPECT_LE(source.most_in_flight, static_cast<int>(parallel));
    EXPECT_LE(source.most_sessions, static_cast<int>(parallel) + 1) << "a session is given back when its part is read";
    EXPECT_EQ(source.sessions, 0);
    EXPECT_TRUE(Continuation::from_text(reader.token(), "Numbers").ended());
  }
}

TEST(Parallel, UnorderedPartsComeOnceEach) {
  for (const std::size_t parallel : {1, 2, 3, 8}) {
    Source source;
    PageReader reader(source.open(), options(parallel, false));
    EXPECT_EQ(sorted(read_all(reader)), numbers(50)) << parallel;
  }
}

TEST(Parallel, SoManyAreInFlightAtOnce) {
  Source source;
  std::latch all(4);
  source.before = [&](std::int64_t from, const std::stop_token&) {
    if (from % 10 == 0) all.arrive_and_wait();  // ends only if four are there
  };
  PageReader reader(source.open(), options(4, true, {"0-9", "10-19", "20-29", "30-39"}));
  read_all(reader);
  EXPECT_EQ(source.most_in_flight, 4);
}

TEST(Parallel, NeverMoreInFlightThanTheLimiterAllows) {
  Source source;
  PageReaderOptions limited = options(8);
  std::atomic<std::size_t> limit = 2;
  limited.fetch.in_flight_limit = [&] { return limit.load(); };
  PageReader reader(source.open(), limited);
  EXPECT_EQ(read_all(reader), numbers(50));
  EXPECT_LE(source.most_in_flight, 2);
}

TEST(Parallel, GoesOnFromEveryTokenParallelOrNotOrderedOrNot) {
  for (const bool ordered : {true, false}) {
    Source source;
    PageReader reader(source.open(), options(3, ordered));
    std::vector<std::int64_t> taken;
    while (const auto page = reader.next()) {
      append(taken, page->batch);
      for (const std::size_t parallel : {1, 4}) {
        for (const bool in_order : {true, false}) {
          PageReaderOptions resumed = options(parallel, in_order, {});
          resumed.start = page->token;
          PageReader rest(source.open(), resumed);
          std::vector<std::int64_t> all = read_all(rest);
          all.insert(all.end(), taken.begin(), taken.end());
          ASSERT_EQ(sorted(all), numbers(50)) << ordered << parallel << in_order << " " << page->token;
        }
      }
    }
  }
}

TEST(Parallel, AFailedPartLosesNothingOfTheOthers) {
  for (const bool ordered : {true, false}) {
    Source source;
    std::atomic<bool> broken = true;
    source.before = [&](std::int64_t from, const std::stop_token&) {
      if (broken && from == 17) throw Error(Category::offline, "lost", "cut").with_hint("again");
    };
    PageReader reader(source.open(), options(3, ordered));
    std::vector<std::int64_t> all;
    std::string code;
    try {
      while (const auto page = reader.next()) append(all, page->batch);
    } catch (const Error& error) {
      code = error.code();
      EXPECT_EQ(error.connection_id + "/" + error.entity, "plant/Numbers");
    }
    EXPECT_EQ(code, "offline.lost");
    if (ordered) {
      EXPECT_EQ(all, numbers(17)) << "all that stands before it";
    }
    broken = false;
    PageReaderOptions resumed = options(2, ordered, {});
    resumed.start = reader.token();
    PageReader rest(source.open(), resumed);
    const auto more = read_all(rest);
    all.insert(all.end(), more.begin(), more.end());
    EXPECT_EQ(sorted(all), numbers(50)) << ordered;
  }
}

TEST(Parallel, ClosingStopsAllThatIsInFlight) {
  Source source;
  std::latch all(4);
  source.before = [&](std::int64_t, const std::stop_token& stop) {
    all.count_down();
    while (!stop.stop_requested()) std::this_thread::yield();
    throw Error(Category::cancelled, "stopped");
  };
  {
    PageReader reader(source.open(), options(4));
    std::optional<Page> page;
    EXPECT_EQ(reader.next_for(0ms, page), PageReader::Wait::pending);
    all.wait();
  }
  EXPECT_EQ(source.in_flight, 0);
  EXPECT_EQ(source.sessions, 0);
}

// ---- memory

std::uint64_t page_cost() {
  Source source;
  const RawPage raw = source.page("0-3", "", {});
  return JsonPage(Buffer(raw.body.view()), {"/data", {}, {}, {}, {}, ""}).held_bytes() + 100;
}

TEST(Memory, APageLargerThanTheBudgetSaysSo) {
  Source source;
  source.page_size = 1000;
  PageReaderOptions small = options(1, true, {"0-1000"});
  small.fetch.max_bytes = 5000;
  PageReader reader(source.open(), small);
  try {
    reader.next();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "config.page_too_large");
    EXPECT_NE(error.message.find("more than the 5000 bytes that this reader may hold"), std::string::npos) << error.message;
    EXPECT_NE(error.hint.find("page_size"), std::string::npos);
  }
  MemoryBudget budget(5000);
  PageReaderOptions shared = options(1, true, {"0-1000"});
  shared.fetch.budget = &budget;
  PageReader other(source.open(), shared);
  EXPECT_THROW(other.next(), Error);
}

TEST(Memory, PagesAheadStayWithinTheReadersBudget) {
  for (const bool ordered : {true, false}) {
    Source source;
    MemoryBudget budget;
    PageReaderOptions tight = options(4, ordered);
    tight.fetch.max_bytes = 3 * page_cost();
    tight.fetch.budget = &budget;
    {
      PageReader reader(source.open(), tight);
      EXPECT_EQ(sorted(read_all(reader)), numbers(50)) << ordered;
    }
    EXPECT_LE(budget.peak(), 4 * page_cost()) << "and the page that is always let through";
    EXPECT_EQ(budget.in_use(), 0U);
  }
}

TEST(Memory, ReadersThatShareASmallBudgetAllEnd) {
  constexpr std::size_t count = 24;
  MemoryBudget budget(2 * page_cost());  // less than a page for each
  FetchPool pool(6);
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      Source source;
      PageReaderOptions shared = options(1 + i % 3, i % 2 == 0);
      shared.fetch.budget = &budget;
      shared.fetch.pool = &pool;
      shared.fetch.group = std::to_string(i % 4);
      PageReader reader(source.open(), shared);
      if (sorted(read_all(reader)) == numbers(50)) ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, static_cast<int>(count));
  EXPECT_EQ(budget.in_use(), 0U);
  EXPECT_LE(budget.peak(), (2 + 2 * count) * page_cost()) << "the budget, a page a reader, and what pages were larger than was thought";
}

TEST(Memory, AReaderThatIsNotReadOnDoesNotStopTheOthers) {
  MemoryBudget budget(4 * page_cost());
  Source source;
  PageReaderOptions shared = options(4);
  shared.fetch.budget = &budget;
  PageReader idle(source.open(), shared);
  idle.next();  // holds what it could get, for ever
  PageReader busy(source.open(), shared);
  EXPECT_EQ(read_all(busy), numbers(50));
}

// ---- many readers

bool readable(int fd, std::chrono::milliseconds timeout = 0ms) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(timeout.count())) == 1;
}

TEST(ReadyFd, IsReadableWhenNextWouldNotWait) {
  Source source;
  std::latch go(1);
  source.before = [&](std::int64_t from, const std::stop_token&) {
    if (from == 3) go.wait();
  };
  PageReaderOptions one = options(1, true, {"0-6"});
  PageReader reader(source.open(), one);
  const int fd = reader.ready_fd();
  std::optional<Page> page;
  EXPECT_TRUE(readable(fd, 10s));
  EXPECT_EQ(reader.next_for(0ms, page), PageReader::Wait::page);
  EXPECT_EQ(reader.next_for(0ms, page), PageReader::Wait::pending);
  EXPECT_FALSE(readable(fd));
  go.count_down();
  EXPECT_TRUE(readable(fd, 10s));
  EXPECT_EQ(reader.next_for(0ms, page), PageReader::Wait::page);
  EXPECT_TRUE(readable(fd, 10s));
  EXPECT_EQ(reader.next_for(0ms, page), PageReader::Wait::end);
  EXPECT_TRUE(readable(fd)) << "the end does not have to be waited for, however often it is asked for";
}

TEST(ReadyFd, TellsAFailureToo) {
  Source source;
  source.before = [](std::int64_t, const std::stop_token&) { throw Error(Category::offline, "lost", "cut").with_hint("again"); };
  PageReader reader(source.open(), options(2));
  EXPECT_TRUE(readable(reader.ready_fd(), 10s));
  std::optional<Page> page;
  EXPECT_THROW(reader.next_for(0ms, page), Error);
}

// 20 connections of 10 readers each on 8 threads, driven by this one; the source of the first connection hangs until all others are done.
TEST(ManyReaders, TwoHundredOfThemEndAndNoConnectionIsLeftBehind) {
  constexpr std::size_t connections = 20;
  constexpr std::size_t readers_each = 10;
  constexpr int pages_each = 17 * static_cast<int>(readers_each);
  FetchPool pool(8);
  MemoryBudget budget;
  std::latch release(1);
  std::mutex mutex;
  std::map<std::size_t, int> begun;
  int least_when_first_was_done = pages_each;
  const auto count = [&](std::size_t connection) {
    const std::lock_guard lock(mutex);
    if (++begun[connection] < pages_each || least_when_first_was_done != pages_each) return;
    for (std::size_t other = 1; other < connections; ++other) least_when_first_was_done = std::min(least_when_first_was_done, begun[other]);
  };
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<std::unique_ptr<PageReader>> readers;
  for (std::size_t i = 0; i < connections * readers_each; ++i) {
    const std::size_t connection = i % connections;
    sources.push_back(std::make_unique<Source>());
    sources.back()->before = [&, connection](std::int64_t, const std::stop_token&) {
      if (connection == 0) release.wait();
      count(connection);
    };
    PageReaderOptions how = options(1, true, {"0-50"});
    how.fetch.pool = &pool;
    how.fetch.budget = &budget;
    how.fetch.group = "connection " + std::to_string(connection);
    readers.push_back(std::make_unique<PageReader>(sources.back()->open(), how));
  }
  std::vector<pollfd> waiting;
  for (const auto& reader : readers) waiting.push_back({reader->ready_fd(), POLLIN, 0});
  std::vector<std::size_t> records(readers.size(), 0);
  std::size_t open = readers.size();
  while (open > 0) {
    if (open == readers_each && !release.try_wait()) release.count_down();
    ASSERT_GT(::poll(waiting.data(), waiting.size(), 60'000), 0);
    for (std::size_t i = 0; i < readers.size(); ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      std::optional<Page> page;
      const PageReader::Wait state = readers[i]->next_for(0ms, page);
      ASSERT_NE(state, PageReader::Wait::pending);
      if (page) records[i] += static_cast<std::size_t>(page->batch.length());
      if (state != PageReader::Wait::end) continue;
      waiting[i].fd = -1;
      --open;
    }
  }
  EXPECT_EQ(records, std::vector<std::size_t>(readers.size(), 50));
  EXPECT_LE(pool.most_threads(), 8U);
  // The bound: when one connection has begun all of its pages, every other has begun at least half of its own.
  EXPECT_GE(least_when_first_was_done, pages_each / 2);
}

}  // namespace
}  // namespace switchgear

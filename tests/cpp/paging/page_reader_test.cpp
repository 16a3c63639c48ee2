#include "switchgear/paging/page_reader.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"
#include "switchgear/paging/continuation.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

/// A listing of `count` numbered records, `size` a page; tokens are offsets.
struct Numbers {
  std::int64_t count = 100;
  std::int64_t size = 10;
  std::atomic<int> requests = 0;

  RawPage page(const std::string& token) {
    ++requests;
    const std::int64_t from = token.empty() ? 0 : std::stoll(token);
    const std::int64_t to = std::min(from + size, count);
    std::string body = R"({"data":[)";
    for (std::int64_t i = from; i < to; ++i) body += (i != from ? "," : "") + std::string(R"({"n":)") + std::to_string(i) + "}";
    body += "],\"total\":" + std::to_string(count) + (to < count ? ",\"next\":\"" + std::to_string(to) + "\"}" : "}");
    return raw(body);
  }

  static RawPage raw(std::string_view body) {
    RawPage page;
    page.body = Buffer(body);
    page.records = "/data";
    page.next = "/next";
    page.total = "/total";
    return page;
  }

  PageReader::Loader loader() {
    return [this](const std::string& token, const std::stop_token&) { return page(token); };
  }
};

PageReaderOptions options() {
  PageReaderOptions result;
  result.connection_id = "plant";
  result.entity = "Numbers";
  return result;
}

std::vector<std::int64_t> values(const RecordBatch& batch) {
  const ::ArrowArray& column = *batch.array()->children[0];
  const auto* numbers = static_cast<const std::int64_t*>(column.buffers[1]);
  return {numbers + batch.array()->offset, numbers + batch.array()->offset + batch.length()};
}

std::vector<std::int64_t> read_all(PageReader& reader) {
  std::vector<std::int64_t> all;
  while (const auto page = reader.next()) {
    const auto part = values(page->batch);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::vector<std::int64_t> numbers(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> result;
  for (; from < to; ++from) result.push_back(from);
  return result;
}

std::string failure_of(PageReader& reader) {
  try {
    while (reader.next()) {
    }
  } catch (const Error& error) {
    EXPECT_FALSE(error.hint.empty()) << error.describe();
    EXPECT_EQ(error.connection_id + "/" + error.entity, "plant/Numbers") << "whoever reads the log asks which connection it was";
    return error.code();
  }
  return "no error";
}

TEST(PageReader, ReadsEveryPageOnce) {
  for (const std::int64_t size : {1, 7, 10, 100, 1000}) {
    Numbers listing{100, size};
    PageReader reader(listing.loader(), options());
    EXPECT_EQ(read_all(reader), numbers(0, 100)) << size;
    EXPECT_EQ(reader.next(), std::nullopt);
    EXPECT_EQ(listing.requests, (100 + size - 1) / size);
    EXPECT_EQ(reader.stats().records, 100U);
  }
}

TEST(PageReader, GoesOnFromEveryToken) {
  Numbers listing{50, 7};
  std::vector<std::string> tokens;
  PageReader reader(listing.loader(), options());
  std::int64_t taken = 0;
  std::vector<std::int64_t> counts;
  while (const auto page = reader.next()) {
    taken += page->batch.length();
    EXPECT_EQ(reader.token(), page->token);
    tokens.push_back(page->token);
    counts.push_back(taken);
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    PageReaderOptions resumed = options();
    resumed.start = tokens[i];
    PageReader rest(listing.loader(), resumed);
    EXPECT_EQ(read_all(rest), numbers(counts[i], 50)) << i;
  }
}

TEST(PageReader, ALimitCutsAPageAndItsTokenLosesNothing) {
  Numbers listing{50, 10};
  PageReaderOptions limited = options();
  limited.limit = 25;
  PageReader reader(listing.loader(), limited);
  EXPECT_EQ(read_all(reader), numbers(0, 25));
  PageReaderOptions resumed = options();
  resumed.start = reader.token();
  PageReader rest(listing.loader(), resumed);
  EXPECT_EQ(read_all(rest), numbers(20, 50)) << "the page that was cut is read again, whole";
  limited.limit = 0;
  PageReader none(listing.loader(), limited);
  EXPECT_EQ(none.next(), std::nullopt);
}

TEST(PageReader, FetchesAheadButNoFurtherThanAllowed) {
  Numbers listing{1000, 10};
  PageReaderOptions ahead = options();
  ahead.fetch.prefetch = 3;
  PageReader reader(listing.loader(), ahead);
  reader.next();
  while (listing.requests < 4) std::this_thread::yield();  // one taken, three ahead
  EXPECT_LE(listing.requests, 5) << "at most one more may be in flight";
  ahead.fetch.max_bytes = 1000;
  Numbers small{1000, 10};
  PageReader careful(small.loader(), ahead);
  careful.next();
  while (small.requests < 2) std::this_thread::yield();
  EXPECT_LE(small.requests, 3);
}

TEST(PageReader, EachKindOfEndlessListingIsNamed) {
  const auto repeat = [](const std::string& token, const std::stop_token&) {
    return Numbers::raw(token == "b"   ? R"({"data":[{"n":3}],"next":"a"})"
                        : token == "a" ? R"({"data":[{"n":2}],"next":"b"})"
                                       : R"({"data":[{"n":1}],"next":"a"})");
  };
  PageReader circle(repeat, options());
  std::vector<std::int64_t> seen;
  std::string code;
  try {
    while (const auto page = circle.next()) seen.push_back(values(page->batch).front());
  } catch (const Error& error) {
    code = error.code();
  }
  EXPECT_EQ(code, "protocol.page_loop");
  EXPECT_EQ(seen, numbers(1, 3)) << "the page with the wrong link is read again by whoever goes on";

  PageReaderOptions impatient = options();
  impatient.max_empty_pages = 20;
  int page_number = 0;
  const auto empty = [&page_number](const std::string&, const std::stop_token&) {
    return Numbers::raw(R"({"data":[],"next":")" + std::to_string(page_number++) + "\"}");
  };
  PageReader endless(empty, impatient);
  EXPECT_EQ(failure_of(endless), "protocol.empty_pages");
  EXPECT_EQ(failure_of(endless), "protocol.empty_pages") << "it stays so";
}

TEST(PageReader, AnEmptyPageWithATokenIsNotTheEnd) {
  const auto gaps = [](const std::string& token, const std::stop_token&) {
    return Numbers::raw(token.empty()  ? R"({"data":[],"next":"a"})"
                        : token == "a" ? R"({"data":[{"n":0}],"next":"b"})"
                        : token == "b" ? R"({"data":[],"next":"c"})"
                                       : R"({"data":[{"n":1}]})");
  };
  PageReader reader(gaps, options());
  EXPECT_EQ(read_all(reader), numbers(0, 2));
}

TEST(PageReader, APageSaysWhatIsGoneAndHowToAskForMore) {
  const auto changes = [](const std::string& token, const std::stop_token&) {
    RawPage page = Numbers::raw(token == "D1" ? R"({"data":[],"gone":[{"n":7,"why":"x"},{"n":8}],"next":"2"})"
                                              : R"({"data":[{"n":8,"s":"a"}],"gone":[],"later":"D2"})");
    page.removed = "/gone";
    page.delta = "/later";
    return page;
  };
  PageReaderOptions asked = options();
  asked.key = {"n"};
  asked.changes = true;
  asked.start = Continuation{"Numbers", {Place{"", "D1", {}}}}.to_text();
  PageReader reader(changes, asked);
  const auto first = reader.next();
  ASSERT_TRUE(first && first->removed) << "a page without records, before columns are known";
  EXPECT_EQ(values(*first->removed), (std::vector<std::int64_t>{7, 8}));
  EXPECT_EQ(first->removed->array()->n_children, 1);
  EXPECT_EQ(first->changes, "");
  const auto last = reader.next();
  ASSERT_TRUE(last);
  EXPECT_FALSE(last->removed);
  EXPECT_EQ(last->batch.length(), 1);
  EXPECT_EQ(Continuation::from_text(last->changes, "Numbers").places.at(0).token, "D2");
  EXPECT_FALSE(reader.next());
  asked.changes = false;
  PageReader plain(changes, asked);
  EXPECT_FALSE(plain.next()->removed);
}

TEST(PageReader, ABrokenPageEndsTheReadingForGood) {
  const auto broken = [](const std::string& token, const std::stop_token&) {
    return Numbers::raw(token.empty()  ? R"({"data":[{"n":0}],"next":"a"})"
                        : token == "a" ? R"({"data":[{"n":tru}],"next":"b"})"
                                       : R"({"data":[{"n":2}]})");
  };
  PageReader reader(broken, options());
  EXPECT_TRUE(reader.next().has_value());
  const std::string token = reader.token();
  EXPECT_EQ(failure_of(reader), "protocol.json");
  EXPECT_EQ(failure_of(reader), "protocol.json") << "the page after it must not be taken as if nothing had happened";
  EXPECT_EQ(reader.token(), token);
}

TEST(PageReader, TheSourcesErrorComesAfterThePagesBeforeIt) {
  Numbers listing{30, 10};
  const auto failing = [&](const std::string& token, const std::stop_token&) {
    if (token == "20") throw Error(Category::offline, "lost", "gone").with_hint("wait");
    return listing.page(token);
  };
  PageReader reader(failing, options());
  EXPECT_TRUE(reader.next() && reader.next());
  EXPECT_EQ(failure_of(reader), "offline.lost");
  EXPECT_EQ(failure_of(reader), "offline.lost");
}

TEST(PageReader, DestructionStopsARequestInFlight) {
  std::atomic<bool> started = false;
  std::atomic<bool> stopped = false;
  {
    PageReader reader(
        [&](const std::string&, const std::stop_token& stop) -> RawPage {
          started = true;
          while (!stop.stop_requested()) std::this_thread::yield();
          stopped = true;
          throw Error(Category::cancelled, "stopped");
        },
        options());
    std::optional<Page> page;
    while (!started) EXPECT_EQ(reader.next_for(1ms, page), PageReader::Wait::pending);
  }
  EXPECT_TRUE(stopped);
}

TEST(PageReader, AReaderThatIsStoppedSaysSo) {
  Numbers listing{1000, 1};
  PageReader reader(listing.loader(), options());
  reader.next();
  reader.stop();
  try {
    while (reader.next()) {
    }
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "cancelled");
  }
}

TEST(PageReader, WithoutAnyRecordThereAreNoColumnsButTheRescued) {
  PageReader reader([](const std::string&, const std::stop_token&) { return Numbers::raw(R"({"data":[]})"); }, options());
  EXPECT_EQ(reader.schema().fields.size(), 1U);
  EXPECT_EQ(reader.next(), std::nullopt);
}

TEST(PageReader, ATotalThatLiesEndsNothingAndIsNamed) {
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel level, std::string_view component, std::string_view message) {
    if (level == LogLevel::warning) lines.push_back(std::string(component) + ": " + std::string(message));
  });
  const auto read = [](const std::string& total, std::int64_t limit) {
    PageReaderOptions how = options();
    how.limit = limit;
    PageReader reader(
        [&](const std::string& token, const std::stop_token&) {
          return Numbers::raw(R"({"total":)" + total +
                              (token.empty() ? R"(,"data":[{"n":0},{"n":1}],"next":"a"})" : R"(,"data":[{"n":2}]})"));
        },
        how);
    EXPECT_EQ(read_all(reader), numbers(0, limit < 0 ? 3 : limit));
    return reader.stats().total;
  };
  EXPECT_EQ(read("1", -1), 1) << "fewer than there are: the rest comes all the same";
  EXPECT_EQ(read("700", -1), 700);
  EXPECT_EQ(read("3", -1), 3);
  EXPECT_EQ(read("700", 2), 700) << "who asked for some did not see all";
  set_log_sink(nullptr);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].substr(0, 66), "plant/Numbers: the source says that there are 1 records, its pages");
}

TEST(PageReader, WithoutPrefetchNothingIsAskedForBeforeItIsWaitedFor) {
  Numbers listing{100, 10};
  PageReaderOptions lazy = options();
  lazy.fetch.prefetch = 0;
  PageReader reader(listing.loader(), lazy);
  for (int taken = 1; taken <= 10; ++taken) {
    reader.next();
    EXPECT_EQ(listing.requests, taken);
  }
  EXPECT_EQ(reader.next(), std::nullopt);
}

TEST(PageReader, ManyReadersAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      Numbers listing{500, 7};
      PageReader reader(listing.loader(), options());
      if (read_all(reader) != numbers(0, 500)) ++wrong;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

/// A listing of these pages, each the text of its records.
PageReader::Loader pages_of(std::vector<std::string> pages, std::atomic<int>& requests) {
  return [pages = std::move(pages), &requests](const std::string& token, const std::stop_token&) {
    ++requests;
    const std::size_t at = token.empty() ? 0 : std::stoul(token);
    if (pages[at] == "fails") throw Error(Category::offline, "connect", "no route").with_hint("look at the cable");
    std::string body = "{\"data\":" + pages[at];
    if (at + 1 < pages.size()) body += ",\"next\":\"" + std::to_string(at + 1) + "\"";
    return Numbers::raw(body + "}");
  };
}

std::string columns_of(const Schema& schema) {
  std::string text;
  for (const Field& field : schema.fields) text += field.name + ":" + type_text(field) + " ";
  return text;
}

TEST(PageReader, AFrozenSchemaIsLearnedFromSeveralPages) {
  std::atomic<int> requests = 0;
  PageReaderOptions frozen = options();
  frozen.columns.mode = SchemaMode::frozen;
  frozen.fetch.prefetch = 1;
  PageReader reader(pages_of({"[]", "[{\"a\":1}]", "[]", "[{\"a\":1.5}]", "[{\"b\":true}]"}, requests), frozen);
  EXPECT_EQ(columns_of(reader.schema()), "a:float64 b:bool _rescued:json ");
  std::vector<std::int64_t> lengths;
  while (const auto page = reader.next()) lengths.push_back(page->batch.length());
  EXPECT_EQ(lengths, (std::vector<std::int64_t>{1, 0, 1, 1})) << "what was looked at is given out";
  EXPECT_EQ(requests, 5);
  EXPECT_EQ(reader.stats().pages, 5U);
}

TEST(PageReader, LearningASchemaDoesNotHoldPagesBackForEver) {
  Numbers listing{1000, 10};
  PageReaderOptions frozen = options();
  frozen.columns.mode = SchemaMode::frozen;
  frozen.fetch.prefetch = 1;
  for (const std::size_t limit_by : {0U, 1U, 2U, 3U}) {
    PageReaderOptions bounded = frozen;
    if (limit_by == 0) bounded.inference_pages = 3;
    if (limit_by == 1) bounded.inference_records = 25;
    if (limit_by == 2) bounded.fetch.max_bytes = 2000;
    if (limit_by == 3) bounded.limit = 30;
    listing.requests = 0;
    PageReader reader(listing.loader(), bounded);
    reader.schema();
    EXPECT_LE(listing.requests, 8) << limit_by;
    EXPECT_EQ(read_all(reader), numbers(0, limit_by == 3 ? 30 : 1000)) << limit_by;
  }
  listing.requests = 0;
  PageReader evolving(listing.loader(), options());
  evolving.schema();
  EXPECT_LE(listing.requests, 3) << "one page is enough where columns may still change";
}

TEST(PageReader, WhatFailsWhileASchemaIsLearnedComesInItsTurn) {
  for (const char* broken : {"fails", "[{\"a\":}]", "[7]"}) {
    std::atomic<int> requests = 0;
    PageReaderOptions frozen = options();
    frozen.columns.mode = SchemaMode::frozen;
    PageReader reader(pages_of({"[{\"a\":1}]", "[{\"a\":2}]", broken}, requests), frozen);
    EXPECT_EQ(columns_of(reader.schema()), "a:int64 _rescued:json ");
    EXPECT_EQ(values(reader.next()->batch), numbers(1, 2));
    EXPECT_EQ(values(reader.next()->batch), numbers(2, 3));
    EXPECT_NE(failure_of(reader), "no error") << broken;
  }
}

TEST(PageReader, EvolvingPagesSayWhatTheyHave) {
  std::atomic<int> requests = 0;
  PageReader reader(pages_of({"[{\"a\":1}]", "[{\"a\":\"x\",\"b\":1}]", "[{\"a\":2}]"}, requests), options());
  std::vector<std::string> seen;
  while (const auto page = reader.next()) seen.push_back(columns_of(from_arrow_schema(*page->batch.schema())));
  EXPECT_EQ(seen, (std::vector<std::string>{"a:int64 _rescued:json ", "a:json b:int64 _rescued:json ", "a:json b:int64 _rescued:json "}));
  EXPECT_EQ(reader.stats().rescued, 0U);
}

TEST(PageReader, AStrictReaderEndsWhereSomethingDoesNotFit) {
  std::atomic<int> requests = 0;
  PageReaderOptions strict = options();
  strict.columns.mode = SchemaMode::strict;
  strict.inference_pages = 1;
  PageReader reader(pages_of({"[{\"a\":1}]", "[{\"a\":1},{\"a\":0.5}]"}, requests), strict);
  EXPECT_EQ(values(reader.next()->batch), numbers(1, 2));
  EXPECT_EQ(failure_of(reader), "data.schema");
}

}  // namespace
}  // namespace switchgear

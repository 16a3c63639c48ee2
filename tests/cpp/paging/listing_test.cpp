#include "switchgear/paging/listing.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/data/json_columns.hpp"

namespace switchgear {
namespace {

/// A table whose rows may change between pages, listed by offset in the way that a connector would: `overlap` rows are read again.
struct Table {
  std::deque<int> rows;
  int page_size = 10;
  int overlap = 2;
  std::function<void(int request)> before;  // called before each request is answered
  int requests = 0;

  static Table of(int count) {
    Table table;
    for (int i = 0; i < count; ++i) table.rows.push_back(i);
    return table;
  }

  // Tokens: "120" (begin there, less the overlap) or "back:20:100" (re-read 20 in front of 100).
  RawPage page(const std::string& token) {
    if (before) before(requests);
    ++requests;
    std::int64_t at = 0;
    std::int64_t again = overlap;
    if (token.starts_with("back:")) {
      again = std::stoll(token.substr(5));
      at = std::stoll(token.substr(token.rfind(':') + 1));
    } else if (!token.empty()) {
      at = std::stoll(token);
    }
    again = std::min(again, at);
    RawPage page;
    page.offset = at - again;
    page.overlap = static_cast<std::uint64_t>(again);
    page.back = again < at ? "back:" + std::to_string(again * 4) + ":" + std::to_string(at) : "";
    std::string body = "[";
    for (std::int64_t i = at - again; i < at + page_size && i < static_cast<std::int64_t>(rows.size()); ++i) {
      body += (body.size() > 1 ? R"(,{"id":)" : R"({"id":)") + std::to_string(rows[static_cast<std::size_t>(i)]) + "}";
    }
    page.body = Buffer(body + "]");
    return page;
  }

  PageLoader loader() {
    return [this](const std::string& token, const std::stop_token&) { return page(token); };
  }
};

ListingOptions options(std::vector<std::string> key = {"id"}) { return {"plant", "Things", std::move(key), true}; }

std::vector<int> ids(FetchedPage& page) {
  Field id;
  id.name = "id";
  id.type = DataType::int64;
  JsonColumns columns(Schema{{id}});
  const RecordBatch batch = columns.read(*page.json);
  const auto* values = static_cast<const std::int64_t*>(batch.array()->children[0]->buffers[1]);
  return {values, values + batch.length()};
}

std::vector<int> read_all(PageLoader load, ListingOptions how = options(), Place start = {}) {
  Listing listing(std::move(load), std::move(how), std::move(start));
  std::vector<int> all;
  while (!listing.ended()) {
    FetchedPage page = listing.fetch({});
    for (const int id : ids(page)) all.push_back(id);
  }
  return all;
}

/// Reads all, each page by a reader of its own that knows nothing but the place after the page before, as text.
std::vector<int> read_all_restarting(const PageLoader& load) {
  std::vector<int> all;
  for (std::string text;;) {
    const Continuation from = text.empty() ? Continuation{"Things"} : Continuation::from_text(text, "Things");
    if (from.ended()) return all;
    Listing listing(load, options(), from.places.front());
    FetchedPage page = listing.fetch({});
    for (const int id : ids(page)) all.push_back(id);
    Continuation after{"Things", {}};
    if (page.after) after.places.push_back(*page.after);
    text = after.to_text();
  }
}

std::vector<int> numbers(int from, int to) {
  std::vector<int> result;
  for (; from < to; ++from) result.push_back(from);
  return result;
}

std::string code_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_FALSE(error.hint.empty()) << error.describe();
    return error.code();
  }
  return "no error";
}

PageLoader scripted(std::map<std::string, std::function<RawPage()>> pages) {
  return [pages = std::move(pages)](const std::string& token, const std::stop_token&) {
    const auto found = pages.find(token);
    if (found == pages.end()) throw Error(Category::not_found, "no page '" + token + "'").with_hint("the test's script has none");
    return found->second();
  };
}

RawPage raw(std::string_view body, std::string_view records = "/data") {
  RawPage page;
  page.body = Buffer(body);
  page.records = records;
  page.next = "/next";
  return page;
}

// ---- where it goes on

TEST(Listing, OffsetsCountWhatCameNotWhatWasAskedFor) {
  Table clamped = Table::of(95);
  clamped.overlap = 0;
  clamped.page_size = 7;  // whatever the connector asks for
  EXPECT_EQ(read_all(clamped.loader()), numbers(0, 95));
  EXPECT_EQ(clamped.requests, 15) << "14 pages, and the empty one that ends it: a short page ends nothing";
}

TEST(Listing, OverlappingPagesGiveEachRecordOnce) {
  for (const int count : {0, 1, 2, 9, 10, 11, 20, 21, 100}) {
    Table table = Table::of(count);
    EXPECT_EQ(read_all(table.loader()), numbers(0, count)) << count;
    EXPECT_EQ(read_all_restarting(table.loader()), numbers(0, count)) << count;
  }
}

TEST(Listing, RowsInsertedBeforeAnOffsetComeOnce) {
  Table table = Table::of(100);
  table.before = [&](int request) {
    for (int i = 0; i < 5 && request > 0 && request < 15; ++i) table.rows.push_front(1000 + request * 10 + i);
  };
  EXPECT_EQ(read_all(table.loader()), numbers(0, 100)) << "more than the overlap, and still known";
  Table again = Table::of(100);
  again.before = [&](int request) {
    if (request > 0 && request < 15) again.rows.push_front(1000 + request);
  };
  EXPECT_EQ(read_all_restarting(again.loader()), numbers(0, 100));
}

TEST(Listing, RowsDeletedBeforeAnOffsetLoseNothing) {
  for (const int deleted : {1, 2, 3, 7}) {
    Table table = Table::of(100);
    int gone = 0;
    table.before = [&](int request) {
      for (int i = 0; i < deleted && request % 2 == 1; ++i, ++gone) table.rows.pop_front();
    };
    EXPECT_EQ(read_all(table.loader()), numbers(0, 100)) << deleted << " at a time; all were read before they went";
    EXPECT_GT(gone, 0);
  }
  Table restarted = Table::of(100);
  restarted.before = [&](int request) {
    for (int i = 0; i < 3 && request % 2 == 1; ++i) restarted.rows.pop_front();
  };
  EXPECT_EQ(read_all_restarting(restarted.loader()), numbers(0, 100));
}

TEST(Listing, RowsThatVanishFasterThanPagesComeAreNamed) {
  Table table = Table::of(1000);
  table.before = [&](int request) {
    if (request != 1) return;
    table.rows.clear();
    for (int i = 0; i < 500; ++i) table.rows.push_back(5000 + i);
  };
  Listing listing(table.loader(), options(), {});
  listing.fetch({});
  const Place before = listing.place();
  EXPECT_EQ(code_of([&] { listing.fetch({}); }), "protocol.shifted");
  EXPECT_EQ(listing.place(), before) << "whoever goes on begins with the page that failed";
}

TEST(Listing, OverlapWithoutAKeyIsRefusedNotGuessed) {
  Table table = Table::of(30);
  EXPECT_EQ(code_of([&] { read_all(table.loader(), options({})); }), "config.overlap");
}

TEST(Listing, AKeysetGoesOnFromTheLastRecord) {
  std::vector<std::string> asked;
  const auto load = [&](const std::string& token, const std::stop_token&) {
    asked.push_back(token);
    RawPage page = raw(token.empty()               ? R"({"data":[{"id":1,"at":"a"},{"id":2,"at":"b\"&="}]})"
                       : token == R"(["b\"&=",2])" ? R"({"data":[{"id":3,"at":"c"}]})"
                                                   : R"({"data":[]})");
    page.next = std::nullopt;
    page.next_fields = {"/at", "/id"};
    return page;
  };
  EXPECT_EQ(read_all(load), numbers(1, 4));
  EXPECT_EQ(asked, (std::vector<std::string>{"", R"(["b\"&=",2])", R"(["c",3])"}));
}

TEST(Listing, WhatTheSourceSaysOfMoreWinsOverItsNext) {
  const auto load = scripted({{"", [] { return raw(R"({"data":[{"id":1}],"next":"a","more":true})"); }},
                              {"a", [] { return raw(R"({"data":[{"id":2}],"next":"b","more":"-"})"); }}});
  const auto with_more = [&](const std::string& token, const std::stop_token& stop) {
    RawPage page = load(token, stop);
    page.more = "/more";
    return page;
  };
  EXPECT_EQ(read_all(with_more), numbers(1, 3));
}

TEST(Listing, PageNumbersEndAtAnEmptyPage) {
  const auto load = [](const std::string& token, const std::stop_token&) {
    const int number = token.empty() ? 1 : std::stoi(token);
    RawPage page = raw(number < 4 ? R"({"data":[{"id":)" + std::to_string(number) + "}]}" : R"({"data":[]})");
    page.next_token = std::to_string(number + 1);
    page.empty_is_last = true;
    return page;
  };
  EXPECT_EQ(read_all(load), numbers(1, 4));
}

TEST(Listing, TokensWithReservedCharactersComeBackAsTheyWere) {
  const std::string odd = "a&=&b c%2F+#?/\\\"\xC3\xA9\n";
  std::string asked;
  const auto load = [&](const std::string& token, const std::stop_token&) {
    asked = token;
    RawPage page = raw(R"({"data":[{"id":1}]})");
    page.next_token = token.empty() ? odd : "";
    return page;
  };
  read_all_restarting([&](const std::string& token, const std::stop_token& stop) {
    RawPage page = load(token, stop);
    if (!token.empty()) page.body = Buffer(R"({"data":[{"id":2}]})");
    return page;
  });
  EXPECT_EQ(asked, odd);
}

// ---- that it ends

TEST(Listing, APageEqualToTheOneBeforeIsALoopThoughTokensDiffer) {
  int number = 0;
  const auto deaf = [&](const std::string&, const std::stop_token&) {
    return raw(R"({"next":)" + std::to_string(++number) + R"(,"data":[{"id":1},{"id":2}]})");
  };
  Listing listing(deaf, options(), {});
  listing.fetch({});
  const Place before = listing.place();
  EXPECT_EQ(code_of([&] { listing.fetch({}); }), "protocol.page_loop");
  EXPECT_EQ(listing.place(), before);
}

TEST(Listing, EqualRecordsWithoutAKeyAreNoLoopUntilThereAreTooMany) {
  int number = 0;
  const auto readings = [&](const std::string&, const std::stop_token&) {
    return raw(R"({"next":)" + std::to_string(++number) + R"(,"data":[{"value":0}]})");
  };
  Listing listing(readings, options({}), {});
  for (int i = 0; i < 500; ++i) listing.fetch({});
  EXPECT_EQ(code_of([&] {
              for (int i = 0; i < 1000; ++i) listing.fetch({});
            }),
            "protocol.page_loop");
}

TEST(Listing, OverlappingPagesOfASourceThatIgnoresTheOffsetEnd) {
  Table table = Table::of(100);
  const auto deaf = [&](const std::string& token, const std::stop_token&) {
    RawPage page = table.page(token);
    page.body = table.page("").body;
    return page;
  };
  EXPECT_EQ(code_of([&] { read_all(deaf); }), "protocol.page_loop");
}

TEST(Listing, ATokenThatLeadsToItselfIsALoop) {
  Listing listing([](const std::string&, const std::stop_token&) { return raw(R"({"data":[{"id":1}],"next":"a"})"); }, options(),
                  {"", "a", {}});
  EXPECT_EQ(code_of([&] { listing.fetch({}); }), "protocol.page_loop") << "also for a reader that begins there";
}

TEST(Listing, AFailedPageCanBeAskedForAgain) {
  int number = 0;
  Table table = Table::of(50);
  const auto failing = [&](const std::string& token, const std::stop_token&) {
    if (++number % 3 == 2) throw Error(Category::offline, "lost", "the reply was cut").with_hint("try again");
    return table.page(token);
  };
  Listing listing(failing, options(), {});
  std::vector<int> all;
  int failures = 0;
  while (!listing.ended()) {
    try {
      FetchedPage page = listing.fetch({});
      for (const int id : ids(page)) all.push_back(id);
    } catch (const Error&) {
      ++failures;
    }
  }
  EXPECT_EQ(all, numbers(0, 50)) << "nothing lost or doubled";
  EXPECT_GT(failures, 1);
}

}  // namespace
}  // namespace switchgear

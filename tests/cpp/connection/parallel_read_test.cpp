// Reading in parts through the whole of it: connector, sessions, guard and reader.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>

#include "fake_transport.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/paging/entity_reader.hpp"
#include "switchgear/paging/partition.hpp"

namespace switchgear {
namespace {

/// A connector of 100 numbers, ten a page, that divides them into parts of 30 as "0-30", and asks its source for each page.
class NumbersPlugin final : public Plugin {
 public:
  NumbersPlugin()
      : manifest_(Manifest::parse(R"({"name":"numbers","version":"1.0.0","config":{"page_size":{"type":"int","default":10}},
        "entities":[{"name":"numbers","key":["n"],"fields":[{"name":"n","type":"int64"},{"name":"text","type":"utf8"}]}]})",
                                  "the test")) {}

  const Manifest& manifest() const noexcept override { return manifest_; }
  const std::string& path() const noexcept override { return path_; }
  bool offers(std::string_view slot) const noexcept override { return slot != "plan" || divides; }
  std::unique_ptr<Session> open(const std::string&, const Properties&, CallContext&) override;

  std::string plan = R"(["0-30","30-60","60-90","90-100"])";
  bool divides = true;
  std::atomic<std::int64_t> asked_parts = 0;

 private:
  Manifest manifest_;
  std::string path_;
};

class NumbersSession final : public Session {
 public:
  explicit NumbersSession(NumbersPlugin& plugin) : plugin_(plugin) {}
  void check(CallContext&) override {}
  std::string discover(CallContext&) override { return "{}"; }
  std::string plan(const PageRequest& request, CallContext&) override {
    plugin_.asked_parts = request.parts;
    return plugin_.plan;
  }
  RawPage read_page(const PageRequest& request, CallContext& call) override {
    const std::string part = request.partition.empty() ? "0-100" : request.partition;
    const std::int64_t from = std::stoll(request.token.empty() ? part : request.token);
    const std::int64_t end = std::stoll(part.substr(part.find('-') + 1));
    HttpRequest asked;
    asked.method = "GET";
    asked.url = "http://numbers.example/" + std::to_string(from);
    for (const std::string& column : request.columns) asked.url += "," + column;
    HttpResponse response = call.services.send(asked, {}, call.stop);
    if (const auto error = call.services.classify(response)) throw *error;
    std::string body = "[";
    for (std::int64_t i = from; i < std::min(from + 10, end); ++i) {
      body += (i > from ? R"(,{"n":)" : R"({"n":)") + std::to_string(i) + R"(,"text":"x"})";
    }
    RawPage page;
    page.body = Buffer(body + "]");
    page.next_token = from + 10 < end ? std::to_string(from + 10) : "";
    return page;
  }
  std::vector<WriteOutcome> write_batch(const std::string&, const Properties&, const std::string&, const std::vector<WriteRecord>&, bool,
                                        CallContext&) override {
    return {};
  }

 private:
  NumbersPlugin& plugin_;
};

std::unique_ptr<Session> NumbersPlugin::open(const std::string&, const Properties&, CallContext&) {
  return std::make_unique<NumbersSession>(*this);
}

struct Numbers {
  explicit Numbers(
      FakeTransport::Source source = [](const HttpRequest&) { return FakeTransport::reply(200, "{}"); }, GuardOptions guard = {})
      : transport(std::make_shared<FakeTransport>(std::move(source))) {
    ConnectionConfig config;
    config.id = "plant";
    config.transport = transport;
    config.guard = std::move(guard);
    connection = Connection::open(plugin, std::move(config), clock);
  }

  ManualClock clock;
  std::shared_ptr<NumbersPlugin> plugin = std::make_shared<NumbersPlugin>();
  std::shared_ptr<FakeTransport> transport;
  std::shared_ptr<Connection> connection;
};

ReadRequest request(std::size_t parallel, bool ordered = true) {
  ReadRequest result;
  result.entity = "numbers";
  result.parallel = parallel;
  result.ordered = ordered;
  return result;
}

std::vector<std::int64_t> read_all(EntityReader& reader) {
  std::vector<std::int64_t> all;
  while (const auto page = reader.pages->next()) {
    const auto* values = static_cast<const std::int64_t*>(page->batch.array()->children[0]->buffers[1]);
    all.insert(all.end(), values + page->batch.array()->offset, values + page->batch.array()->offset + page->batch.length());
  }
  return all;
}

std::vector<std::int64_t> numbers() {
  std::vector<std::int64_t> result(100);
  std::iota(result.begin(), result.end(), 0);
  return result;
}

TEST(ParallelRead, TheConnectorsPartsGiveTheWholeListing) {
  for (const bool ordered : {true, false}) {
    Numbers numbers_of;
    EntityReader reader = read_entity(numbers_of.connection, request(3, ordered));
    EXPECT_EQ(reader.sequential, "");
    EXPECT_GE(numbers_of.plugin->asked_parts, 3) << "more parts than are read at once";
    std::vector<std::int64_t> all = read_all(reader);
    if (!ordered) std::sort(all.begin(), all.end());
    EXPECT_EQ(all, numbers());
    EXPECT_EQ(numbers_of.transport->requests().size(), 10U);
  }
}

TEST(ParallelRead, AWishThatCannotBeMetIsReadOnePageAtATimeAndSaysWhy) {
  const auto sequential = [](Numbers& of, ReadRequest wish) {
    EntityReader reader = read_entity(of.connection, std::move(wish));
    EXPECT_EQ(read_all(reader).size(), 100U);
    return reader.sequential;
  };
  Numbers whole;
  whole.plugin->divides = false;
  EXPECT_NE(sequential(whole, request(4)).find("can't divide"), std::string::npos);
  for (const char* plan : {"[]", R"(["0-100"])"}) {
    Numbers undivided;
    undivided.plugin->plan = plan;
    EXPECT_NE(sequential(undivided, request(4)).find("does not divide"), std::string::npos) << plan;
  }
  Numbers limited;
  ReadRequest some = request(4);
  some.limit = 1000;
  EXPECT_NE(sequential(limited, some).find("limit"), std::string::npos);
}

TEST(ParallelRead, APlanThatIsNoneIsTheConnectorsFault) {
  for (const char* plan : {"", "{}", "[1,2]", R"(["a","a"])", R"(["",""])", "[\"a\""}) {
    Numbers bad;
    bad.plugin->plan = plan;
    try {
      read_entity(bad.connection, request(2));
      FAIL() << plan;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "plugin.contract") << plan;
      EXPECT_EQ(error.connection_id, "plant");
    }
  }
}

TEST(ParallelRead, APlaceInPartsIsReadOnWithoutAPlan) {
  Numbers first;
  EntityReader reader = read_entity(first.connection, request(4));
  std::int64_t taken = 0;
  for (int i = 0; i < 4; ++i) taken += reader.pages->next()->batch.length();
  for (const std::size_t parallel : {1, 3}) {
    Numbers second;
    second.plugin->plan = "not asked";
    ReadRequest rest = request(parallel);
    rest.token = reader.pages->token();
    EntityReader resumed = read_entity(second.connection, rest);
    EXPECT_EQ(static_cast<std::int64_t>(read_all(resumed).size()), 100 - taken);
  }
}

TEST(ParallelRead, ThrottlesAreWaitedOutAndLowerWhatIsInFlight) {
  std::atomic<int> asked = 0;
  GuardOptions guard;
  guard.retry = RetryOptions{};
  guard.retry->attempts = 5;
  Numbers throttled(
      [&](const HttpRequest&) {
        if (++asked % 4 != 1) return FakeTransport::reply(200, "{}");
        Headers headers;
        headers.add("Retry-After", "1");
        return FakeTransport::reply(429, "{}", headers);
      },
      guard);
  EntityReader reader = read_entity(throttled.connection, request(4));
  EXPECT_EQ(read_all(reader), numbers());
  EXPECT_GT(reader.services->counters().retries, 0U);
  EXPECT_GT(throttled.connection->guard().concurrency()->metrics().drops, 0U);
  EXPECT_LT(throttled.connection->guard().concurrency()->metrics().limit, 20U);
}

TEST(ParallelRead, KeysAreAskedForThoughTheirColumnsAreNot) {
  Numbers projected;
  ReadRequest some = request(1);
  some.columns = {"text"};
  EntityReader reader = read_entity(projected.connection, some);
  EXPECT_EQ(reader.pages->schema().fields.front().name, "text");
  std::int64_t records = 0;
  while (const auto page = reader.pages->next()) records += page->batch.length();
  EXPECT_EQ(records, 100) << "its pages hold the same texts, but not the same records";
  EXPECT_NE(projected.transport->requests().front().url.find(",text,n"), std::string::npos);
}

TEST(Explain, TellsWhatReadingTakesBeforeAnythingIsSent) {
  GuardOptions guard;
  guard.rate_limiter = RateLimiterOptions{Rate::parse("10/s"), 1, true};
  Numbers source([](const HttpRequest&) { return FakeTransport::reply(500, "{}"); }, guard);
  const ReadExplanation told = explain_read(*source.connection, request(8), 4000);
  EXPECT_EQ(told.page_size, 10U) << "the connector's setting";
  EXPECT_EQ(told.pages, 400U);
  EXPECT_EQ(told.requests, 401U);
  EXPECT_EQ(told.parallel, 8U);
  EXPECT_EQ(told.partitions, 128U);
  ASSERT_TRUE(told.seconds_at_limit.has_value());
  EXPECT_DOUBLE_EQ(*told.seconds_at_limit, 40.1);
  ReadRequest limited = request(8);
  limited.limit = 25;
  const ReadExplanation some = explain_read(*source.connection, limited, std::nullopt);
  EXPECT_EQ(some.pages, 3U);
  EXPECT_EQ(some.parallel, 1U);
  EXPECT_NE(some.notes.front().find("one page at a time, not 8"), std::string::npos);
  EXPECT_EQ(explain_read(*source.connection, request(1), std::nullopt).pages, std::nullopt);
  EXPECT_TRUE(source.transport->requests().empty());
}

}  // namespace
}  // namespace switchgear

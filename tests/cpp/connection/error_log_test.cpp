#include "switchgear/connection/error_log.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "fake_transport.hpp"
#include "switchgear/connection/call_services.hpp"
#include "switchgear/paging/entity_reader.hpp"

namespace switchgear {
namespace {

using std::chrono::minutes;

Error broken(std::string message = "it broke") { return Error(Category::server, std::move(message)).with_hint("wait"); }

TEST(ErrorLog, CountsTheSameThingOnceAndKeepsItsLastWords) {
  ManualClock clock;
  ErrorLog log(clock);
  const WallTime begin = clock.wall();
  OperationRecord& reading = log.operation("WorkOrders", "read");
  Error error = broken("first");
  log.add(reading, error);
  clock.advance(minutes(5));
  error = broken("second");
  error.request_id = "r-2";
  log.add(reading, error);
  log.add(log.operation("Assets", "read"), broken());
  log.add(log.operation("WorkOrders", "create"), broken());
  const auto entries = log.entries();
  ASSERT_EQ(entries.size(), 3U);
  const LoggedError& last = entries.back();
  EXPECT_EQ(last.error.entity + "/" + last.operation, "WorkOrders/read") << "seen least recently";
  EXPECT_EQ(last.count, 2U);
  EXPECT_EQ(last.first_seen, begin);
  EXPECT_EQ(last.last_seen, begin + minutes(5));
  EXPECT_EQ(last.error.message, "second");
  EXPECT_EQ(last.error.request_id, "r-2");
  EXPECT_TRUE(last.stands());
}

TEST(ErrorLog, KnowsWhenItLastWorked) {
  ManualClock clock;
  ErrorLog log(clock);
  OperationRecord& reading = log.operation("WorkOrders", "read");
  reading.succeeded(clock.wall());
  const WallTime worked = clock.wall();
  clock.advance(minutes(1));
  log.add(reading, broken());
  EXPECT_EQ(log.entries().at(0).last_success, worked);
  EXPECT_TRUE(log.entries().at(0).stands());
  clock.advance(minutes(1));
  reading.succeeded(clock.wall());
  EXPECT_FALSE(log.entries().at(0).stands()) << "it works again";
  log.add(log.operation("Assets", "read"), broken(), true);
  EXPECT_FALSE(log.entries().at(0).stands()) << "it was got over";
  EXPECT_EQ(log.entries().at(0).recovered, 1U);
}

TEST(ErrorLog, IsBoundedInEntriesAndBytes) {
  ManualClock clock;
  ErrorLog log(clock, 3);
  for (const char* entity : {"a", "b", "c"}) log.add(log.operation(entity, "read"), broken());
  log.add(log.operation("a", "read"), broken(std::string(100'000, 'x')));
  log.add(log.operation("d", "read"), broken());
  std::string names;
  for (const LoggedError& logged : log.entries()) names += logged.error.entity;
  EXPECT_EQ(names, "dac") << "b was seen least recently";
  EXPECT_EQ(log.forgotten(), 1U);
  EXPECT_LT(log.entries().at(1).error.message.size(), 2100U);
}

TEST(ErrorLog, AClockThatIsSetBackDoesNotTurnTimesAround) {
  ManualClock clock;
  ErrorLog log(clock);
  log.add(log.operation("a", "read"), broken());
  clock.step_wall(-minutes(10));
  log.add(log.operation("a", "read"), broken());
  const LoggedError logged = log.entries().at(0);
  EXPECT_LE(logged.first_seen, logged.last_seen);
}

TEST(ErrorLog, TakesUpWhatAnEarlierProcessKept) {
  ManualClock clock;
  ErrorLog before(clock);
  before.operation("Assets", "read").succeeded(clock.wall());
  before.operation("WorkOrders", "read").succeeded(clock.wall());
  clock.advance(minutes(1));
  before.add(before.operation("WorkOrders", "read"), broken());
  ErrorLog now(clock);
  now.operation("Assets", "read").succeeded(clock.wall());
  for (const LoggedError& logged : before.entries()) now.restore(logged);
  for (const OperationSuccess& success : before.successes()) now.restore(success);
  ASSERT_EQ(now.entries().size(), 1U);
  EXPECT_EQ(now.entries()[0].last_success, before.entries()[0].last_success);
  EXPECT_EQ(now.successes().at(0).last_success, clock.wall()) << "what is known first-hand wins";
}

TEST(ErrorLog, ThreadsLoseNothing) {
  ErrorLog log;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&log] {
      OperationRecord& reading = log.operation("WorkOrders", "read");
      for (int i = 0; i < 500; ++i) {
        log.add(reading, broken(), i % 2 == 0);
        reading.succeeded(Clock::system().wall());
        log.entries();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(log.entries().at(0).count, 2000U);
  EXPECT_EQ(log.entries().at(0).recovered, 1000U);
}

// ---- what a connection writes into it

HttpRequest get(std::string method = "GET") {
  HttpRequest request;
  request.method = std::move(method);
  request.url = "https://acme.example/x";
  return request;
}

TEST(ConnectionErrors, ARetryThatHelpsIsMarkedSo) {
  ManualClock clock;
  int calls = 0;
  const auto connection =
      acme(std::make_shared<FakeTransport>([&calls](const HttpRequest&) {
             return ++calls == 1 ? FakeTransport::reply(503, "{}", {{"X-Request-Id", "r-1"}}) : FakeTransport::reply(200, "{}");
           }),
           clock);
  CallServices services(connection, "work_orders", "read");
  services.send(get(), {}, {});
  const auto entries = connection->errors().entries();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].error.code(), "unavailable");
  EXPECT_EQ(entries[0].error.request_id, "r-1");
  EXPECT_EQ(entries[0].count, 1U);
  EXPECT_EQ(entries[0].recovered, 1U);
  EXPECT_FALSE(entries[0].stands());
  EXPECT_EQ(connection->status().state, LiveState::online) << "one lost request does not make it offline";
}

TEST(ConnectionErrors, ACallThatFailsIsOneHoweverOftenItTried) {
  ManualClock clock;
  const auto connection = acme(
      std::make_shared<FakeTransport>([](const HttpRequest&) -> HttpResponse { throw Error(Category::offline, "connect", "refused"); }),
      clock);
  CallServices services(connection, "work_orders", "read");
  EXPECT_THROW(services.send(get(), {}, {}), Error);
  EXPECT_EQ(services.counters().attempts, 3U);
  ASSERT_EQ(connection->errors().entries().size(), 1U);
  EXPECT_EQ(connection->errors().entries()[0].count, 1U);
  EXPECT_EQ(connection->status().state, LiveState::offline);
}

TEST(ConnectionErrors, AReaderTellsOnceWhatItMeets) {
  ManualClock clock;
  int status = 403;
  std::string body = "{}";
  const auto connection =
      acme(std::make_shared<FakeTransport>([&](const HttpRequest&) { return FakeTransport::reply(status, body); }), clock);
  const auto read = [&] {
    ReadRequest request;
    request.entity = "work_orders";
    EntityReader reader = read_entity(connection, request);
    EXPECT_THROW(reader.pages->next(), Error);
  };
  read();
  ASSERT_EQ(connection->errors().entries().size(), 1U);
  EXPECT_EQ(connection->errors().entries()[0].count, 1U) << "met by the request, passed on by the connector and the reader";
  EXPECT_EQ(connection->errors().entries()[0].error.code(), "permission");
  status = 200;
  body = R"({"data":[{"wo":1},{"w)";
  clock.advance(minutes(1));
  read();
  ASSERT_EQ(connection->errors().entries().size(), 2U) << "a page that can't be read was a success as a request";
  EXPECT_EQ(connection->errors().entries()[0].error.category, Category::protocol);
  EXPECT_EQ(connection->errors().entries()[0].operation, "read");
}

TEST(ConnectionErrors, SecretsStayOut) {
  ManualClock clock;
  const auto connection = acme(std::make_shared<FakeTransport>(
                                   [](const HttpRequest&) { return FakeTransport::reply(400, R"({"error":{"message":"bad k-123456"}})"); }),
                               clock);
  CallServices services(connection, "work_orders", "read");
  services.send(get(), {{SecretUse::Kind::bearer, "", "api_key"}}, {});
  EXPECT_EQ(connection->errors().entries().at(0).error.describe().find("k-123456"), std::string::npos);
}

TEST(ConnectionErrors, APausedConnectionRefusesCallsUntilItIsResumed) {
  ManualClock clock;
  const auto transport = std::make_shared<FakeTransport>([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); });
  const auto connection = acme(transport, clock);
  CallServices services(connection, "work_orders", "read");
  connection->pause();
  try {
    services.send(get(), {}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "circuit_open.paused");
    EXPECT_EQ(error.connection_id, "plant");
    EXPECT_FALSE(error.hint.empty());
    EXPECT_TRUE(error.nothing_sent);
  }
  EXPECT_TRUE(transport->requests().empty());
  connection->resume();
  EXPECT_EQ(services.send(get(), {}, {}).status, 200);
}

}  // namespace
}  // namespace switchgear

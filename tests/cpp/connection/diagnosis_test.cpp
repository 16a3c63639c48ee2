#include "switchgear/connection/diagnosis.hpp"

#include <gtest/gtest.h>

#include "fake_transport.hpp"
#include "switchgear/connection/call_services.hpp"

namespace switchgear {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const WallTime now(std::chrono::seconds(1'700'000'000));  // 2023-11-14T22:13:20Z

/// What is found, put together piece by piece.
struct Found {
  Findings findings;

  Found() {
    findings.connection_id = "plant";
    findings.place = "sap.example:443";
    findings.now = now;
  }
  Found& works(const std::string& entity, const std::string& operation = "read", minutes ago = minutes(1)) {
    findings.successes.push_back({entity, operation, now - ago});
    return *this;
  }
  Found& fails(Error error, const std::string& entity, const std::string& operation = "read", std::uint64_t count = 3) {
    error.entity = entity;
    LoggedError logged{operation, std::move(error), count, 0, now - minutes(30), now, {}};
    for (const OperationSuccess& success : findings.successes) {
      if (success.entity == entity && success.operation == operation) logged.last_success = success.last_success;
    }
    findings.errors.push_back(std::move(logged));
    return *this;
  }
  Diagnosis judged() const { return conclude(findings); }
};

Error error(Category category, std::string detail, std::string message) {
  return Error(category, std::move(detail), std::move(message)).with_hint("the hint");
}

bool says(const std::vector<std::string>& lines, std::string_view part) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

std::string all(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string scope_of(const Found& found) { return std::string(to_string(found.judged().scope)); }

TEST(Diagnosis, NothingIsWrong) {
  const Diagnosis diagnosis = Found().works("WorkOrders").judged();
  EXPECT_EQ(diagnosis.scope, DiagnosisScope::none);
  EXPECT_EQ(diagnosis.code, "");
  EXPECT_TRUE(diagnosis.affected.empty());
  EXPECT_EQ(diagnosis.cause, "nothing is wrong now");
}

TEST(Diagnosis, OneEntityOneOperationOrEverything) {
  const Error broken = error(Category::server, "", "short dump");
  EXPECT_EQ(scope_of(Found().works("Assets").fails(broken, "WorkOrders")), "entity");
  EXPECT_EQ(scope_of(Found().works("Assets").fails(broken, "WorkOrders").fails(broken, "Vendors")), "entity");
  EXPECT_EQ(scope_of(Found().fails(broken, "WorkOrders").fails(broken, "Vendors")), "connection");
  EXPECT_EQ(scope_of(Found().works("WorkOrders").fails(broken, "WorkOrders", "create")), "operation");
  EXPECT_EQ(scope_of(Found().works("WorkOrders").works("Assets").fails(broken, "WorkOrders", "create").fails(broken, "Assets", "create")),
            "operation");
  EXPECT_EQ(scope_of(Found().works("Assets").fails(broken, "WorkOrders").fails(broken, "WorkOrders", "create")), "entity");
  EXPECT_EQ(scope_of(Found().works("Assets", "read", minutes(60)).fails(error(Category::offline, "connect", "refused"), "WorkOrders")),
            "connection");
}

TEST(Diagnosis, WhatSucceedsLaterShowsThatTheSourceIsThere) {
  Found found;
  found.fails(error(Category::offline, "dns", "no such name"), "WorkOrders");
  found.findings.errors[0].last_seen = now - minutes(10);
  found.works("Assets");
  EXPECT_EQ(scope_of(found), "none");
}

TEST(Diagnosis, APermissionThatWasWithdrawn) {
  const Error denied = error(Category::permission, "", "No authorization");
  const Diagnosis diagnosis = Found().works("Assets").works("Vendors", "read", minutes(60)).fails(denied, "Vendors").judged();
  EXPECT_EQ(diagnosis.scope, DiagnosisScope::entity);
  EXPECT_EQ(diagnosis.code, "permission");
  EXPECT_NE(diagnosis.cause.find("the permission for reading Vendors was withdrawn: it worked until 2023-11-14T21:13:20Z"),
            std::string::npos)
      << diagnosis.cause;
  EXPECT_TRUE(says(diagnosis.evidence, "reading Vendors: permission, 3 x from 2023-11-14T21:43:20Z to 2023-11-14T22:13:20Z; worked until "))
      << all(diagnosis.evidence);
  EXPECT_TRUE(says(diagnosis.evidence, "still works: reading Assets")) << all(diagnosis.evidence);
  EXPECT_EQ(diagnosis.next_steps.front(), "the hint");
  const Diagnosis never = Found().works("Assets").fails(denied, "Vendors").judged();
  EXPECT_NE(never.cause.find("may not do this"), std::string::npos) << never.cause;
  EXPECT_EQ(never.cause.find("worked until"), std::string::npos);
}

TEST(Diagnosis, TellsWrongExpiredAndRevokedCredentialsApart) {
  const auto cause = [](const Error& met, bool worked) {
    Found found;
    if (worked) found.works("Assets", "read", minutes(60));
    return found.fails(met, "WorkOrders").judged().cause;
  };
  EXPECT_NE(cause(error(Category::auth_invalid, "", "401"), false).find("are wrong"), std::string::npos);
  EXPECT_NE(cause(error(Category::auth_invalid, "", "401"), true).find("taken until 2023-11-14T21:13:20Z and are refused since"),
            std::string::npos);
  EXPECT_NE(cause(error(Category::auth_invalid, "invalid_grant", "400"), true).find("revoked"), std::string::npos);
  EXPECT_NE(cause(error(Category::auth_expired, "", "401"), true).find("has run out"), std::string::npos);
  const Error page = error(Category::auth_expired, "", "an HTML page where data was asked for").with_status(200);
  EXPECT_NE(cause(page, true).find("sign-in"), std::string::npos);
}

TEST(Diagnosis, SaysHowToLookAtThePortByHand) {
  const Diagnosis diagnosis = Found().fails(error(Category::offline, "connect", "port 443 refuses"), "WorkOrders").judged();
  EXPECT_NE(diagnosis.cause.find("port 443 refuses: a firewall"), std::string::npos) << diagnosis.cause;
  EXPECT_TRUE(says(diagnosis.next_steps, "nc -vz sap.example 443")) << all(diagnosis.next_steps);
  Found nowhere;
  nowhere.findings.place = "";
  EXPECT_FALSE(says(nowhere.fails(error(Category::offline, "connect", "no"), "WorkOrders").judged().next_steps, "nc "))
      << "a step about what is not known helps nobody";
}

TEST(Diagnosis, ABreakersRefusalOnlyEchoesWhatItHasSeen) {
  Found found;
  found.works("Assets").fails(error(Category::server, "", "short dump"), "WorkOrders");
  found.fails(error(Category::circuit_open, "", "it is open"), "WorkOrders", "read", 500);
  BreakerStatus breaker{"plant/WorkOrders/read", "WorkOrders", "read", {}};
  breaker.metrics.state = BreakerState::open;
  breaker.metrics.retry_after = std::chrono::milliseconds(24'500);
  found.findings.status.breakers.push_back(breaker);
  const Diagnosis diagnosis = found.judged();
  EXPECT_EQ(diagnosis.code, "server");
  EXPECT_EQ(diagnosis.affected.size(), 1U);
  EXPECT_TRUE(says(diagnosis.evidence, "the circuit breaker for reading WorkOrders is open for another 25 s")) << all(diagnosis.evidence);
}

TEST(Diagnosis, WhatWasGotOverIsMentionedAndNothingMore) {
  Found found;
  found.works("WorkOrders").fails(error(Category::timeout, "", "slow"), "WorkOrders", "read", 4);
  found.findings.errors[0].recovered = 4;
  const Diagnosis diagnosis = found.judged();
  EXPECT_EQ(diagnosis.scope, DiagnosisScope::none);
  EXPECT_TRUE(says(diagnosis.evidence, "4 x timeout was got over")) << all(diagnosis.evidence);
}

TEST(Diagnosis, EachCategoryHasACauseInWords) {
  for (std::int32_t number = category_first; number <= category_last; ++number) {
    const auto category = category_from(number).value();
    const Diagnosis diagnosis = Found().works("Assets").fails(error(category, "", "the message"), "WorkOrders").judged();
    EXPECT_NE(diagnosis.scope, DiagnosisScope::none);
    EXPECT_NE(diagnosis.cause.find("the message"), std::string::npos) << to_string(category) << ": " << diagnosis.cause;
    EXPECT_EQ(diagnosis.cause.find('{'), std::string::npos) << diagnosis.cause;
    EXPECT_FALSE(diagnosis.next_steps.empty()) << to_string(category);
  }
}

TEST(Diagnosis, TextsOfASourceAreNotTakenForOurs) {
  const Diagnosis diagnosis = Found().works("Assets").fails(error(Category::server, "", "{host} {unclosed"), "WorkOrders").judged();
  EXPECT_NE(diagnosis.cause.find("{host} {unclosed"), std::string::npos) << diagnosis.cause;
}

// ---- with a connection

TEST(Diagnose, WithoutErrorsItLooksAtTheSource) {
  ManualClock clock;
  int status = 200;
  const auto transport = std::make_shared<FakeTransport>([&](const HttpRequest& request) {
    const bool is_check = request.url.find("/v2/me") != std::string::npos;
    return FakeTransport::reply(is_check ? 200 : status, R"({"data":[]})");
  });
  const auto connection = acme(transport, clock);
  Diagnosis diagnosis = diagnose(connection);
  EXPECT_EQ(diagnosis.scope, DiagnosisScope::none);
  ASSERT_TRUE(diagnosis.probe);
  EXPECT_TRUE(diagnosis.probe->online);
  clock.advance(hours(1));
  status = 403;
  diagnosis = diagnose(connection);
  EXPECT_EQ(diagnosis.scope, DiagnosisScope::entity);
  EXPECT_EQ(diagnosis.affected.at(0).error.entity, "work_orders");
  EXPECT_NE(diagnosis.cause.find("was withdrawn: it worked until "), std::string::npos) << "the check before this one saw it work";
}

TEST(Diagnose, WithErrorsItSendsNothing) {
  ManualClock clock;
  const auto transport = std::make_shared<FakeTransport>(
      [](const HttpRequest&) -> HttpResponse { throw Error(Category::offline, "connect", "port 443 refuses"); });
  const auto connection = acme(transport, clock);
  CallServices services(connection, "work_orders", "read");
  HttpRequest request;
  request.url = "https://acme.example/x";
  EXPECT_THROW(services.send(request, {}, {}), Error);
  const std::size_t sent = transport->requests().size();
  Diagnosis diagnosis = diagnose(connection);
  EXPECT_EQ(diagnosis.scope, DiagnosisScope::connection);
  EXPECT_EQ(diagnosis.code, "offline.connect");
  EXPECT_FALSE(diagnosis.probe);
  EXPECT_EQ(transport->requests().size(), sent);
  EXPECT_EQ(diagnosis.status.state, LiveState::offline);
  clock.advance(hours(48));
  diagnosis = diagnose(connection);
  EXPECT_TRUE(diagnosis.probe) << "what is older than a day says nothing about now";
}

TEST(Diagnose, APausedConnection) {
  ManualClock clock;
  const auto transport = std::make_shared<FakeTransport>([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); });
  const auto connection = acme(transport, clock);
  connection->pause();
  const Diagnosis diagnosis = diagnose(connection);
  EXPECT_EQ(diagnosis.code, "circuit_open.paused");
  EXPECT_EQ(diagnosis.scope, DiagnosisScope::connection);
  EXPECT_TRUE(says(diagnosis.next_steps, "resume()"));
  EXPECT_TRUE(transport->requests().empty());
  CallServices services(connection, "work_orders", "read");
  HttpRequest request;
  request.url = "https://acme.example/x";
  EXPECT_THROW(services.send(request, {}, {}), Error);
  connection->resume();
  EXPECT_EQ(diagnose(connection, {.recent = hours(1), .probe = false, .check = {}}).scope, DiagnosisScope::none) << "it is over";
}

}  // namespace
}  // namespace switchgear

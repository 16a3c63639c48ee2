#include "switchgear/connection/connection.hpp"

#include <gtest/gtest.h>

#include "fake_transport.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/connection/call_services.hpp"

namespace switchgear {
namespace {

using Source = FakeTransport::Source;

std::shared_ptr<FakeTransport> source(Source function) { return std::make_shared<FakeTransport>(std::move(function)); }

HttpRequest get(std::string url, std::string method = "GET") {
  HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.headers.add("Accept", "application/json");
  return request;
}

/// Gives a numbered token, and another one each time it is refused.
class CountingAuth final : public Authenticator {
 public:
  AuthStamp apply(HttpRequest& request, std::stop_token) override {
    request.headers.set("Authorization", "Bearer token-" + std::to_string(number));
    return {number, 0};
  }
  bool refresh(const AuthStamp& used, Category why, std::stop_token) override {
    EXPECT_EQ(why, Category::auth_expired);
    EXPECT_EQ(used.credentials, number);
    ++number;
    return true;
  }
  std::uint64_t number = 1;
};

TEST(Connection, RefusesSecretsThatTheConnectorDoesNotHave) {
  ConnectionConfig config;
  config.config_json = R"({"base_url": "https://acme.example"})";
  config.secrets = {{"api_kee", Secret("x")}};
  try {
    Connection::open(load_connector(ACME_CONNECTOR), config);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "config.secret");
    EXPECT_NE(error.message.find("did you mean 'api_key'"), std::string::npos);
  }
}

TEST(Connection, SaysWhichEntityThereIsNot) {
  ManualClock clock;
  const auto connection = acme(source([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); }), clock);
  EXPECT_EQ(connection->entity("work_orders").key, std::vector<std::string>{"wo"});
  try {
    connection->entity("work_order");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "not_found.entity");
    EXPECT_NE(error.describe().find("did you mean 'work_orders'"), std::string::npos);
    EXPECT_EQ(error.connection_id, "plant");
  }
}

TEST(Connection, PutsItsNameOnWhatAConnectorThrows) {
  ConnectionConfig config;
  config.id = "bad";
  config.config_json = R"({"place": "open", "kind": "exception"})";
  config.transport = source([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); });
  const auto connection = Connection::open(load_connector(THROWING_CONNECTOR), std::move(config));
  try {
    connection->lease();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category, Category::plugin);
    EXPECT_EQ(error.connection_id, "bad");
  }
}

TEST(CallServices, AddsASecretByNameAndKeepsItOutOfEveryText) {
  ManualClock clock;
  const auto transport =
      source([](const HttpRequest&) { return FakeTransport::reply(400, R"({"error":{"message":"bad key k-123456"}})"); });
  CallServices services(acme(transport, clock), "work_orders", "read");
  const HttpResponse response = services.send(get("https://acme.example/v2/me"), {{SecretUse::Kind::bearer, "", "api_key"}}, {});
  EXPECT_EQ(transport->requests().at(0).headers.get("Authorization"), "Bearer k-123456");
  const auto error = services.classify(response);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->category, Category::bad_request);
  EXPECT_EQ(error->describe().find("k-123456"), std::string::npos) << error->describe();
  EXPECT_EQ(error->connection_id, "plant");
  EXPECT_EQ(error->entity, "work_orders");
}

TEST(CallServices, SendsItsOwnCredentialsToItsOwnOriginOnly) {
  ManualClock clock;
  const auto transport = source([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); });
  CallServices services(acme(transport, clock, std::make_shared<CountingAuth>()), "", "read");
  services.send(get("https://acme.example/v2/me"), {}, {});
  services.send(get("https://elsewhere.example/v2/me"), {}, {});
  services.send(get("http://acme.example/v2/me"), {}, {});
  services.send(get("https://acme.example/v2/me"), {{SecretUse::Kind::none, "", ""}}, {});
  const auto requests = transport->requests();
  EXPECT_EQ(requests.at(0).headers.get("Authorization"), "Bearer token-1");
  for (std::size_t i = 1; i < requests.size(); ++i) EXPECT_FALSE(requests[i].headers.contains("Authorization")) << requests[i].url;
}

TEST(CallServices, SendsAConnectorsSecretsToConfiguredOriginsOnly) {
  ManualClock clock;
  const auto transport = source([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); });
  CallServices services(acme(transport, clock), "work_orders", "read");
  for (const SecretUse::Kind kind : {SecretUse::Kind::bearer, SecretUse::Kind::basic, SecretUse::Kind::header, SecretUse::Kind::query}) {
    for (const char* url : {"https://elsewhere.example/v2/me", "http://acme.example/v2/me", "https://acme.example:8443/v2/me"}) {
      try {
        services.send(get(url), {{kind, "X-Key", "api_key"}}, {});
        FAIL() << url;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), "plugin.secret");
        EXPECT_NE(error.message.find("'api_key'"), std::string::npos) << error.message;
        EXPECT_EQ(error.describe().find("k-123456"), std::string::npos);
      }
    }
  }
  EXPECT_TRUE(transport->requests().empty());
  services.send(get("https://elsewhere.example/v2/me"), {{SecretUse::Kind::none, "", ""}}, {});
  EXPECT_EQ(transport->requests().size(), 1U);
}

TEST(CallServices, RenewsExpiredCredentialsOnceAndRepeatsTheRequest) {
  ManualClock clock;
  const auto transport = source([](const HttpRequest& request) {
    if (request.headers.get("Authorization") != "Bearer token-1") return FakeTransport::reply(200, "{}");
    return FakeTransport::reply(401, "{}", {{"WWW-Authenticate", "Bearer error=\"invalid_token\""}});
  });
  const auto auth = std::make_shared<CountingAuth>();
  CallServices services(acme(transport, clock, auth), "", "read");
  EXPECT_EQ(services.send(get("https://acme.example/x", "POST"), {}, {}).status, 200);
  EXPECT_EQ(auth->number, 2U);
  EXPECT_EQ(services.counters().attempts, 2U);
  EXPECT_EQ(services.counters().renewals, 1U);
}

TEST(CallServices, RetriesWhatMayBeRepeatedAndWaitsAsTheSourceAsks) {
  ManualClock clock;
  int calls = 0;
  const auto busy = source([&calls](const HttpRequest&) {
    return ++calls == 1 ? FakeTransport::reply(503, "{}", {{"Retry-After", "7"}}) : FakeTransport::reply(200, "{}");
  });
  CallServices services(acme(busy, clock), "", "read");
  EXPECT_EQ(services.send(get("https://acme.example/x"), {}, {}).status, 200);
  EXPECT_EQ(services.counters().retries, 1U);
  EXPECT_GE(clock.slept(), std::chrono::seconds(7));

  calls = 0;
  const auto broken = source([&calls](const HttpRequest&) {
    ++calls;
    return FakeTransport::reply(500, "{}");
  });
  CallServices writer(acme(broken, clock), "", "create");
  EXPECT_EQ(writer.send(get("https://acme.example/x", "POST"), {}, {}).status, 500) << "the last reply comes back for the connector to see";
  EXPECT_EQ(calls, 1) << "a POST may have been carried out";
}

TEST(CallServices, NamesItsConnectionWhenThereIsNoReply) {
  ManualClock clock;
  const auto dead = source([](const HttpRequest&) -> HttpResponse { throw Error(Category::offline, "connect", "refused"); });
  CallServices services(acme(dead, clock), "work_orders", "read");
  try {
    services.send(get("https://acme.example/x"), {}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "offline.connect");
    EXPECT_EQ(error.connection_id, "plant");
    EXPECT_EQ(error.entity, "work_orders");
  }
}

}  // namespace
}  // namespace switchgear

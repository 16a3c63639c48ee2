#include "switchgear/connection/probe.hpp"

#include <gtest/gtest.h>

#include "fake_transport.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

std::string states(const Health& health) {
  std::string text;
  for (const HealthStep& step : health.steps) {
    text += step.name + (step.state == HealthStep::State::ok ? "+ " : step.state == HealthStep::State::failed ? "! " : "- ");
  }
  return text;
}

Health check_against(FakeTransport::Source source) {
  ManualClock clock;
  return check(acme(std::make_shared<FakeTransport>(std::move(source)), clock));
}

TEST(Probe, AllStagesOfAHealthySource) {
  const Health health = check_against([](const HttpRequest&) { return FakeTransport::reply(200, R"({"data":[]})"); });
  EXPECT_TRUE(health.online);
  EXPECT_EQ(states(health), "config+ dns+ proxy+ connect+ tls+ http+ auth+ permission+ ");
  EXPECT_EQ(health.cause(), "");
}

TEST(Probe, TheFirstFailureIsNamedAndWhatComesAfterItSkipped) {
  const auto offline = [](const char* detail) {
    return check_against(
        [detail](const HttpRequest&) -> HttpResponse { throw Error(Category::offline, detail, "no").with_hint("do this"); });
  };
  EXPECT_EQ(states(offline("dns")), "config+ dns! proxy- connect- tls- http- auth- permission- ");
  EXPECT_EQ(states(offline("proxy")), "config+ dns+ proxy! connect- tls- http- auth- permission- ");
  EXPECT_EQ(states(offline("connect")), "config+ dns+ proxy+ connect! tls- http- auth- permission- ");
  EXPECT_EQ(states(offline("tls")), "config+ dns+ proxy+ connect+ tls! http- auth- permission- ");
  EXPECT_EQ(states(offline("lost")), "config+ dns+ proxy+ connect+ tls+ http! auth- permission- ");
  EXPECT_EQ(offline("dns").next_step(), "do this");

  const auto status = [](int code) { return check_against([code](const HttpRequest&) { return FakeTransport::reply(code, "{}"); }); };
  EXPECT_EQ(states(status(500)), "config+ dns+ proxy+ connect+ tls+ http! auth- permission- ");
  EXPECT_EQ(states(status(401)), "config+ dns+ proxy+ connect+ tls+ http+ auth! permission- ");
  EXPECT_EQ(states(status(403)), "config+ dns+ proxy+ connect+ tls+ http+ auth+ permission! ");
  EXPECT_FALSE(status(403).online);
}

TEST(Probe, LooksAtTheSourceAsItIs) {
  ManualClock clock;
  bool dead = true;
  const auto transport = std::make_shared<FakeTransport>([&dead](const HttpRequest&) {
    if (dead) throw Error(Category::offline, "connect", "port 443 refuses").with_retry(true);
    return FakeTransport::reply(200, R"({"data":[]})");
  });
  const auto connection = acme(transport, clock);
  connection->guard().connection_breaker()->force_open();
  EXPECT_EQ(check(connection).error->code(), "offline.connect") << "not that a breaker is open";
  EXPECT_EQ(transport->requests().size(), 1U) << "a retry would hide how it is";
  EXPECT_EQ(clock.slept().count(), 0);
  dead = false;
  EXPECT_TRUE(check(connection).online);
}

/// Acme's own check passes, and its one entity answers so.
Health check_entity(int status, std::string_view body) {
  return check_against([status, body = std::string(body)](const HttpRequest& request) {
    const bool is_check = request.url.find("/v2/me") != std::string::npos;
    return is_check ? FakeTransport::reply(200, "{}") : FakeTransport::reply(status, body);
  });
}

TEST(Probe, NamesTheEntityThatRefuses) {
  const Health health = check_entity(403, R"({"error":"not yours"})");
  EXPECT_FALSE(health.online) << "nothing at all may be read";
  EXPECT_EQ(states(health), "config+ dns+ proxy+ connect+ tls+ http+ auth+ permission! ");
  ASSERT_EQ(health.entities.size(), 1U);
  EXPECT_EQ(health.entities[0].entity, "work_orders");
  EXPECT_EQ(health.entities[0].error->category, Category::permission);
  EXPECT_EQ(health.entities[0].error->entity, "work_orders");
  EXPECT_NE(health.failed_step()->detail.find("not: work_orders (permission)"), std::string::npos) << health.failed_step()->detail;
}

TEST(Probe, AReplyThatIsNoPageIsSeen) {
  const Health health = check_entity(200, R"({"data":[{"wo":1},{"wo")");
  EXPECT_FALSE(health.online);
  EXPECT_EQ(health.error->category, Category::protocol);
}

TEST(Probe, ReadsTheEntitiesThatAreNamed) {
  ManualClock clock;
  const auto transport = std::make_shared<FakeTransport>([](const HttpRequest&) { return FakeTransport::reply(200, R"({"data":[]})"); });
  const auto connection = acme(transport, clock);
  CheckOptions options;
  options.entities.emplace();
  EXPECT_TRUE(check(connection, options).online);
  EXPECT_EQ(transport->requests().size(), 1U) << "no entity was wanted";
  options.entities = {"work_order"};
  try {
    check(connection, options);
    FAIL() << "the name is the caller's mistake";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "not_found.entity");
    EXPECT_NE(error.message.find("did you mean 'work_orders'"), std::string::npos);
  }
}

TEST(Probe, TimesTheWayStepByStep) {
  ManualClock clock;
  const auto transport = std::make_shared<FakeTransport>([](const HttpRequest&) { return FakeTransport::reply(200, R"({"data":[]})"); });
  transport->way = [](const Url& url) {
    EndpointReport report;
    report.place = url.host + ":" + url.port;
    report.address = "192.0.2.7";
    report.dns = std::chrono::milliseconds(3);
    report.connect = std::chrono::milliseconds(5);
    report.tls = std::chrono::milliseconds(7);
    report.certificate = Certificate{"CN = acme.example", "CN = Some CA", {}, {}, {"acme.example"}};
    return std::optional(report);
  };
  const auto connection = acme(transport, clock);
  Health health = check(connection);
  EXPECT_TRUE(health.online);
  EXPECT_EQ(states(health), "config+ dns+ proxy+ connect+ tls+ http+ auth+ permission+ ");
  EXPECT_DOUBLE_EQ(health.steps[1].latency_ms, 3);
  EXPECT_DOUBLE_EQ(health.steps[3].latency_ms, 5);
  EXPECT_DOUBLE_EQ(health.steps[4].latency_ms, 7);
  EXPECT_EQ(health.steps[1].detail, "192.0.2.7");
  EXPECT_EQ(health.steps[2].detail, "none");
  EXPECT_EQ(health.steps[4].detail, "CN = acme.example, issued by CN = Some CA, for acme.example");

  const std::size_t sent = transport->requests().size();
  transport->way = [](const Url&) {
    EndpointReport report;
    report.dns = std::chrono::milliseconds(3);
    report.connect = std::chrono::milliseconds(5);
    report.tls = std::chrono::milliseconds(10'000);
    report.error = Error(Category::timeout, "connect", "no connection in time").with_hint("raise it");
    return std::optional(report);
  };
  health = check(connection);
  EXPECT_EQ(states(health), "config+ dns+ proxy+ connect+ tls! http- auth- permission- ") << "it hung in the handshake";
  EXPECT_EQ(health.next_step(), "raise it");
  EXPECT_EQ(transport->requests().size(), sent) << "what could not be reached was not asked";
}

TEST(Probe, CredentialsThatCannotBeFetchedAreNotTheSourcesFault) {
  class DeadSignIn final : public Authenticator {
   public:
    AuthStamp apply(HttpRequest&, std::stop_token) override {
      throw Error(Category::offline, "connect", "token endpoint https://id.example: refuses").with_hint("start it");
    }
    bool refresh(const AuthStamp&, Category, std::stop_token) override { return false; }
  };
  ManualClock clock;
  const auto transport = std::make_shared<FakeTransport>([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); });
  const Health health = check(acme(transport, clock, std::make_shared<DeadSignIn>()));
  EXPECT_EQ(states(health), "config+ dns+ proxy+ connect+ tls+ http- auth! permission- ");
  EXPECT_NE(health.cause().find("token endpoint"), std::string::npos);
  EXPECT_TRUE(transport->requests().empty());
}

TEST(Probe, APausedConnectionSendsNothing) {
  ManualClock clock;
  const auto transport = std::make_shared<FakeTransport>([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); });
  const auto connection = acme(transport, clock);
  connection->pause();
  const Health health = check(connection);
  EXPECT_EQ(health.error->code(), "circuit_open.paused");
  EXPECT_TRUE(transport->requests().empty());
  EXPECT_EQ(connection->status().state, LiveState::paused);
}

TEST(Probe, EndsWhenItIsStopped) {
  ManualClock clock;
  std::stop_source source;
  const auto transport = std::make_shared<FakeTransport>([&source](const HttpRequest&) {
    source.request_stop();
    return FakeTransport::reply(200, R"({"data":[]})");
  });
  try {
    check(acme(transport, clock), source.get_token());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category, Category::cancelled);
  }
}

TEST(Probe, TellsTheStatus) {
  ManualClock clock;
  int code = 200;
  const auto transport = std::make_shared<FakeTransport>([&code](const HttpRequest&) -> HttpResponse {
    if (code == 0) throw Error(Category::offline, "connect", "refused");
    return FakeTransport::reply(code, R"({"data":[]})");
  });
  const auto connection = acme(transport, clock);
  const auto state_after = [&](int answer) {
    code = answer;
    check(connection);
    return std::string(to_string(connection->status().state));
  };
  EXPECT_EQ(std::string(to_string(connection->status().state)), "unknown");
  EXPECT_EQ(state_after(200), "online");
  EXPECT_EQ(state_after(0), "offline");
  EXPECT_EQ(state_after(401), "auth_required");
  EXPECT_EQ(state_after(200), "online");
}

TEST(Probe, AMissingSecretIsAFaultOfTheConfiguration) {
  ManualClock clock;
  ConnectionConfig config;
  config.config_json = R"({"base_url": "https://acme.example"})";
  config.transport = std::make_shared<FakeTransport>([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); });
  const Health health = check(Connection::open(load_connector(ACME_CONNECTOR), std::move(config), clock));
  EXPECT_EQ(states(health), "config! dns- proxy- connect- tls- http- auth- permission- ");
  EXPECT_NE(health.cause().find("api_key"), std::string::npos);
}

}  // namespace
}  // namespace switchgear

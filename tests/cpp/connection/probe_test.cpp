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
  const Health health = check_against([](const HttpRequest&) { return FakeTransport::reply(200, "{}"); });
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
    return FakeTransport::reply(200, "{}");
  });
  const auto connection = acme(transport, clock);
  connection->guard().connection_breaker()->force_open();
  EXPECT_EQ(check(connection).error->code(), "offline.connect") << "not that a breaker is open";
  EXPECT_EQ(transport->requests().size(), 1U) << "a retry would hide how it is";
  EXPECT_EQ(clock.slept().count(), 0);
  dead = false;
  EXPECT_TRUE(check(connection).online);
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

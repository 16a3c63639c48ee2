#include "switchgear/store/connections.hpp"

#include "each_store.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

StoredConnection sample(const std::string& id) {
  StoredConnection c;
  c.id = id;
  c.connector = "odata";
  c.config_json = R"({"url":"http://plant/odata","note":"O'Neil ü"})";
  c.secrets = {{"api_key", Secret::env("PLANT_KEY")}};
  c.auth = StoredAuth{"basic", R"({"user":"alice"})", {{"password", Secret::keyring("plant/alice")}, {"other", Secret::file("/run/pw")}}};
  c.network_json = R"({"connect":10})";
  c.policies_json = R"({"rate_limit":"100/s"})";
  c.entities_json = R"({"WorkOrders":{"cursor":"ChangedAt"}})";
  c.schedule = "*/15 * * * *";
  c.timezone = "Europe/Berlin";
  c.destination = "duckdb:///plant.duckdb";
  c.owner = ConnectionOwner::file;
  return c;
}

void expect_same(const StoredConnection& a, const StoredConnection& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.connector, b.connector);
  EXPECT_EQ(a.config_json, b.config_json);
  ASSERT_EQ(a.secrets.size(), b.secrets.size());
  for (const auto& [name, secret] : a.secrets) EXPECT_EQ(secret.display(), b.secrets.at(name).display());
  EXPECT_EQ(a.auth, b.auth);
  EXPECT_EQ(a.network_json, b.network_json);
  EXPECT_EQ(a.policies_json, b.policies_json);
  EXPECT_EQ(a.entities_json, b.entities_json);
  EXPECT_EQ(a.schedule, b.schedule);
  EXPECT_EQ(a.timezone, b.timezone);
  EXPECT_EQ(a.destination, b.destination);
  EXPECT_EQ(a.owner, b.owner);
  EXPECT_EQ(a.state, b.state);
}

class Connections : public OnEachStore {
 protected:
  ConnectionStore connections_{*store_};
};

TEST_P(Connections, ComeBackInAnotherProcessAsTheyWereAdded) {
  const auto added = connections_.add(sample("sap-mt"));
  EXPECT_EQ(added.version, 1);
  EXPECT_EQ(added.created_at, clock_.wall());
  expect_same(added, sample("sap-mt"));
  Store elsewhere(url(), {}, clock_);
  expect_same(ConnectionStore(elsewhere).get("sap-mt"), sample("sap-mt"));
  StoredConnection bare;
  bare.id = "bare";
  bare.connector = "acme";
  connections_.add(bare);
  expect_same(ConnectionStore(elsewhere).get("bare"), bare);
}

TEST_P(Connections, AddingOneTwiceIsAConflictAndChangesNothing) {
  connections_.add(sample("plant"));
  StoredConnection other = sample("plant");
  other.connector = "rest";
  const Error error = error_of([&] { connections_.add(other); });
  EXPECT_EQ(error.code(), "conflict.exists");
  EXPECT_EQ(error.connection_id, "plant");
  EXPECT_EQ(connections_.get("plant").connector, "odata");
}

TEST_P(Connections, AnUpdateReplacesAndCounts) {
  auto connection = connections_.add(sample("plant"));
  clock_.advance(5s);
  connection.state = ConnectionState::paused;
  connection.auth.reset();
  connection.schedule.clear();
  const auto updated = connections_.update(connection);
  EXPECT_EQ(updated.version, 2);
  EXPECT_EQ(updated.created_at, connection.created_at);
  EXPECT_EQ(updated.updated_at, clock_.wall());
  expect_same(connections_.get("plant"), connection);
}

TEST_P(Connections, OfTwoChangesToTheSameVersionTheSecondIsRefused) {
  const auto seen = connections_.add(sample("plant"));
  auto first = seen;
  first.schedule = "first";
  connections_.update(first);
  auto second = seen;
  second.schedule = "second";
  const Error error = error_of([&] { connections_.update(second); });
  EXPECT_EQ(error.code(), "conflict.precondition");
  EXPECT_NE(error.message.find("version 2"), std::string::npos) << error.message;
  EXPECT_EQ(connections_.get("plant").schedule, "first");
}

TEST_P(Connections, AnUnknownIdSuggestsTheNearest) {
  connections_.add(sample("sap-mt"));
  const Error error = error_of([&] { connections_.get("sap-mtt"); });
  EXPECT_EQ(error.code(), "not_found.connection");
  EXPECT_NE(error.message.find("did you mean 'sap-mt'?"), std::string::npos) << error.message;
  EXPECT_EQ(error_of([&] { connections_.update(sample("nowhere")); }).code(), "not_found.connection");
  EXPECT_FALSE(connections_.find("nowhere").has_value());
}

TEST_P(Connections, AreListedById) {
  for (const char* id : {"b", "c", "a"}) connections_.add(sample(id));
  std::string ids;
  for (const auto& connection : connections_.list()) ids += connection.id;
  EXPECT_EQ(ids, "abc");
}

TEST_P(Connections, ALiteralSecretIsRefusedAndNotRepeated) {
  auto in_secrets = sample("plant");
  in_secrets.secrets["api_key"] = Secret("geheim42");
  auto in_auth = sample("plant");
  in_auth.auth->secrets["password"] = Secret("geheim42");
  for (const auto& connection : {in_secrets, in_auth}) {
    const Error error = error_of([&] { connections_.add(connection); });
    EXPECT_EQ(error.code(), "config.secret");
    EXPECT_EQ(error.describe().find("geheim42"), std::string::npos) << error.describe();
    EXPECT_NE(error.hint.find("env:NAME"), std::string::npos) << error.hint;
  }
  EXPECT_TRUE(connections_.list().empty());
}

TEST_P(Connections, WhatIsNoObjectOrEmptyIsNamed) {
  const auto refused = [&](auto&& change, const std::string& part) {
    auto connection = sample("plant");
    change(connection);
    const Error error = error_of([&] { connections_.add(connection); });
    EXPECT_EQ(error.code(), "config.connection") << part;
    EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
  };
  refused([](auto& c) { c.id.clear(); }, "id is empty");
  refused([](auto& c) { c.connector.clear(); }, "no connector");
  refused([](auto& c) { c.config_json = "[1]"; }, "configuration");
  refused([](auto& c) { c.network_json = ""; }, "network");
  refused([](auto& c) { c.policies_json = "{"; }, "policies");
  refused([](auto& c) { c.entities_json = "null"; }, "entities");
  refused([](auto& c) { c.auth->settings_json = "\"x\""; }, "authentication");
}

FOR_EACH_DATABASE(Connections);

}  // namespace
}  // namespace switchgear

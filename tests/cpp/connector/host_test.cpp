#include "switchgear/connector/host.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "fake_services.hpp"
#include "switchgear/sdk.hpp"

namespace switchgear {
namespace {

std::string query(const std::string& url, const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<sg_pair> given;
  for (const auto& [name, value] : pairs) given.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
  return with_query(url, given.data(), given.size());
}

TEST(Query, IsEncodedAndAppended) {
  EXPECT_EQ(query("http://h/a", {{"x", "1"}, {"y", "a b&c=d+e/ü"}}), "http://h/a?x=1&y=a%20b%26c%3Dd%2Be%2F%C3%BC");
  EXPECT_EQ(query("http://h/a?k=v", {{"x", "1"}}), "http://h/a?k=v&x=1");
  EXPECT_EQ(query("http://h/a?", {{"x", "1"}}), "http://h/a?x=1");
  EXPECT_EQ(query("http://h/a#part", {{"$filter", "A eq 'b'"}}), "http://h/a?$filter=A%20eq%20%27b%27");
}

TEST(Query, LeavesOutEmptyValues) {
  EXPECT_EQ(query("http://h/a", {{"token", ""}, {"limit", "5"}, {"since", ""}}), "http://h/a?limit=5");
  EXPECT_EQ(query("http://h/a", {{"token", ""}}), "http://h/a");
}

/// The SDK over the host, as they meet across the ABI.
struct Both {
  explicit Both(FakeServices::Source source) : services(std::move(source)) { manifest.secrets = {"key", "login"}; }
  FakeServices services;
  Manifest manifest;
  CallContext context{services};
  sg_call handle{context, manifest};
  sdk::Call call{host_table(), &handle};
};

TEST(SdkCall, SendsWhatTheRequestDescribes) {
  Both both([](const HttpRequest&) { return FakeServices::reply(200, "ok"); });
  const sdk::Request request = sdk::Request("POST", "items?a=1")
                                   .base("http://h/api/")
                                   .query("n", -5)
                                   .query("big", std::uint64_t{18446744073709551615U})
                                   .query("flag", true)
                                   .query("text", "x")
                                   .header("Accept", "text/plain")
                                   .header_secret("X-Key", "key")
                                   .basic("anna", "login")
                                   .json("{}")
                                   .idempotency_key("i-1")
                                   .safe();
  sdk::Reply reply = both.call.send(request);
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.body(), "ok");
  EXPECT_EQ(reply.header("content-type"), "application/json");
  EXPECT_EQ(reply.header("absent"), "");
  EXPECT_EQ(reply.url(), "http://h/api/items?a=1&n=-5&big=18446744073709551615&flag=true&text=x");
  const HttpRequest& sent = both.services.requests.at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.body, "{}");
  EXPECT_EQ(sent.idempotency_key, "i-1");
  EXPECT_TRUE(sent.safe);
  EXPECT_EQ(sent.headers.get("accept"), "text/plain");
  const auto& uses = both.services.uses.at(0);
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].kind, SecretUse::Kind::header);
  EXPECT_EQ(uses[0].name, "X-Key");
  EXPECT_EQ(uses[0].secret, "key");
  EXPECT_EQ(uses[1].kind, SecretUse::Kind::basic);
  EXPECT_EQ(uses[1].name, "anna");
}

TEST(SdkCall, AnErrorReplyCanBeLookedAtOrThrown) {
  Both both([](const HttpRequest&) { return FakeServices::reply(404, "gone fishing"); });
  const sdk::Reply reply = both.call.try_send(sdk::Request("GET", "http://h/"));
  EXPECT_FALSE(reply);
  EXPECT_EQ(reply.status(), 404);
  EXPECT_EQ(reply.body(), "gone fishing");
  EXPECT_EQ(reply.error().category, sdk::Category::not_found);
  EXPECT_FALSE(reply.error().reply_lost());
  EXPECT_THROW(both.call.send(sdk::Request("GET", "http://h/")), sdk::Error);
}

TEST(SdkCall, ALostReplyIsAnErrorWithoutAStatus) {
  Both both([](const HttpRequest&) -> HttpResponse { throw Error(Category::offline, "lost", "reset by peer"); });
  const sdk::Reply reply = both.call.try_send(sdk::Request("POST", "http://h/"));
  EXPECT_FALSE(reply);
  EXPECT_EQ(reply.status(), 0);
  EXPECT_EQ(reply.error().detail, "lost");
  EXPECT_TRUE(reply.error().reply_lost());
}

TEST(SdkCall, AnExceptionInTheHostIsAnInternalError) {
  Both both([](const HttpRequest&) -> HttpResponse { throw std::runtime_error("bug"); });
  EXPECT_EQ(both.call.try_send(sdk::Request("GET", "http://h/")).error().category, sdk::Category::internal);
}

TEST(SdkCall, GivesSecretsOfTheManifestOnly) {
  Both both([](const HttpRequest&) { return FakeServices::reply(200, ""); });
  EXPECT_EQ(both.call.secret("key"), "value of key");
  EXPECT_THROW(both.call.secret("other"), sdk::Error);
}

TEST(SdkCall, FollowsALinkOnlyToItsOwnServer) {
  Both both([](const HttpRequest&) { return FakeServices::reply(200, "{}"); });
  both.call.send(sdk::Request("GET", "Items?p=2").link("http://127.0.0.1:81/api/"));
  EXPECT_EQ(both.services.requests.at(0).url, "http://127.0.0.1:81/api/Items?p=2");
  const sdk::Reply reply = both.call.try_send(sdk::Request("GET", "http://192.0.2.1:81/api/Items").link("http://127.0.0.1:81/api/"));
  EXPECT_EQ(reply.error().category, sdk::Category::protocol);
  EXPECT_EQ(reply.error().detail, "foreign_link");
  EXPECT_EQ(both.services.requests.size(), 1U);
}

TEST(SdkCall, LogsAndTellsTheTime) {
  Both both([](const HttpRequest&) { return FakeServices::reply(200, ""); });
  both.call.log(sdk::LogLevel::warning, "odd \xff");
  ASSERT_EQ(both.services.lines.size(), 1U);
  EXPECT_EQ(both.services.lines[0].second, "odd \xEF\xBF\xBD");
  EXPECT_EQ(both.call.deadline(), std::nullopt);
  ManualClock clock;
  CallContext timed{both.services, {}, clock, clock.now() + std::chrono::seconds(3)};
  sg_call handle{timed, both.manifest};
  const sdk::Call call(host_table(), &handle);
  EXPECT_EQ(*call.deadline() - call.now(), std::chrono::seconds(3));
  EXPECT_FALSE(call.cancelled());
}

TEST(SdkPage, MovesAReplysBodyAndReleasesWhatNobodyTakes) {
  Both both([](const HttpRequest&) { return FakeServices::reply(200, R"({"a":[]})"); });
  sg_page page{};
  page.size = sizeof page;
  {
    sdk::Page(both.call.send(sdk::Request("GET", "http://h/"))).records("/a").next_token("").give(&page);
  }
  EXPECT_EQ(page.size, sizeof page);
  EXPECT_EQ(page.body.p, both.services.last_body);
  const Buffer body = take_body(page.body);
  EXPECT_EQ(page.body.p, nullptr);
  page.release(&page);
  EXPECT_EQ(body.view(), R"({"a":[]})");
  EXPECT_EQ(body.data(), both.services.last_body);
  {
    const sdk::Page dropped(both.call.send(sdk::Request("GET", "http://h/")));
  }  // the leak checker looks on
}

TEST(SdkPage, WritesNoFurtherThanTheHostKnows) {
  sg_page page;
  std::memset(&page, 0x5a, sizeof page);
  page.size = offsetof(sg_page, next_token);
  sdk::Page page_of_text(std::string("[]"));
  sg_page whole{};
  whole.size = sizeof whole;
  std::move(page_of_text).give(&whole);
  sdk::detail::copy_out(&page, whole);
  EXPECT_EQ(page.size, offsetof(sg_page, next_token));
  EXPECT_EQ(page.body.p, whole.body.p);
  EXPECT_EQ(reinterpret_cast<const unsigned char*>(&page)[offsetof(sg_page, next_token)], 0x5a);
  whole.release(&whole);
}

TEST(SdkEntity, KnowsItsPropertiesAndKey) {
  const std::vector<std::pair<std::string, std::string>> given = {
      {"path", "/v2/x"}, {"key", R"(["a b","c\"d","\u00e4\\","ü"])"}, {"cursor", "changed"}, {"batch", "25"}};
  std::vector<sg_pair> pairs;
  for (const auto& [name, value] : given) pairs.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
  const sdk::Entity entity({"things", 6}, pairs.data(), pairs.size());
  EXPECT_EQ(entity.name, "things");
  EXPECT_EQ(entity.path, "/v2/x");
  EXPECT_EQ(entity.key, (std::vector<std::string>{"a b", "c\"d", "ä\\", "ü"}));
  EXPECT_EQ(entity.property("batch"), "25");
  EXPECT_EQ(entity.property("absent"), "");
}

TEST(SdkConfig, SaysWhichSettingIsWrong) {
  const std::vector<std::pair<std::string, std::string>> given = {
      {"size", "12"}, {"rate", "2.5"}, {"on", "true"}, {"word", "twelve"}, {"big", "99999999999999999999"}};
  std::vector<sg_pair> pairs;
  for (const auto& [name, value] : given) pairs.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
  sg_open_request request{};
  request.size = sizeof request;
  request.connection_id = {"sap", 3};
  request.config = pairs.data();
  request.n_config = pairs.size();
  const sdk::Config config(request);
  EXPECT_EQ(config.connection_id(), "sap");
  EXPECT_EQ(config.integer("size"), 12);
  EXPECT_EQ(config.real("rate"), 2.5);
  EXPECT_TRUE(config.boolean("on"));
  EXPECT_EQ(config.str("none", "else"), "else");
  EXPECT_FALSE(config.has("none"));
  EXPECT_THROW(config.str("none"), sdk::Error);
  EXPECT_THROW(config.integer("word"), sdk::Error);
  EXPECT_THROW(config.integer("big"), sdk::Error);
  EXPECT_THROW(config.boolean("size"), sdk::Error);
}

}  // namespace
}  // namespace switchgear

// The connector as it is shipped: the shared library, loaded, with the source played by a function.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fake_services.hpp"
#include "json_text.hpp"
#include "switchgear/connector/loader.hpp"

namespace switchgear {
namespace {

using Json = nlohmann::json;

struct Opened {
  explicit Opened(const std::string& description, FakeServices::Source source, Json more = Json::object())
      : services(std::move(source)), plugin(load_connector(REST_CONNECTOR)) {
    more["description"] = description;
    session = plugin->open("plant", plugin->manifest().checked_config(more.dump()), call);
  }

  RawPage read(const std::string& entity, std::string token = {}) {
    PageRequest request;
    request.entity = entity;
    request.token = std::move(token);
    return session->read_page(request, call);
  }
  const HttpRequest& last() const { return services.requests.back(); }

  FakeServices services;
  CallContext call{services};
  std::shared_ptr<Plugin> plugin;
  std::unique_ptr<Session> session;
};

FakeServices::Source always(std::string body) {
  return [body = std::move(body)](const HttpRequest&) { return FakeServices::reply(200, body); };
}

std::string entity_lines(const std::string& lines) {
  return "name = \"p\"\nurl = \"http://127.0.0.1:9/api/\"\n[[entities]]\nname = \"a\"\npath = \"/a\"\n" + lines;
}

TEST(RestConnector, SaysWhatItIsAndWhatItReads) {
  Opened rest(entity_lines("key = [\"id\"]\nfields = [{ name = \"id\", type = \"int64\" }]\n"), always("[]"));
  EXPECT_EQ(rest.plugin->manifest().name, "rest");
  EXPECT_TRUE(rest.plugin->offers("plan"));
  EXPECT_TRUE(rest.plugin->offers("write_batch"));
  const auto entities = parse_catalog(rest.session->discover(rest.call), "rest");
  ASSERT_EQ(entities.size(), 1U);
  EXPECT_EQ(entities[0].key, std::vector<std::string>{"id"});
  EXPECT_EQ(entities[0].schema.fields.at(0).name, "id");
}

TEST(RestConnector, ShippedDescriptionsAreFoundByName) {
  for (const char* name : {"sandbox", "maintainx", "upkeep", "netsuite"}) {
    const Json more = std::string_view(name) == "netsuite" ? Json{{"variables", {{"account", "123456"}}}} : Json::object();
    Opened rest(name, always("[]"), more);
    EXPECT_GE(parse_catalog(rest.session->discover(rest.call), name).size(), 2U) << name;
  }
  const Error error = error_of([] { Opened("sandbocks", always("[]")); });
  EXPECT_EQ(error.code(), "config.description");
  EXPECT_NE(error.message.find("did you mean 'sandbox'?"), std::string::npos) << error.message;
}

TEST(RestConnector, AsksForAPage) {
  Opened rest(R"(name = "p"
url = "https://{host}/api"
variables = { host = { default = "127.0.0.1:9" } }
auth = { kind = "bearer", secret = "token" }
headers = { X-Org = "7" }
params = { lang = "en" }
[[entities]]
name = "a"
path = "/a b/{host}"
records = "/data"
total = "/total"
cursor = "changed"
params = { expand = "x,y" }
paging = { style = "cursor", param = "cursor", next = "/next", more = "/more", size_param = "limit", size = 5 }
)",
              always(R"({"data":[]})"), {{"url", "http://127.0.0.1:9/other/"}});
  const RawPage page = rest.read("a", "&=&");
  EXPECT_EQ(rest.last().url, "http://127.0.0.1:9/other/a b/127.0.0.1%3A9?lang=en&expand=x%2Cy&cursor=%26%3D%26&limit=5");
  EXPECT_EQ(rest.last().headers.get("X-Org"), "7");
  EXPECT_EQ(rest.last().headers.get("Accept"), "application/json");
  ASSERT_EQ(rest.services.uses.back().size(), 1U);
  EXPECT_EQ(rest.services.uses.back()[0].secret, "token");
  EXPECT_EQ(page.records, "/data");
  EXPECT_EQ(page.next, "/next");
  EXPECT_EQ(page.more, "/more");
  EXPECT_EQ(page.total, "/total");
  EXPECT_EQ(page.watermark, "changed");
  EXPECT_EQ(page.body.data(), rest.services.last_body) << "the body is not copied";
}

TEST(RestConnector, AVariableThatLeadsElsewhereIsRefused) {
  const std::string description =
      "name = \"p\"\nurl = \"https://{host}/\"\nvariables = { host = { doc = \"the server\" } }\n[[entities]]\nname = \"a\"\npath = "
      "\"/a\"\n";
  EXPECT_NE(error_of([&] { Opened(description, always("[]")); }).message.find("needs the variable 'host': the server"), std::string::npos);
  EXPECT_NE(
      error_of([&] { Opened(description, always("[]"), {{"variables", {{"host", "evil/@x"}}}}); }).message.find("lead the URL elsewhere"),
      std::string::npos);
  EXPECT_NE(error_of([&] { Opened(description, always("[]"), {{"variables", {{"hst", "x"}}}}); }).message.find("did you mean 'host'?"),
            std::string::npos);
}

TEST(RestConnector, PostsParametersInTheBody) {
  Opened rest(entity_lines(R"(method = "POST"
body = { domain = [["active", "=", true]], fields = ["id"] }
paging = { style = "offset", param = "offset", size_param = "limit", size = 80 }
)"),
              always("[]"));
  EXPECT_EQ(rest.read("a", "160").offset, 160);
  EXPECT_EQ(rest.last().method, "POST");
  EXPECT_EQ(Json::parse(rest.last().body), Json::parse(R"({"domain":[["active","=",true]],"fields":["id"],"offset":160,"limit":80})"));
  EXPECT_EQ(rest.last().url, "http://127.0.0.1:9/api/a");
}

TEST(RestConnector, LinksStayWithTheServer) {
  Opened rest(entity_lines("paging = { style = \"link\" }\n"), [](const HttpRequest&) {
    HttpResponse response = FakeServices::reply(200, "[{}]");
    response.headers.add("Link", "<http://127.0.0.1:9/api/a?page=1>; rel=\"first\"");
    response.headers.add("Link", "<http://127.0.0.1:9/api/a?_sort=b,c&page=2>; rel=\"next\"");
    return response;
  });
  EXPECT_EQ(rest.read("a").next_token, "http://127.0.0.1:9/api/a?_sort=b,c&page=2") << "of two Link headers the second";
  rest.read("a", "?page=3");
  EXPECT_EQ(rest.last().url, "http://127.0.0.1:9/api/a?page=3");
  const std::size_t sent = rest.services.requests.size();
  EXPECT_EQ(error_of([&] { rest.read("a", "http://192.0.2.1/a"); }).code(), "protocol.foreign_link");
  EXPECT_EQ(rest.services.requests.size(), sent);
}

TEST(RestConnector, ErrorsInASuccessAreErrors) {
  const std::string description =
      "name = \"p\"\nurl = \"http://h\"\nerrors = { when = \"/error\", unless = \"/ok\", message = [\"/error/text\", \"/why\"], "
      "code = \"/error/code\", categories = { SLOW = \"rate_limit\" } }\n[[entities]]\nname = \"a\"\npath = \"/a\"\nrecords = \"/d\"\n"
      "paging = { style = \"none\" }\n";
  const auto reading = [&](const char* body) {
    Opened rest(description, always(body));
    return error_of([&] { rest.read("a"); });
  };
  const Error slow = reading(R"({"d":[],"error":{"code":"SLOW","text":"too much"}})");
  EXPECT_EQ(slow.category, Category::rate_limit);
  EXPECT_NE(slow.message.find("at /error: SLOW: too much"), std::string::npos) << slow.message;
  EXPECT_EQ(reading(R"({"d":[],"ok":false,"why":"closed"})").code(), "server.in_success");
  EXPECT_EQ(reading(R"({"d":[],"ok":true,"error":null})").category, Category::internal) << "no error";
}

TEST(RestConnector, AnAutomaticStyleIsLoggedAndKept) {
  Opened rest(entity_lines("paging = { style = \"auto\", size_param = \"limit\", size = 2 }\n"), [](const HttpRequest& request) {
    return FakeServices::reply(200, request.url.find("cursor=x") == std::string::npos ? R"({"data":[{"id":1}],"next_cursor":"x"})"
                                                                                      : R"({"data":[{"id":2}],"next_cursor":null})");
  });
  const RawPage first = rest.read("a");
  EXPECT_EQ(rest.last().url, "http://127.0.0.1:9/api/a?limit=2");
  EXPECT_EQ(first.records, "/data");
  ASSERT_EQ(rest.services.lines.size(), 1U);
  EXPECT_EQ(rest.services.lines[0].second,
            "'a': the reply holds /next_cursor, so it is read by: style = \"cursor\", param = \"cursor\", next = \"/next_cursor\"");
  const RawPage second = rest.read("a", first.next_token.value());
  EXPECT_EQ(rest.last().url, "http://127.0.0.1:9/api/a?cursor=x&limit=2");
  EXPECT_EQ(second.next_token, "");
  EXPECT_EQ(rest.services.lines.size(), 1U);
}

constexpr const char* family = R"(name = "p"
url = "http://h"
[[entities]]
name = "assets"
path = "/assets"
records = "/items"
key = ["id"]
paging = { style = "page", param = "page", size_param = "limit", size = 2 }
[[entities]]
name = "meters"
path = "/assets/{id}/meters"
records = "/items"
parent = { entity = "assets", fields = { asset_id = "id" } }
paging = { style = "cursor", param = "cursor", next = "/next" }
)";

/// Assets 1, 2 | 3; meters: two pages for 1, none for 2, one for 3.
HttpResponse family_reply(const HttpRequest& request) {
  const std::string& url = request.url;
  const auto has = [&](const char* part) { return url.find(part) != std::string::npos; };
  if (has("/assets/1/meters?cursor=m")) return FakeServices::reply(200, R"({"items":[{"n":2}],"next":null})");
  if (has("/assets/1/meters")) return FakeServices::reply(200, R"({"items":[{"n":1}],"next":"m"})");
  if (has("/assets/2/meters")) return FakeServices::reply(200, R"({"items":[],"next":null})");
  if (has("/assets/3/meters")) return FakeServices::reply(200, R"({"items":[{"n":3,"asset_id":"own"},{}],"next":null})");
  if (has("page=1")) return FakeServices::reply(200, R"({"items":[{"id":1},{"id":2}]})");
  if (has("page=2")) return FakeServices::reply(200, R"({"items":[{"id":3}]})");
  return FakeServices::reply(200, R"({"items":[]})");
}

TEST(RestConnector, ChildrenAreReadBelowTheirParents) {
  // A session of its own for each page: a token is all that is needed to go on.
  std::string token;
  std::vector<std::string> pages;
  do {
    Opened rest(family, family_reply);
    const RawPage page = rest.read("meters", token);
    pages.push_back(page.body.str());
    token = page.next_token.value();
    ASSERT_LT(pages.size(), 10U);
  } while (!token.empty());
  EXPECT_EQ(pages, (std::vector<std::string>{R"([{"asset_id":1,"n":1}])", R"([{"asset_id":1,"n":2}])",
                                             R"([{"n":3,"asset_id":"own"},{"asset_id":3}])", "[]"}));
}

TEST(RestConnector, AChildsPlaceSurvivesParentsThatComeAndGo) {
  Opened rest(family, family_reply);
  const std::string token = rest.read("meters").next_token.value();
  EXPECT_EQ(Json::parse(token), Json::parse(R"(["",0,"1","m"])"));
  EXPECT_EQ(rest.read("meters", R"(["",1,"1","m"])").body.str(), R"([{"asset_id":1,"n":2}])") << "the parent stands elsewhere now";
  EXPECT_EQ(rest.read("meters", R"(["2",0,"99","m"])").body.str(), R"([{"n":3,"asset_id":"own"},{"asset_id":3}])") << "it is gone";
}

TEST(RestConnector, PlansPartsOfAnOffsetListing) {
  Opened rest(entity_lines("records = \"/items\"\ntotal = \"/total\"\npaging = { style = \"offset\", param = \"offset\", size_param = "
                           "\"limit\", size = 10 }\n"),
              always(R"({"items":[{}],"total":95})"));
  PageRequest request;
  request.entity = "a";
  request.parts = 3;
  const Json parts = Json::parse(rest.session->plan(request, rest.call));
  EXPECT_EQ(parts, Json::parse(R"(["[null,30]","[30,60]","[60,null]"])"));
  request.partition = parts[1];
  request.token = "60";
  const RawPage end = rest.session->read_page(request, rest.call);
  EXPECT_EQ(end.body.str(), "[]");
  EXPECT_EQ(end.next_token, "");
}

TEST(RestConnector, KeysetPartsEndAtTheirLastKey) {
  Opened rest(entity_lines(R"(params = { order = "asc" }
paging = { style = "keyset", fields = ["/id"], params = { after = "{0}" }, last_params = { order = "desc" }, size_param = "limit" }
)"),
              [](const HttpRequest& request) {
                if (request.url.find("order=desc") != std::string::npos) return FakeServices::reply(200, R"([{"id":9007199254741993}])");
                return FakeServices::reply(200, R"([{"id":9007199254740993},{"id":9007199254740995},{"id":9007199254741995}])");
              });
  PageRequest request;
  request.entity = "a";
  request.parts = 2;
  const Json parts = Json::parse(rest.session->plan(request, rest.call));
  EXPECT_EQ(parts, Json::parse(R"(["[null,9007199254741493]","[9007199254741493,null]"])"));
  request.partition = parts[0];
  const RawPage page = rest.session->read_page(request, rest.call);
  EXPECT_EQ(page.body.str(), R"([{"id":9007199254740993},{"id":9007199254740995}])");
  EXPECT_EQ(page.next_token, "");
  request.partition = parts[1];
  rest.session->read_page(request, rest.call);
  EXPECT_NE(rest.last().url.find("after=9007199254741493"), std::string::npos);
}

TEST(RestConnector, AWrongDescriptionIsRefusedWhenOpened) {
  const Error error = error_of([] { Opened(entity_lines("paging = { style = \"cursr\" }\n"), always("[]")); });
  EXPECT_EQ(error.code(), "config.description");
  EXPECT_NE(error.message.find("description:6: entities[0].paging.style: 'cursr'"), std::string::npos) << error.message;
  EXPECT_NE(error_of([] { Opened("/nowhere/x.toml", always("[]")); }).message.find("there is no such file"), std::string::npos);
}

}  // namespace
}  // namespace switchgear

// The connector as it is shipped: the shared library, loaded, with the source played by a function.
#include <gtest/gtest.h>

#include "fake_services.hpp"
#include "metadata_text.hpp"
#include "switchgear/connector/loader.hpp"

namespace switchgear {
namespace {

constexpr const char* root = "http://127.0.0.1:9/odata/v4/maint";

HttpResponse odata_reply(std::string_view body, const char* version = "4.0") {
  HttpResponse response = FakeServices::reply(200, body);
  response.headers.add("OData-Version", version);
  return response;
}

struct Opened {
  explicit Opened(FakeServices::Source source, const std::string& more_config = "")
      : services(std::move(source)),
        plugin(load_connector(ODATA_CONNECTOR)),
        session(plugin->open("plant", plugin->manifest().checked_config("{\"url\": \"" + std::string(root) + "\"" + more_config + "}"),
                             call)) {}

  const HttpRequest& last() const { return services.requests.back(); }
  RawPage read(PageRequest request) { return session->read_page(request, call); }

  FakeServices services;
  CallContext call{services};
  std::shared_ptr<Plugin> plugin;
  std::unique_ptr<Session> session;
};

PageRequest work_orders() {
  PageRequest request;
  request.entity = "WorkOrders";
  request.properties = {
      {"path", "WorkOrders"}, {"cursor", "modifiedAt"}, {"key", R"(["ID"])"}, {"types", R"({"modifiedAt": "Edm.DateTimeOffset"})"}};
  return request;
}

FakeServices::Source always(std::string body, const char* version = "4.0") {
  return [body = std::move(body), version](const HttpRequest&) { return odata_reply(body, version); };
}

Error opening(const std::string& config) {
  return error_of([&] { Opened(always("{}"), config); });
}

TEST(ODataConnector, SaysWhatItIsAndTakesItsSettings) {
  const auto plugin = load_connector(ODATA_CONNECTOR);
  EXPECT_EQ(plugin->manifest().name, "odata");
  EXPECT_TRUE(plugin->offers("discover"));
  EXPECT_TRUE(plugin->offers("write_batch"));
  EXPECT_EQ(error_of([&] { plugin->manifest().checked_config("{}"); }).category, Category::config);
}

TEST(ODataConnector, ChecksTheServiceDocument) {
  Opened odata(always(R"({"@odata.context":"$metadata","value":[]})"));
  odata.session->check(odata.call);
  EXPECT_EQ(odata.last().url, std::string(root) + "/");
  EXPECT_EQ(odata.last().headers.get("Accept"), "application/json");
  EXPECT_EQ(odata.last().headers.get("OData-Version"), "4.0");
  EXPECT_EQ(odata.last().headers.get("OData-MaxVersion"), "4.0");
}

TEST(ODataConnector, TellsWhyAServiceIsNone) {
  const auto check = [](const FakeServices::Source& source) {
    Opened odata(source);
    return error_of([&] { odata.session->check(odata.call); });
  };
  const Error missing = check([](const HttpRequest&) { return FakeServices::reply(404, "Not Found"); });
  EXPECT_EQ(missing.code(), "config.service_root");
  EXPECT_EQ(missing.http_status, 404);
  const Error other = check([](const HttpRequest&) { return FakeServices::reply(200, R"({"hello":"world"})"); });
  EXPECT_EQ(other.code(), "protocol.service_document");
  EXPECT_NE(other.hint.find("$metadata"), std::string::npos);
  const Error old = check([](const HttpRequest&) {
    HttpResponse response = FakeServices::reply(200, R"({"odata.metadata":"$metadata","value":[]})");
    response.headers.add("dataserviceversion", "3.0;");
    return response;
  });
  EXPECT_EQ(old.code(), "unsupported.version");
  EXPECT_NE(old.message.find("OData 3.0"), std::string::npos) << old.message;
  EXPECT_EQ(check([](const HttpRequest&) { return FakeServices::reply(400, "no"); }).category, Category::bad_request)
      << "the host's verdict stands";
}

TEST(ODataConnector, DiscoversACatalogThatTheHostTakes) {
  for (const char* file : {"cap_v4.xml", "cap_v2.xml", "dynamics_v4.xml", "sap_gateway_v2.xml"}) {
    Opened odata(always(odata::testdata(file)));
    const auto entities = parse_catalog(odata.session->discover(odata.call), file);
    EXPECT_GE(entities.size(), 3U) << file;
    EXPECT_EQ(odata.last().url, std::string(root) + "/$metadata");
    EXPECT_EQ(odata.last().headers.get("Accept"), "application/xml");
    EXPECT_TRUE(odata.services.lines.empty()) << odata.services.lines.front().second;
  }
}

TEST(ODataConnector, LogsWhatItPassedOver) {
  Opened odata(always(odata::v4_things("<Property Name=\"a\" Type=\"Other.T\"/>")));
  EXPECT_EQ(parse_catalog(odata.session->discover(odata.call), "").at(0).schema.fields.size(), 2U);
  ASSERT_EQ(odata.services.lines.size(), 1U);
  EXPECT_EQ(odata.services.lines[0].first, LogLevel::warning);
  EXPECT_NE(odata.services.lines[0].second.find("$metadata, line 5: the property 'a'"), std::string::npos)
      << odata.services.lines[0].second;
}

TEST(ODataConnector, NamesTheLineOfBrokenMetadata) {
  Opened odata(always("<edmx:Edmx>\n<edmx:DataServices>\n<Schema"));
  const Error error = error_of([&] { odata.session->discover(odata.call); });
  EXPECT_EQ(error.code(), "protocol.metadata");
  EXPECT_NE(error.message.find("/$metadata: line 3"), std::string::npos) << error.message;
  EXPECT_NE(error.hint, "");
}

TEST(ODataConnector, AServiceThatHidesItsMetadataIsListedByName) {
  Opened odata([](const HttpRequest& request) {
    if (request.url.find("$metadata") != std::string::npos) return FakeServices::reply(404, "");
    return odata_reply(R"({"value":[{"name":"WorkOrders","kind":"EntitySet","url":"WorkOrders"}]})");
  });
  const auto entities = parse_catalog(odata.session->discover(odata.call), "");
  ASSERT_EQ(entities.size(), 1U);
  EXPECT_TRUE(entities[0].schema.fields.empty());
  EXPECT_EQ(odata.services.lines.size(), 1U) << "and says so";
}

TEST(ODataConnector, ReadsAFirstPage) {
  Opened odata(always(R"({"value":[]})"));
  PageRequest request = work_orders();
  request.columns = {"ID", "title"};
  request.filter = R"([["title","=","O'Neil & 100% + ß"]])";
  request.lower = "2026-01-01T00:00:00+02:00";
  request.limit = 7;
  request.count = true;
  const RawPage page = odata.read(request);
  EXPECT_EQ(odata.last().url,
            std::string(root) +
                "/WorkOrders?$select=ID%2Ctitle&$filter=title%20eq%20%27O%27%27Neil%20%26%20100%25%20%2B%20%C3%9F%27%20and%20"
                "modifiedAt%20ge%202026-01-01T00%3A00%3A00%2B02%3A00&$top=7&$count=true");
  EXPECT_EQ(odata.last().headers.get("Prefer"), "odata.maxpagesize=1000");
  EXPECT_EQ(odata.last().headers.get("Accept"), "application/json");
  EXPECT_EQ(page.records, "/value");
  EXPECT_EQ(page.next, "/@odata.nextLink");
  EXPECT_EQ(page.delta, "/@odata.deltaLink");
  EXPECT_EQ(page.total, "/@odata.count");
  EXPECT_EQ(page.watermark, "modifiedAt");
  EXPECT_EQ(page.control, "@");
  EXPECT_FALSE(page.next_token);
  EXPECT_EQ(page.body.data(), odata.services.last_body) << "the body is not copied";
}

TEST(ODataConnector, APageSizeIsAWish) {
  Opened odata(always(R"({"value":[]})"), R"(, "page_size": 0)");
  odata.read(work_orders());
  EXPECT_FALSE(odata.last().headers.contains("Prefer"));
  PageRequest request = work_orders();
  request.page_size = 50;
  odata.read(request);
  EXPECT_EQ(odata.last().headers.get("Prefer"), "odata.maxpagesize=50");
}

TEST(ODataConnector, FollowsTheServicesOwnLinks) {
  Opened odata(always(R"({"value":[]})"));
  PageRequest request = work_orders();
  request.columns = {"ID"};  // the link holds it already
  request.limit = 5;
  const auto asked_for = [&](const char* token) {
    request.token = token;
    odata.read(request);
    return odata.last().url;
  };
  EXPECT_EQ(asked_for("WorkOrders?%24select=ID%2Ctitle&%24skiptoken=1000"),
            std::string(root) + "/WorkOrders?%24select=ID%2Ctitle&%24skiptoken=1000");
  EXPECT_EQ(asked_for("?$skiptoken=a"), std::string(root) + "/WorkOrders?$skiptoken=a");
  EXPECT_EQ(asked_for("/odata/v4/maint/WorkOrders?$skiptoken=a"), std::string(root) + "/WorkOrders?$skiptoken=a");
  EXPECT_EQ(asked_for("http://127.0.0.1:9/odata/v4/maint/WorkOrders?$skiptoken=a"), std::string(root) + "/WorkOrders?$skiptoken=a");
  EXPECT_EQ(odata.last().headers.get("Prefer"), "odata.maxpagesize=1000");
  EXPECT_EQ(odata.last().headers.get("OData-MaxVersion"), "4.0");
}

TEST(ODataConnector, SendsNothingToAnotherHost) {
  Opened odata(always(R"({"value":[]})"));
  PageRequest request = work_orders();
  for (const char* token :
       {"http://192.0.2.1/odata/v4/maint/WorkOrders", "//192.0.2.1:9/x", "http://127.0.0.1:10/x", "file:///etc/passwd"}) {
    request.token = token;
    EXPECT_EQ(error_of([&] { odata.read(request); }).category, Category::protocol) << token;
  }
  EXPECT_TRUE(odata.services.requests.empty());
}

TEST(ODataConnector, UnderstandsTheShortNamesOf401) {
  Opened short_names(always(R"({"@context":"x","value":[],"@nextLink":"WorkOrders?$skiptoken=1"})", "4.01"));
  EXPECT_EQ(short_names.read(work_orders()).next, "/@nextLink");
  Opened long_names(always(R"({"@odata.context":"x","value":[],"@odata.nextLink":"WorkOrders?$skiptoken=1"})", "4.01"));
  EXPECT_EQ(long_names.read(work_orders()).next, "/@odata.nextLink");
}

TEST(ODataConnector, RefusesToReadV3) {
  Opened odata(always(R"({"value":[]})"));
  PageRequest request = work_orders();
  request.properties.emplace_back("odata_version", "3.0");
  EXPECT_EQ(error_of([&] { odata.read(request); }).code(), "unsupported.version");
  EXPECT_TRUE(odata.services.requests.empty()) << "known before anything is sent";
}

TEST(ODataConnector, ReadsPagesOfV2) {
  Opened odata(always(R"({"d":{"__count":"7","results":[],"__next":"http://127.0.0.1:9/odata/v4/maint/WorkOrders?$skiptoken=1"}})"));
  PageRequest request = work_orders();
  request.properties = {{"path", "WorkOrders"},   {"key", R"(["ID"])"},     {"cursor", "changed"},
                        {"select", "ID,changed"}, {"odata_version", "2.0"}, {"types", R"({"changed":"Edm.DateTime","ticks":"Edm.Int64"})"}};
  request.filter = R"([["ticks",">",17],["title","contains","x"]])";
  request.lower = "2026-01-31T12:00:00Z";
  request.count = true;
  const RawPage page = odata.read(request);
  EXPECT_EQ(odata.last().url,
            std::string(root) +
                "/WorkOrders?$select=ID%2Cchanged&$filter=ticks%20gt%2017L%20and%20substringof%28%27x%27%2Ctitle%29%20and%20changed%20ge%20"
                "datetime%272026-01-31T12%3A00%3A00%27&$inlinecount=allpages");
  EXPECT_EQ(odata.last().headers.get("MaxDataServiceVersion"), "2.0");
  EXPECT_EQ(odata.last().headers.get("OData-Version"), std::nullopt);
  EXPECT_EQ(page.records, "/d/results");
  EXPECT_EQ(page.next, "/d/__next");
  EXPECT_EQ(page.total, "/d/__count");
  Opened v1(always(R"({"d" : [{"ID":1}]})"));
  EXPECT_EQ(v1.read(request).records, "/d");
}

TEST(ODataConnector, AsksForDecimalsAsTextWhereTheirScaleIsOpen) {
  Opened odata(always(R"({"value":[]})"));
  PageRequest request = work_orders();
  request.properties.emplace_back("decimals_as_text", "true");
  odata.read(request);
  EXPECT_EQ(odata.last().headers.get("Accept"), "application/json;IEEE754Compatible=true");
}

TEST(ODataConnector, SendsConfiguredHeadersAndParameters) {
  Opened odata(always(R"({"@odata.context":"","value":[]})"),
               R"(, "headers": {"sap-client": "100"}, "query": {"sap-language": "DE"}, "count": true)");
  odata.read(work_orders());
  EXPECT_EQ(odata.last().url, std::string(root) + "/WorkOrders?sap-language=DE&$count=true");
  EXPECT_EQ(odata.last().headers.get("sap-client"), "100");
  PageRequest next = work_orders();
  next.token = "WorkOrders?$skiptoken=1";
  odata.read(next);
  EXPECT_EQ(odata.last().url, std::string(root) + "/WorkOrders?$skiptoken=1");
  EXPECT_EQ(odata.last().headers.get("sap-client"), "100");
}

TEST(ODataConnector, ChangesByTheMethodThatIsConfigured) {
  const auto sent = [](const std::string& config, const char* version) {
    std::string body;
    Opened odata(
        [&](const HttpRequest& request) {
          if (body.empty()) body = request.body;
          return FakeServices::reply(500, "");
        },
        config);
    const std::vector<std::pair<std::string, std::string>> properties = {{"path", "WorkOrders"},
                                                                         {"key", R"(["ID"])"},
                                                                         {"types", R"({"ID":"Edm.Int32"})"},
                                                                         {"odata_version", version},
                                                                         {"ops", R"(["update"])"}};
    const Error error =
        error_of([&] { odata.session->write_batch("WorkOrders", properties, "update", {{"id", "1", R"({"ID":1})"}}, false, odata.call); });
    EXPECT_EQ(error.http_status, 500) << error.message;
    return body;
  };
  EXPECT_NE(sent("", "4.0").find(R"("method":"PATCH")"), std::string::npos);
  EXPECT_NE(sent(R"(, "update_method": "PUT")", "4.0").find(R"("method":"PUT")"), std::string::npos);
  EXPECT_NE(sent("", "2.0").find("\r\nMERGE WorkOrders(1) HTTP/1.1\r\n"), std::string::npos) << "in multipart/mixed";
}

TEST(ODataConnector, AConfiguredCursorServesWhereTheCatalogHasNone) {
  Opened odata(always(R"({"value":[]})"), R"(, "cursor": {"WorkOrders": "dueAt"})");
  PageRequest request = work_orders();
  request.properties = {{"path", "WorkOrders"}};
  request.lower = "2026-01-01";
  EXPECT_EQ(odata.read(request).watermark, "dueAt");
  EXPECT_NE(odata.last().url.find("dueAt%20ge%202026-01-01T00%3A00%3A00Z"), std::string::npos) << odata.last().url;
}

TEST(ODataConnector, RefusesSettingsThatCannotBe) {
  EXPECT_EQ(opening(R"(, "page_size": -1)").category, Category::config);
  EXPECT_EQ(opening(R"(, "cursor": ["ChangedAt"])").category, Category::config);
  EXPECT_EQ(opening(R"(, "headers": {"a": {"b": 1}})").category, Category::config);
  EXPECT_EQ(opening(R"(, "batch": "xml")").category, Category::config);
  EXPECT_EQ(opening(R"(, "update_method": "POST")").category, Category::config);
  const Error secret = opening(R"(, "headers": {"authorization": "Basic xyz"})");
  EXPECT_EQ(secret.category, Category::config);
  EXPECT_EQ(secret.message.find("xyz"), std::string::npos) << "the credential is not printed";
}

TEST(ODataConnector, TakesTheUrlAsPeopleCopyIt) {
  for (const char* tail : {"", "/", "//", "/$metadata"}) {
    FakeServices services(always(R"({"@odata.context":"","value":[]})"));
    CallContext call{services};
    const auto plugin = load_connector(ODATA_CONNECTOR);
    const auto session = plugin->open("plant", plugin->manifest().checked_config("{\"url\": \"" + std::string(root) + tail + "\"}"), call);
    session->check(call);
    EXPECT_EQ(services.requests.back().url, std::string(root) + "/") << tail;
  }
  FakeServices services;
  CallContext call{services};
  const auto plugin = load_connector(ODATA_CONNECTOR);
  const Error error = error_of(
      [&] { plugin->open("plant", plugin->manifest().checked_config(R"({"url": "http://127.0.0.1:9/odata?sap-client=100"})"), call); });
  EXPECT_EQ(error.category, Category::config);
  EXPECT_NE(error.hint.find("query"), std::string::npos);
}

}  // namespace
}  // namespace switchgear

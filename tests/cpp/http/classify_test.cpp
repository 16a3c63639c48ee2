#include "switchgear/http/classify.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace switchgear {
namespace {

using namespace std::chrono_literals;

HttpRequest request(std::string method = "GET", Headers headers = {{"Accept", "application/json"}}) {
  HttpRequest result;
  result.method = std::move(method);
  result.url = "https://plant.example/odata/v4/WorkOrders?apikey=s3cret";
  result.headers = std::move(headers);
  return result;
}

HttpResponse reply(int status, std::string_view body = "", Headers headers = {}) {
  HttpResponse response;
  response.status = status;
  response.headers = std::move(headers);
  response.body = Buffer(body);
  response.url = "https://plant.example/odata/v4/WorkOrders";
  return response;
}

std::string code(const HttpResponse& response, const HttpRequest& asked = request(), const ClassifyContext& context = {}) {
  const auto error = classify(asked, response, context);
  return error ? error->code() : "ok";
}

struct StatusCase {
  int status;
  std::string_view code;
  bool retry_get;
  bool retry_post;
};

class EveryStatus : public testing::TestWithParam<StatusCase> {};

TEST_P(EveryStatus, HasItsCategoryAndItsRetry) {
  const StatusCase& row = GetParam();
  const auto get = classify(request("GET"), reply(row.status));
  const auto post = classify(request("POST"), reply(row.status));
  ASSERT_TRUE(get && post);
  EXPECT_EQ(get->code(), row.code);
  EXPECT_EQ(get->retryable, row.retry_get);
  EXPECT_EQ(post->retryable, row.retry_post);
  EXPECT_EQ(get->http_status, row.status);
  EXPECT_FALSE(get->hint.empty());
  EXPECT_NE(get->message.find(std::to_string(row.status)), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Table, EveryStatus,
    testing::Values(StatusCase{400, "bad_request", false, false}, StatusCase{401, "auth_invalid", false, false},
                    StatusCase{402, "permission", false, false}, StatusCase{403, "permission", false, false},
                    StatusCase{404, "not_found", false, false}, StatusCase{405, "bad_request", false, false},
                    StatusCase{406, "bad_request", false, false}, StatusCase{407, "config.proxy", false, false},
                    StatusCase{408, "timeout", true, false}, StatusCase{409, "conflict", false, false},
                    StatusCase{410, "gone", false, false}, StatusCase{411, "bad_request", false, false},
                    StatusCase{412, "conflict.precondition", false, false}, StatusCase{413, "too_large", false, false},
                    StatusCase{414, "bad_request", false, false}, StatusCase{415, "bad_request", false, false},
                    StatusCase{418, "bad_request", false, false}, StatusCase{422, "bad_request", false, false},
                    StatusCase{423, "conflict.locked", true, true}, StatusCase{424, "bad_request.dependency", false, false},
                    StatusCase{425, "timeout", true, true}, StatusCase{428, "conflict.precondition", false, false},
                    StatusCase{429, "rate_limit", true, true}, StatusCase{451, "permission", false, false},
                    StatusCase{500, "server", true, false}, StatusCase{501, "unsupported", false, false},
                    StatusCase{502, "server", true, false}, StatusCase{503, "unavailable", true, false},
                    StatusCase{504, "server", true, false}, StatusCase{520, "server", true, false}, StatusCase{521, "server", true, false},
                    StatusCase{522, "server", true, false}, StatusCase{523, "server", true, false}, StatusCase{524, "server", true, false},
                    StatusCase{525, "server", true, false}, StatusCase{526, "server", true, false}, StatusCase{527, "server", true, false},
                    StatusCase{599, "server", true, false}, StatusCase{301, "config.redirect", false, false},
                    StatusCase{302, "config.redirect", false, false}, StatusCase{308, "config.redirect", false, false},
                    StatusCase{99, "protocol.status", false, false}, StatusCase{999, "protocol.status", false, false}));

TEST(Classify, SuccessIsNoError) {
  for (const int status : {200, 201, 202, 204, 206, 304}) EXPECT_EQ(code(reply(status)), "ok") << status;
  EXPECT_EQ(code(reply(200, R"({"value":[{"ID":1}]})")), "ok");
}

TEST(Classify, AnIdempotencyKeyMakesAPostRepeatable) {
  HttpRequest post = request("POST");
  post.idempotency_key = "k1";
  EXPECT_TRUE(classify(post, reply(500))->retryable);
  EXPECT_TRUE(classify(post, reply(409))->retryable) << "the first one with this key is still under way";
  EXPECT_FALSE(classify(post, reply(412))->retryable);
  EXPECT_FALSE(classify(request("PUT"), reply(409))->retryable);
}

TEST(Classify, APostThatOnlyReadsIsRepeatableAsAGetIs) {
  HttpRequest post = request("POST");
  post.safe = true;
  for (const int status : {409, 412, 500, 503}) {
    EXPECT_EQ(classify(post, reply(status))->retryable, classify(request("GET"), reply(status))->retryable) << status;
  }
  EXPECT_TRUE(classify(post, reply(500))->retryable);
  EXPECT_FALSE(classify(request("POST"), reply(500))->retryable);
}

TEST(Classify, UnavailableWithRetryAfterWasNotProcessed) {
  const auto error = classify(request("POST"), reply(503, "", {{"Retry-After", "12"}}));
  EXPECT_EQ(error->retry_after, 12s);
  EXPECT_TRUE(error->retryable);
  EXPECT_FALSE(classify(request("POST"), reply(503, "", {{"Retry-After", "-3"}}))->retryable);
}

TEST(Classify, A404OfTheServiceRootIsConfiguration) {
  EXPECT_EQ(code(reply(404), request(), {.service_root = true}), "config");
  EXPECT_EQ(code(reply(410), request(), {.service_root = true}), "gone");
}

TEST(Classify, ReadsTheChallengeOfA401) {
  const auto with = [](std::string challenge) { return code(reply(401, "", {{"WWW-Authenticate", std::move(challenge)}})); };
  EXPECT_EQ(with(R"(Bearer realm="x", error="invalid_token", error_description="expired")"), "auth_expired");
  EXPECT_EQ(with("Bearer error=invalid_token"), "auth_expired");
  EXPECT_EQ(with(R"(BEARER Error="INVALID_TOKEN")"), "auth_expired");
  EXPECT_EQ(with(R"(Bearer error="insufficient_scope", scope="wo.write")"), "permission.scope");
  EXPECT_EQ(with(R"(Basic realm="error=invalid_token")"), "auth_invalid");
  EXPECT_EQ(with(R"(Bearer realm="a\", error=\"invalid_token")"), "auth_invalid");
  EXPECT_EQ(with("Bearer error_description=\"invalid_token\""), "auth_invalid");
  EXPECT_EQ(with("Bearer error=\"invalid_token"), "auth_expired");
  EXPECT_EQ(with("="), "auth_invalid");
  EXPECT_EQ(with(std::string(1U << 20U, '"')), "auth_invalid");
  EXPECT_EQ(code(reply(401, "", {{"WWW-Authenticate", "Basic realm=\"x\""}, {"WWW-Authenticate", "Bearer error=\"invalid_token\""}})),
            "auth_expired");
  EXPECT_EQ(code(reply(401, R"({"error":"invalid_token"})")), "auth_expired");
  EXPECT_EQ(code(reply(403, "", {{"WWW-Authenticate", "Bearer error=\"insufficient_scope\""}})), "permission.scope");
}

TEST(Classify, ASecond401IsFinal) {
  const HttpResponse expired = reply(401, "", {{"WWW-Authenticate", "Bearer error=\"invalid_token\""}});
  EXPECT_TRUE(classify(request("POST"), expired)->retryable);
  const auto second = classify(request(), expired, {.renewed = true});
  EXPECT_EQ(second->category, Category::auth_invalid);
  EXPECT_FALSE(second->retryable);
}

TEST(Classify, GrantErrorsOfTheTokenEndpoint) {
  EXPECT_EQ(code(reply(400, R"({"error":"invalid_grant","error_description":"refresh token revoked"})")), "auth_invalid");
  EXPECT_EQ(code(reply(401, R"({"error":"invalid_client"})")), "auth_invalid");
}

TEST(Classify, CsrfIsAskedForByAHeader) {
  const auto error = classify(request("POST"), reply(403, "CSRF token validation failed", {{"x-csrf-token", " Required "}}));
  EXPECT_EQ(error->code(), "csrf");
  EXPECT_TRUE(error->retryable);
  EXPECT_NE(error->message.find("CSRF token validation failed"), std::string::npos);
  EXPECT_EQ(code(reply(403, "", {{"X-CSRF-Token", "abc"}})), "permission");
}

TEST(Classify, A403MayBeAThrottle) {
  EXPECT_EQ(code(reply(403, "", {{"Retry-After", "30"}})), "rate_limit");
  EXPECT_EQ(code(reply(403, "", {{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "60"}})), "rate_limit");
  EXPECT_EQ(code(reply(403, "", {{"X-RateLimit-Remaining", "10"}})), "permission");
  EXPECT_EQ(code(reply(403, "", {{"Retry-After", "soon"}})), "permission");
}

TEST(Classify, AThrottleSaysWhen) {
  EXPECT_EQ(classify(request(), reply(429, "", {{"Retry-After", "7"}}))->retry_after, 7s);
  EXPECT_EQ(classify(request(), reply(429, "", {{"RateLimit", "\"a\";r=0;t=9"}}))->retry_after, 9s);
  EXPECT_EQ(classify(request(), reply(429, "", {{"X-RateLimit-Reset", "11"}}))->retry_after, 11s);
  EXPECT_EQ(classify(request(), reply(429))->retry_after, std::nullopt);
  EXPECT_EQ(classify(request(), reply(429, "", {{"Retry-After", "99999"}}))->retry_after, 300s);
  EXPECT_EQ(classify(request(), reply(429, "", {{"Retry-After", "99999"}}), {.retry_after_cap = 10s})->retry_after, 10s);
  const HttpResponse skewed = reply(429, "", {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:57 GMT"}});
  EXPECT_EQ(classify(request(), skewed)->retry_after, 20s);
}

TEST(Classify, ThrottleCodesInTheBody) {
  for (const std::string_view throttle : {"0x80072322", "0x80072321", "0x80072326", "-2147015902"}) {
    const std::string body = R"({"error":{"code":")" + std::string(throttle) + R"(","message":"Number of requests exceeded"}})";
    EXPECT_EQ(code(reply(400, body)), "rate_limit") << throttle;
    EXPECT_EQ(code(reply(200, body)), "rate_limit") << throttle;
  }
  EXPECT_EQ(code(reply(400, R"({"error":{"code":-2147015903,"message":"x"}})")), "rate_limit");
  EXPECT_EQ(code(reply(400, R"({"error":{"code":"SSS_REQUEST_LIMIT_EXCEEDED","message":"x"}})")), "rate_limit");
}

TEST(Classify, RedirectsToALoginAreAnExpiredSession) {
  for (const std::string location :
       {"https://login.microsoftonline.com/x/oauth2/authorize?client_id=1", "/sap/saml2/idp/sso", "https://plant.example/login?next=/odata",
        "/maximo/webclient/login/login.jsp", "https://sso.plant.example/", "https://x.okta.com/app", "/Account/SignIn", "/sign-in",
        "https://idp.example/start?SAMLRequest=abc", "//adfs.example/"}) {
    for (const int status : {302, 303, 307}) EXPECT_EQ(code(reply(status, "", {{"Location", location}})), "auth_expired") << location;
  }
  for (const std::string location : {"/odata/v4/Authors", "https://plant.example/blog/loginess", "", "/odata/v4/WorkOrders?next=/login"}) {
    EXPECT_EQ(code(reply(302, "", {{"Location", location}})), "config.redirect") << location;
  }
  EXPECT_EQ(code(reply(301, "", {{"Location", "/login"}}), request("POST")), "config.redirect");
  EXPECT_EQ(code(reply(308, "", {{"Location", "https://new.example/"}}), request("PATCH")), "config.redirect");
  const auto moved = classify(request("POST"), reply(308, "", {{"Location", "https://new.example/v4?token=abc"}}));
  EXPECT_NE(moved->message.find("redirects to https://new.example/v4"), std::string::npos);
  EXPECT_EQ(moved->message.find("abc"), std::string::npos);
}

constexpr std::string_view login_page =
    "<!DOCTYPE html><html><head><title>Sign in to Plant</title></head><body><input type=\"password\"></body></html>";
constexpr std::string_view plain_page = "<html><head><title>Welcome</title></head></html>";

TEST(Classify, HtmlInsteadOfJsonIsAnExpiredSession) {
  EXPECT_EQ(code(reply(200, plain_page, {{"Content-Type", "text/html; charset=utf-8"}})), "auth_expired");
  EXPECT_EQ(code(reply(200, login_page, {{"Content-Type", "application/json"}})), "auth_expired") << "the body shows what the type hides";
  EXPECT_EQ(code(reply(200, "\xEF\xBB\xBF\r\n" + std::string(login_page))), "auth_expired");
  EXPECT_EQ(code(reply(200, login_page), request("GET", {{"Accept", "text/html"}})), "ok");
  EXPECT_EQ(code(reply(200, login_page), request("GET", {})), "auth_expired") << "nothing was asked for, but this is a login page";
  EXPECT_EQ(code(reply(200, plain_page), request("GET", {})), "ok");
  EXPECT_EQ(code(reply(200, plain_page), request("GET", {}), {.wants_json = true}), "auth_expired");
  EXPECT_EQ(code(reply(200, login_page), request(), {.renewed = true}), "auth_invalid.after_renewal");
  EXPECT_NE(classify(request(), reply(200, login_page))->message.find("Sign in to Plant"), std::string::npos);
  HttpResponse landed = reply(200, plain_page);
  landed.url = "https://sso.example/start";
  EXPECT_EQ(code(landed, request("GET", {})), "auth_expired");
  EXPECT_EQ(code(reply(500, login_page, {{"Content-Type", "text/html"}})), "server") << "an error is what its status says";
  EXPECT_EQ(code(reply(200, "<?xml version=\"1.0\"?><feed/>", {{"Content-Type", "application/xml"}})), "ok");
}

TEST(Classify, ODataV4ErrorsWithDetails) {
  const auto error =
      classify(request("POST"), reply(400, R"({"error":{"code":"400","message":"Multiple errors occurred","target":"in","details":[
    {"code":"ASSERT_MANDATORY","message":"Value is required","target":"title"},{"code":"ASSERT_RANGE","message":"Value 9 is not in range","target":"priority"}]}})"));
  EXPECT_EQ(error->code(), "bad_request");
  EXPECT_NE(error->message.find("Multiple errors occurred"), std::string::npos);
  EXPECT_NE(error->message.find("title: Value is required; priority: Value 9 is not in range"), std::string::npos) << error->message;
}

TEST(Classify, ODataV2ErrorsWithInnerErrors) {
  const auto error =
      classify(request(),
               reply(400, R"({"error":{"code":"/IWBEP/CM_MGW_RT/021","message":{"lang":"en","value":"Method not implemented"},"innererror":{
    "transactionid":"5F3A","errordetails":[{"code":"SY/530","message":"Order 4711 is closed","propertyref":"Orderid","severity":"error"}]}}})"));
  EXPECT_NE(error->message.find("Method not implemented; Orderid: Order 4711 is closed"), std::string::npos) << error->message;
  EXPECT_NE(error->message.find("[/IWBEP/CM_MGW_RT/021]"), std::string::npos);
  EXPECT_EQ(error->request_id, "5F3A");
}

TEST(Classify, MaximoReasonCodes) {
  EXPECT_EQ(
      code(reply(400, R"({"Error":{"reasonCode":"BMXAA8229W","message":"BMXAA8229W - updated by another user","statusCode":"400"}})")),
      "conflict.precondition");
  const auto error = classify(
      request(),
      reply(400, R"({"oslc:Error":{"spi:reasonCode":"BMXAA4191E","oslc:message":"The value X is not valid","oslc:statusCode":"400"}})"));
  EXPECT_EQ(error->code(), "bad_request");
  EXPECT_NE(error->message.find("The value X is not valid [BMXAA4191E]"), std::string::npos) << error->message;
}

TEST(Classify, OtherErrorBodies) {
  const auto message = [](std::string_view body) { return classify(request(), reply(400, body))->message; };
  EXPECT_NE(message(R"({"type":"about:blank","title":"Error","detail":"no such unit","status":400})").find("no such unit"),
            std::string::npos);
  EXPECT_NE(message(R"([{"message":"bad field","errorCode":"INVALID_FIELD"}])").find("bad field [INVALID_FIELD]"), std::string::npos);
  EXPECT_NE(message(R"({"title":"Invalid","o:errorDetails":[{"detail":"limit too high","o:errorCode":"INVALID_PARAMETER"}]})")
                .find("limit too high"),
            std::string::npos);
  EXPECT_NE(message(R"({"errors":[{"code":"E1","detail":"first"}]})").find("first"), std::string::npos);
  EXPECT_NE(message("<error xmlns=\"x\"><code>SY/1</code><message xml:lang=\"en\">Order &lt;1&gt; locked</message></error>")
                .find("Order <1> locked [SY/1]"),
            std::string::npos);
  EXPECT_NE(
      message("<html><head><title>400 No required SSL certificate was sent</title></head></html>").find("No required SSL certificate"),
      std::string::npos);
  EXPECT_NE(message("Unauthorized\nstack\ntrace").find(": Unauthorized"), std::string::npos);
  EXPECT_EQ(message("Unauthorized\nstack\ntrace").find("stack"), std::string::npos);
}

TEST(Classify, NginxRefusesClientCertificatesInHttp) {
  const auto page = [](const char* title) { return "<html>\r\n<head><title>400 " + std::string(title) + "</title></head></html>"; };
  const auto missing = classify(request(), reply(400, page("No required SSL certificate was sent")));
  EXPECT_EQ(missing->code(), "auth_invalid.no_client_certificate");
  EXPECT_NE(missing->hint.find("ClientCertificate("), std::string::npos);
  const auto refused = classify(request(), reply(400, page("The SSL certificate error")));
  EXPECT_EQ(refused->code(), "auth_invalid.client_certificate");
  EXPECT_NE(refused->hint.find("expired"), std::string::npos);
  EXPECT_FALSE(refused->retryable);
  EXPECT_EQ(code(reply(400, page("Request Header Or Cookie Too Large"))), "bad_request");
  EXPECT_EQ(code(reply(400, R"({"error":{"message":"No required SSL certificate was sent"}})")), "bad_request") << "no page of nginx";
  EXPECT_EQ(code(reply(403, page("The SSL certificate error"))), "permission");
}

TEST(Classify, EnvelopesInA200AreJudgedByTheirCode) {
  const auto of = [](std::string_view body) { return code(reply(200, body)); };
  EXPECT_EQ(of(R"({"error":{"code":"404","message":"no such thing"}})"), "not_found");
  EXPECT_EQ(of(R"({"error":{"code":503,"message":"down"}})"), "unavailable");
  EXPECT_EQ(of(R"({"error":"invalid_grant"})"), "auth_invalid");
  EXPECT_EQ(of(R"({"error":"it broke"})"), "bad_request");
  EXPECT_EQ(of(R"({"error":{"code":"RESOURCE_NOT_FOUND","message":"x"}})"), "not_found");
  EXPECT_EQ(of(R"({"error":{"code":"AccessDenied","message":"x"}})"), "permission");
  EXPECT_EQ(of(R"({"success":false,"message":"wrong status"})"), "bad_request");
  EXPECT_EQ(of(R"({"message":"wrong status","success":false})"), "bad_request");
  EXPECT_EQ(
      of(R"({"jsonrpc":"2.0","id":7,"error":{"code":200,"message":"Odoo Server Error","data":{"name":"odoo.exceptions.AccessError","message":"not yours"}}})"),
      "permission");
  EXPECT_EQ(of(R"({"data":{"a":[1,2,{"b":"}"}]},"error":{"message":"late"}})"), "bad_request") << "a small body is walked to its end";
  EXPECT_EQ(of(R"({"RETURN":{"TYPE":"E","ID":"IW","NUMBER":"042","MESSAGE":"Order is closed"}})"), "bad_request");
  EXPECT_EQ(of(R"({"RETURN":[{"TYPE":"S","MESSAGE":"ok"},{"TYPE":"A","MESSAGE":"dump"}]})"), "server");
  EXPECT_EQ(of(R"({"d":{"Return":{"results":[{"Type":"E","Id":"MC","Number":"601","Message":"locked"}]}}})"), "conflict.locked");
}

TEST(Classify, AnEnvelopeTellsTheSourcesWords) {
  const auto error = classify(
      request(), reply(200, R"({"RETURN":{"TYPE":"E","ID":"IW","NUMBER":"042","MESSAGE":"Order is closed"}})", {{"sap-message-id", "m1"}}));
  EXPECT_NE(error->message.find("Order is closed [IW/042]"), std::string::npos) << error->message;
  EXPECT_EQ(error->request_id, "m1");
}

TEST(Classify, DataThatOnlyResemblesAnEnvelopeIsData) {
  const auto of = [](std::string_view body) { return code(reply(200, body)); };
  EXPECT_EQ(of(R"({"error":null,"value":[]})"), "ok");
  EXPECT_EQ(of(R"({"error":false,"value":[]})"), "ok");
  EXPECT_EQ(of(R"({"error":"","data":1})"), "ok");
  EXPECT_EQ(of(R"({"error":0,"data":1})"), "ok");
  EXPECT_EQ(of(R"({"error":[],"data":1})"), "ok");
  EXPECT_EQ(of(R"({"success":true,"results":[{"success":false,"error":"x"}]})"), "ok");
  EXPECT_EQ(of(R"({"ID":5,"wonum":"1","error":"E17 bearing hot"})"), "ok") << "a column called error";
  EXPECT_EQ(of(R"({"ID":5,"wonum":"1","success":false})"), "ok") << "a column called success";
  EXPECT_EQ(of(R"([{"error":{"message":"in a row"}}])"), "ok") << "rows are judged one by one";
  EXPECT_EQ(of(R"({"value":[{"error":{"message":"in a row"}}]})"), "ok");
  EXPECT_EQ(of(R"({"RETURN":[]})"), "ok");
  EXPECT_EQ(of(R"({"RETURN":{"TYPE":"W","MESSAGE":"hm"}})"), "ok");
  EXPECT_EQ(of("{\"error"), "ok");
  EXPECT_EQ(of("{\"error\":"), "ok");
  EXPECT_EQ(of("{"), "ok");
  EXPECT_EQ(of("null"), "ok");
}

std::string page_of(std::size_t bytes, std::string_view start) {
  std::string body(start);
  while (body.size() < bytes) body += R"({"ID":1,"Title":"Replace the seal of pump 17","error":{"message":"x"},"success":false},)";
  body.back() = ']';
  return body + "}";
}

TEST(Classify, ALargeEnvelopeIsFoundByItsStart) {
  EXPECT_EQ(code(reply(200, page_of(400'000, R"({"success":false,"message":"no","rows":[)"))), "bad_request");
  EXPECT_EQ(code(reply(200, page_of(400'000, R"({"@odata.context":"$metadata#WorkOrders","value":[)"))), "ok");
  EXPECT_EQ(code(reply(200, page_of(400'000, R"({"RETURN":{"TYPE":"E","MESSAGE":"no"},"rows":[)"))), "bad_request");
}

// Not a matter of microseconds: reading all of a page would take a thousand times as long as looking at its start.
TEST(Classify, ALargePageCostsNoMoreThanASmallOne) {
  const HttpRequest asked = request();
  const HttpResponse small =
      reply(200, page_of(3'000, R"({"@odata.context":"$metadata#WorkOrders","value":[)"), {{"Content-Type", "application/json"}});
  const HttpResponse large =
      reply(200, page_of(30'000'000, R"({"@odata.context":"$metadata#WorkOrders","value":[)"), {{"Content-Type", "application/json"}});
  const auto cost = [&](const HttpResponse& response) {
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 20; ++i) {
      const auto start = std::chrono::steady_clock::now();
      EXPECT_FALSE(classify(asked, response));
      best = std::min(best, std::chrono::nanoseconds(std::chrono::steady_clock::now() - start));
    }
    return best;
  };
  EXPECT_LT(cost(large), cost(small) * 10);
}

TEST(Classify, TheMessageSaysWhereButNeverTheQuery) {
  const auto error = classify(request("PATCH"), reply(412, R"({"error":{"message":"changed"}})", {{"x-ms-request-id", "r-1"}}),
                              {.connection_id = "sap-mt", .entity = "WorkOrders"});
  EXPECT_EQ(error->message, "PATCH https://plant.example/odata/v4/WorkOrders: 412 Precondition Failed: changed");
  EXPECT_EQ(error->message.find("s3cret"), std::string::npos);
  EXPECT_EQ(error->request_id, "r-1");
  EXPECT_EQ(error->connection_id, "sap-mt");
  EXPECT_EQ(error->entity, "WorkOrders");
  HttpRequest with_user = request();
  with_user.url = "https://alice:pw@plant.example/x";
  EXPECT_EQ(classify(with_user, reply(500))->message.find("pw"), std::string::npos);
}

TEST(Classify, RequestIds) {
  for (const char* name : {"X-Request-ID", "request-id", "x-ms-service-request-id", "X-Correlation-ID", "sap-request-id"}) {
    EXPECT_EQ(classify(request(), reply(500, "", {{name, "abc"}}))->request_id, "abc") << name;
  }
  EXPECT_EQ(classify(request(), reply(500, "", {{"X-Request-ID", std::string(100'000, 'x')}}))->request_id.size(), 126U);
}

TEST(Classify, HostileBodiesGiveAnErrorAllTheSame) {
  const auto fine = [](std::string_view body) {
    for (const int status : {200, 400, 500}) {
      const auto error = classify(request(), reply(status, body));
      if (error) {
        EXPECT_LT(error->message.size(), 1000U);
      }
    }
  };
  std::string deep = "{\"error\":";
  for (int i = 0; i < 200'000; ++i) deep += "[";
  fine(deep);
  fine(deep.substr(0, 3000));
  fine(std::string(3'000'000, '{'));
  fine("{\"error\":{\"message\":\"" + std::string(200'000, 'a') + "\"}}");
  fine("{\"error\":{\"message\":\"\xFF\xFE\xC0\"}}");
  fine("{\"error\":{\"code\":1e999,\"message\":{\"value\":{\"value\":[]}}}}");
  fine(std::string("\0\0\0", 3));
  fine("<message");
  fine("<message>");
  fine("<html><title>");
  const auto error = classify(request(), reply(500, "bad \xFF\xC3 byte \xC3\xA4\x01"));
  EXPECT_NE(error->message.find("bad ?? byte \xC3\xA4"), std::string::npos) << error->message;
}

TEST(Classify, ABodyTooLargeToParseIsQuotedByItsStart) {
  const std::string body = "{\"error\":{\"message\":\"" + std::string(1'000'000, 'a') + "\"}}";
  const auto error = classify(request(), reply(500, body));
  EXPECT_EQ(error->code(), "server");
  EXPECT_NE(error->message.find("{\"error\""), std::string::npos);
}

}  // namespace
}  // namespace switchgear

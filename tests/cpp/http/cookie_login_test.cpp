// Against a login and a SAP-like service on real sockets.
#include "switchgear/http/cookie_login.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "auth_requests.hpp"
#include "loopback_server.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/http/csrf.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using testing::error_of;
using testing::header;
using testing::LoopbackServer;
using testing::Peer;
using testing::request_to;
using testing::transport;

TEST(CookieJar, FollowsRfc6265) {
  CookieJar jar;
  const WallTime now(1'700'000'000s);
  jar.keep(Url::parse("https://erp.plant.example/maximo/login"),
           {{"Set-Cookie", "JSESSIONID=one; Path=/maximo; HttpOnly; Secure"},
            {"Set-Cookie", "LtpaToken2=a=b=; Domain=.plant.example"},
            {"Set-Cookie", "evil=1; Domain=other.example"},
            {"Set-Cookie", "wide=1; Domain=example"},
            {"Set-Cookie", "gone=1; Max-Age=0"},
            {"Set-Cookie", "old=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT"},
            {"Set-Cookie", "brief=1; Path=/; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT"},
            {"Set-Cookie", "no value"}},
           now);
  const auto at = [&](const char* url, WallTime when) { return jar.header_for(Url::parse(url), when); };
  EXPECT_EQ(at("https://erp.plant.example/maximo/api", now), "JSESSIONID=one; LtpaToken2=a=b=; brief=1");
  EXPECT_EQ(at("https://erp.plant.example/maximo2", now), "brief=1");
  EXPECT_EQ(at("http://erp.plant.example/maximo", now), "LtpaToken2=a=b=; brief=1") << "Secure stays at home";
  EXPECT_EQ(at("https://mes.plant.example/maximo/x", now), "LtpaToken2=a=b=");
  EXPECT_EQ(at("https://other.example/maximo", now), "");
  EXPECT_EQ(at("https://erp.plant.example/x", now + 10s), "");
  jar.keep(Url::parse("https://erp.plant.example/maximo/x"), {{"Set-Cookie", "JSESSIONID=two; Path=/maximo"}}, now);
  EXPECT_EQ(at("http://erp.plant.example/maximo", now), "JSESSIONID=two; LtpaToken2=a=b=; brief=1");
}

TEST(CookieLogin, SignsInOnceAndAgainWhenTheSessionIsOver) {
  std::atomic<int> logins{0};
  LoopbackServer server([&](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      EXPECT_EQ(request.substr(request.find("\r\n\r\n") + 4), "lang=en&j_username=maxadmin&j_password=p%26w%20x");
      peer.reply("", "Set-Cookie: JSESSIONID=session-" + std::to_string(++logins) + "; Path=/\r\n");
    }
  });
  CookieLoginOptions options;
  options.login_url = server.url("/j_security_check");
  options.user = "maxadmin";
  options.password = Secret("p&w x");
  options.user_field = "j_username";
  options.password_field = "j_password";
  options.fields = {{"lang", "en"}};
  options.session_cookie = "JSESSIONID";
  const auto redactor = std::make_shared<Redactor>();
  CookieLogin auth(options, transport(), redactor);
  HttpRequest first = request_to(server.url("/api"));
  const AuthStamp used = auth.apply(first, {});
  EXPECT_EQ(header(first, "Cookie"), "JSESSIONID=session-1");
  EXPECT_EQ(redactor->redact("JSESSIONID=session-1 p&w x"), "JSESSIONID=*** ***");
  EXPECT_TRUE(auth.refresh(used, Category::auth_expired, {}));
  EXPECT_TRUE(auth.refresh(used, Category::auth_expired, {})) << "another thread, refused together with the first";
  HttpRequest second = request_to(server.url("/api"));
  const AuthStamp fresh = auth.apply(second, {});
  EXPECT_EQ(header(second, "Cookie"), "JSESSIONID=session-2");
  EXPECT_EQ(logins, 2);

  HttpResponse late;
  late.url = server.url("/api");
  late.headers = {{"Set-Cookie", "JSESSIONID=anonymous; Path=/"}};
  auth.received(used, late);  // of the session that is over
  HttpRequest third = request_to(server.url("/api"));
  auth.apply(third, {});
  EXPECT_EQ(header(third, "Cookie"), "JSESSIONID=session-2");
  late.headers = {{"Set-Cookie", "route=node7; Path=/"}};
  auth.received(fresh, late);
  HttpRequest fourth = request_to(server.url("/api"));
  auth.apply(fourth, {});
  EXPECT_EQ(header(fourth, "Cookie"), "JSESSIONID=session-2; route=node7");
}

TEST(CookieLogin, ARefusalForGoodIsWorthANewLoginOnlyWithAPasswordThatHasChanged) {
  std::atomic<int> logins{0};
  LoopbackServer server([&](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request())
      peer.reply("", "Set-Cookie: SID=session-" + std::to_string(++logins) + "; Path=/\r\n");
  });
  setenv("SWITCHGEAR_TEST_PW", "old-password", 1);
  CookieLoginOptions options;
  options.login_url = server.url("/login");
  options.user = "me";
  options.password = Secret::env("SWITCHGEAR_TEST_PW");
  CookieLogin auth(options, transport(), std::make_shared<Redactor>());
  HttpRequest request = request_to(server.url("/api"));
  const AuthStamp used = auth.apply(request, {});
  EXPECT_FALSE(auth.refresh(used, Category::auth_invalid, {}));
  EXPECT_EQ(logins, 1);
  setenv("SWITCHGEAR_TEST_PW", "new-password", 1);
  EXPECT_TRUE(auth.refresh(used, Category::auth_invalid, {}));
  EXPECT_TRUE(auth.refresh(used, Category::auth_invalid, {})) << "another thread, refused together with the first";
  EXPECT_EQ(logins, 2);
  unsetenv("SWITCHGEAR_TEST_PW");
}

TEST(CookieLogin, ALoginPageInsteadOfASessionIsARefusal) {
  LoopbackServer server([](Peer& peer) {
    peer.read_request();
    peer.reply("<html>wrong password</html>", "Set-Cookie: tracking=1\r\n");
  });
  CookieLoginOptions options;
  options.login_url = server.url("/login");
  options.session_cookie = "JSESSIONID";
  CookieLogin auth(options, transport(), std::make_shared<Redactor>());
  HttpRequest request = request_to(server.url("/api"));
  const Error error = error_of([&] { auth.apply(request, {}); });
  EXPECT_EQ(error.code(), "auth_invalid");
  EXPECT_TRUE(error.nothing_sent);
}

TEST(CsrfToken, WritesCarryTheTokenAndAllCookiesOfTheSession) {
  std::atomic<int> fetches{0};
  LoopbackServer server([&](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      EXPECT_NE(request.find("X-CSRF-Token: Fetch"), std::string::npos);
      EXPECT_NE(request.find("Authorization: Basic "), std::string::npos);
      const std::string n = std::to_string(++fetches);
      peer.reply("{}", "X-Csrf-Token: token-" + n + "\r\nSet-Cookie: sap-usercontext=client; path=/\r\nSet-Cookie: SAP_SESSIONID=s" + n +
                           "; path=/\r\n");
    }
  });
  const auto redactor = std::make_shared<Redactor>();
  CsrfOptions options;
  options.fetch_url = server.url("/sap/opu/odata/sap/X/");
  CsrfToken auth(options, std::make_unique<BasicAuth>("u", Secret("pass"), redactor), transport(), redactor);

  HttpRequest read = request_to(server.url("/sap/x"));
  auth.apply(read, {});
  EXPECT_EQ(fetches, 0) << "a read needs none";
  EXPECT_FALSE(read.headers.contains("X-CSRF-Token"));

  HttpRequest write = request_to(server.url("/sap/x"), "POST");
  const AuthStamp used = auth.apply(write, {});
  EXPECT_EQ(header(write, "X-CSRF-Token"), "token-1");
  EXPECT_EQ(header(write, "Cookie"), "sap-usercontext=client; SAP_SESSIONID=s1");
  EXPECT_TRUE(write.headers.contains("Authorization"));

  EXPECT_TRUE(auth.refresh(used, Category::csrf, {}));
  EXPECT_TRUE(auth.refresh(used, Category::csrf, {}));
  EXPECT_EQ(fetches, 2);
  HttpRequest again = request_to(server.url("/sap/x"), "PATCH");
  auth.apply(again, {});
  EXPECT_EQ(header(again, "X-CSRF-Token"), "token-2");
  EXPECT_EQ(header(again, "Cookie"), "sap-usercontext=client; SAP_SESSIONID=s2");
  EXPECT_FALSE(auth.refresh(used, Category::auth_expired, {})) << "the password is the same";
}

TEST(CsrfToken, AnErrorMayCarryTheTokenAndNoCredentialsAreNeeded) {
  LoopbackServer server([](Peer& peer) {
    const std::string request = peer.read_request();
    EXPECT_EQ(request.find("Authorization:"), std::string::npos);
    peer.send("HTTP/1.1 404 Not Found\r\nX-CSRF-Token: token-1\r\nSet-Cookie: SAP_SESSIONID=s1; path=/\r\nContent-Length: 0\r\n\r\n");
  });
  CsrfOptions options;
  options.fetch_url = server.url("/sap/");
  CsrfToken auth(options, nullptr, transport(), std::make_shared<Redactor>());
  HttpRequest write = request_to(server.url("/sap/x"), "POST");
  auth.apply(write, {});
  EXPECT_EQ(header(write, "X-CSRF-Token"), "token-1");
  EXPECT_EQ(header(write, "Cookie"), "SAP_SESSIONID=s1");
}

TEST(CsrfToken, ASignInPageInPlaceOfATokenIsTheEndOfTheSession) {
  std::atomic<int> logins{0};
  LoopbackServer server([&](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      if (request.find("POST /login") == 0) {
        peer.reply("", "Set-Cookie: session=s" + std::to_string(++logins) + "; Path=/\r\n");
      } else if (request.find("session=s2") == std::string::npos) {
        peer.reply("<html><title>Sign in</title><form action=/login></form></html>", "Content-Type: text/html\r\n");
      } else {
        peer.reply("{}", "X-CSRF-Token: token-1\r\n");
      }
    }
  });
  const auto redactor = std::make_shared<Redactor>();
  const auto way_out = transport();
  CookieLoginOptions login;
  login.login_url = server.url("/login");
  login.password = Secret("pass");
  CsrfOptions options;
  options.fetch_url = server.url("/sap/");
  CsrfToken auth(options, std::make_shared<CookieLogin>(login, way_out, redactor), way_out, redactor);
  HttpRequest write = request_to(server.url("/sap/x"), "POST");
  auth.apply(write, {});
  EXPECT_EQ(header(write, "X-CSRF-Token"), "token-1");
  EXPECT_EQ(header(write, "Cookie"), "session=s2");
  EXPECT_EQ(logins, 2);
}

TEST(CsrfToken, AServiceThatHandsOutNoTokenIsSaid) {
  LoopbackServer server([](Peer& peer) {
    peer.read_request();
    peer.reply("{}");
  });
  const auto redactor = std::make_shared<Redactor>();
  CsrfOptions options;
  options.fetch_url = server.url("/svc");
  CsrfToken auth(options, std::make_unique<BasicAuth>("u", Secret("pass"), redactor), transport(), redactor);
  HttpRequest write = request_to(server.url("/svc/x"), "POST");
  const Error error = error_of([&] { auth.apply(write, {}); });
  EXPECT_EQ(error.code(), "csrf");
  EXPECT_TRUE(error.nothing_sent);
}

}  // namespace
}  // namespace switchgear

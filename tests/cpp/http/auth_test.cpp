// Against a token endpoint, a login and a SAP-like service on real sockets.
#include "switchgear/http/auth.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <latch>
#include <thread>

#include "loopback_server.hpp"
#include "switchgear/base/log.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/http/cookie_login.hpp"
#include "switchgear/http/csrf.hpp"
#include "switchgear/http/oauth2.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using testing::LoopbackServer;
using testing::Peer;

std::string header(const HttpRequest& request, std::string_view name) { return std::string(request.headers.get(name).value_or("")); }

std::shared_ptr<Transport> transport() {
  TransportOptions options;
  options.proxy = "none";
  return make_curl_transport(options);
}

template <class Call>
Error error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(Category::internal, "no error");
}

HttpRequest request_to(std::string url, std::string method = "GET") {
  HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  return request;
}

TEST(BasicAuth, IsRfc7617sExampleAndIsRedacted) {
  const auto redactor = std::make_shared<Redactor>();
  BasicAuth auth("Aladdin", Secret("open sesame"), redactor);
  HttpRequest request = request_to("https://h/");
  auth.apply(request, {});
  EXPECT_EQ(header(request, "Authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(redactor->redact("Authorization: " + header(request, "Authorization") + " open sesame"), "Authorization: Basic *** ***");
  EXPECT_EQ(error_of([&] { BasicAuth("a:b", Secret("x"), redactor); }).code(), "config.auth");
}

TEST(BasicAuth, ARotatedSecretIsWorthAnotherTryAndTheSameOneIsNot) {
  const auto redactor = std::make_shared<Redactor>();
  setenv("SWITCHGEAR_TEST_PW", "old-password", 1);
  BasicAuth auth("me", Secret::env("SWITCHGEAR_TEST_PW"), redactor);
  HttpRequest request = request_to("https://h/");
  const AuthStamp used = auth.apply(request, {});
  EXPECT_FALSE(auth.refresh(used, Category::auth_expired, {}));
  setenv("SWITCHGEAR_TEST_PW", "new-password", 1);
  EXPECT_TRUE(auth.refresh(used, Category::auth_expired, {}));
  auth.apply(request, {});
  EXPECT_EQ(header(request, "Authorization"), "Basic " + base64_encode("me:new-password"));
  unsetenv("SWITCHGEAR_TEST_PW");
  EXPECT_EQ(error_of([&] { BasicAuth("me", Secret::env("SWITCHGEAR_TEST_PW"), redactor).apply(request, {}); }).category, Category::config);
}

TEST(ApiKey, GoesIntoAHeaderOrTheQuery) {
  const auto redactor = std::make_shared<Redactor>();
  ApiKey in_header(ApiKey::Place::header, "apikey", Secret("k e&y"), redactor);
  ApiKey in_query(ApiKey::Place::query, "key", Secret("k e&y"), redactor);
  HttpRequest request = request_to("https://h/x?a=1#frag");
  in_header.apply(request, {});
  EXPECT_EQ(header(request, "APIKEY"), "k e&y");
  in_query.apply(request, {});
  EXPECT_EQ(request.url, "https://h/x?a=1&key=k%20e%26y");
  EXPECT_EQ(redactor->redact(request.url), "https://h/x?a=1&key=***");
  EXPECT_EQ(with_query("https://h/x", "a", "b"), "https://h/x?a=b");
  EXPECT_EQ(with_query("https://h/x?", "a", "b"), "https://h/x?a=b");
}

/// A token endpoint: counts, remembers, and answers by the script's rule.
class TokenEndpoint {
 public:
  using Rule = std::function<std::string(int call, const std::string& request)>;

  explicit TokenEndpoint(Rule rule)
      : rule_(std::move(rule)), server_([this](Peer& peer) {
          for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
            int call = 0;
            {
              const std::lock_guard lock(mutex_);
              requests_.push_back(request);
              call = static_cast<int>(requests_.size());
            }
            if (!peer.send(rule_(call, request))) return;
          }
        }) {}

  static std::string json(const std::string& body, int status = 200) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }
  static std::string token(const std::string& value, const std::string& more = ",\"expires_in\":3600") {
    return json("{\"access_token\":\"" + value + "\",\"token_type\":\"Bearer\"" + more + "}");
  }

  OAuth2Options options() const {
    OAuth2Options options;
    options.token_url = server_.url("/token");
    options.client_id = "plant client";
    options.client_secret = Secret("s3cret:value");
    return options;
  }

  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  Rule rule_;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  LoopbackServer server_;
};

struct OAuth2Test : ::testing::Test {
  OAuth2Services services() { return {transport(), redactor, clock}; }
  std::string bearer(Authenticator& auth) {
    HttpRequest request = request_to("https://h/");
    stamp = auth.apply(request, {});
    return header(request, "Authorization");
  }
  std::shared_ptr<Redactor> redactor = std::make_shared<Redactor>();
  ManualClock clock;
  AuthStamp stamp;
};

TEST_F(OAuth2Test, ClientCredentialsAreFetchedOnceAndRenewedBeforeTheyExpire) {
  TokenEndpoint endpoint([](int call, const std::string&) { return TokenEndpoint::token("token-" + std::to_string(call)); });
  OAuth2Options options = endpoint.options();
  options.scope = "read write";
  options.parameters = {{"audience", "https://plant/"}};
  OAuth2ClientCredentials auth(options, services());
  EXPECT_EQ(bearer(auth), "Bearer token-1");
  EXPECT_EQ(bearer(auth), "Bearer token-1");
  const std::string sent = endpoint.requests().at(0);
  EXPECT_NE(sent.find("Authorization: Basic " + base64_encode("plant%20client:s3cret%3Avalue")), std::string::npos) << sent;
  EXPECT_EQ(sent.substr(sent.find("\r\n\r\n") + 4), "grant_type=client_credentials&scope=read%20write&audience=https%3A%2F%2Fplant%2F");
  EXPECT_EQ(redactor->redact("token-1 s3cret:value"), "*** ***");

  clock.advance(3600s - 60s - 1ns);
  EXPECT_EQ(bearer(auth), "Bearer token-1");
  clock.advance(1ns);
  EXPECT_EQ(bearer(auth), "Bearer token-2");
  EXPECT_EQ(endpoint.requests().size(), 2U);
}

TEST_F(OAuth2Test, ATokenThatStillLastsIsUsedWhileTheEndpointIsAway) {
  TokenEndpoint endpoint(
      [](int call, const std::string&) { return call == 1 ? TokenEndpoint::token("token-1") : TokenEndpoint::json("", 503); });
  OAuth2ClientCredentials auth(endpoint.options(), services());
  EXPECT_EQ(bearer(auth), "Bearer token-1");
  clock.advance(3600s - 1ns);
  EXPECT_EQ(bearer(auth), "Bearer token-1");
  EXPECT_EQ(endpoint.requests().size(), 2U);
  clock.advance(1ns);
  EXPECT_EQ(error_of([&] { bearer(auth); }).code(), "unavailable");
}

TEST_F(OAuth2Test, AStepOfTheWallClockChangesNothing) {
  TokenEndpoint endpoint([](int call, const std::string&) { return TokenEndpoint::token("token-" + std::to_string(call)); });
  OAuth2ClientCredentials auth(endpoint.options(), services());
  bearer(auth);
  clock.step_wall(24h);
  EXPECT_EQ(bearer(auth), "Bearer token-1");
}

TEST_F(OAuth2Test, TheSecretGoesIntoTheBodyWhereTheServerWantsIt) {
  TokenEndpoint endpoint([](int, const std::string&) { return TokenEndpoint::token("tokenvalue"); });
  OAuth2Options options = endpoint.options();
  options.client_auth = OAuth2Options::ClientAuth::body;
  OAuth2ClientCredentials auth(options, services());
  bearer(auth);
  EXPECT_NE(endpoint.requests().at(0).find("&client_id=plant%20client&client_secret=s3cret%3Avalue"), std::string::npos);
  EXPECT_EQ(endpoint.requests().at(0).find("Authorization"), std::string::npos);
}

TEST_F(OAuth2Test, OddLifetimesAreTakenAsFarAsTheyMakeSense) {
  const std::pair<const char*, bool> cases[] = {{",\"expires_in\":\"3600\"", true},
                                                {",\"expires_in\":-5", false},
                                                {",\"expires_in\":1e300", true},
                                                {",\"expires_in\":\"soon\"", false},
                                                {"", false},
                                                {",\"expires_in\":null", false}};
  for (const auto& [more, ends] : cases) {
    TokenEndpoint endpoint(
        [text = more](int call, const std::string&) { return TokenEndpoint::token("token-" + std::to_string(call), text); });
    OAuth2ClientCredentials auth(endpoint.options(), services());
    EXPECT_EQ(bearer(auth), "Bearer token-1") << more;
    clock.advance(24h * 365 * 11);
    EXPECT_EQ(bearer(auth), ends ? "Bearer token-2" : "Bearer token-1") << more;
  }
}

TEST_F(OAuth2Test, ARefusalForGoodIsWorthAnotherTokenOnlyWithASecretThatHasChanged) {
  int asked = 0;
  TokenEndpoint endpoint([&](int call, const std::string&) { return asked = call, TokenEndpoint::token("token-" + std::to_string(call)); });
  setenv("SWITCHGEAR_TEST_PW", "old-secret", 1);
  OAuth2Options options = endpoint.options();
  options.client_secret = Secret::env("SWITCHGEAR_TEST_PW");
  OAuth2ClientCredentials auth(options, services());
  HttpRequest request = request_to("https://h/");
  const AuthStamp used = auth.apply(request, {});
  EXPECT_FALSE(auth.refresh(used, Category::auth_invalid, {}));
  EXPECT_EQ(asked, 1);
  setenv("SWITCHGEAR_TEST_PW", "new-secret", 1);
  EXPECT_TRUE(auth.refresh(used, Category::auth_invalid, {}));
  EXPECT_EQ(bearer(auth), "Bearer token-2");
  EXPECT_EQ(asked, 2);
  unsetenv("SWITCHGEAR_TEST_PW");
}

TEST_F(OAuth2Test, EightThreadsThatAreRefusedRenewOnce) {
  TokenEndpoint endpoint([](int call, const std::string&) { return TokenEndpoint::token("token-" + std::to_string(call)); });
  OAuth2ClientCredentials auth(endpoint.options(), services());
  std::latch all_applied(8);
  std::vector<std::thread> threads;
  std::atomic<int> renewed{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      HttpRequest request = request_to("https://h/");
      const AuthStamp used = auth.apply(request, {});
      all_applied.arrive_and_wait();
      if (auth.refresh(used, Category::auth_expired, {})) ++renewed;
      auth.apply(request, {});
      EXPECT_EQ(header(request, "Authorization"), "Bearer token-2");
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(renewed, 8);
  EXPECT_EQ(endpoint.requests().size(), 2U);
}

TEST_F(OAuth2Test, EachRefusalOfTheEndpointHasItsCategory) {
  const std::tuple<int, const char*, const char*> cases[] = {
      {400, R"({"error":"invalid_grant","error_description":"expired"})", "auth_invalid.invalid_grant"},
      {401, R"({"error":"invalid_client"})", "auth_invalid.invalid_client"},
      {400, R"({"error":"invalid_scope"})", "config.oauth2"},
      {401, "", "auth_invalid"},
      {404, "<html>", "config.oauth2"},
      {200, "<html>Please sign in</html>", "protocol.oauth2"},
      {200, R"({"access_token":"abcdef","token_type":"mac"})", "unsupported.oauth2"},
      {200, R"({"access_token":7})", "protocol.oauth2"},
      {200, "[[[[", "protocol.oauth2"},
      {429, "", "rate_limit"},
      {500, "", "server"},
      {503, "", "unavailable"},
  };
  for (const auto& [status, body, code] : cases) {
    TokenEndpoint endpoint([&, s = status, b = std::string(body)](int, const std::string&) { return TokenEndpoint::json(b, s); });
    OAuth2ClientCredentials auth(endpoint.options(), services());
    const Error error = error_of([&] { bearer(auth); });
    EXPECT_EQ(error.code(), code) << body;
    EXPECT_TRUE(error.nothing_sent);
    EXPECT_EQ(error.retryable, status == 429 || status >= 500);
    EXPECT_NE(error.message.find("/token"), std::string::npos) << error.message;
    EXPECT_FALSE(error.hint.empty());
  }
}

TEST_F(OAuth2Test, AScopeThatWasDroppedInSilenceIsNamed) {
  const std::pair<const char*, std::vector<std::string>> cases[] = {{",\"scope\":\"read\"", {"write", "admin"}},
                                                                    {",\"scope\":\"admin write read more\"", {}},
                                                                    {"", {}},
                                                                    {",\"scope\":\"\"", {"read write admin"}}};
  for (const auto& [more, missing] : cases) {
    std::vector<std::string> lines;
    set_log_sink([&](LogLevel level, std::string_view, std::string_view message) {
      if (level == LogLevel::warning) lines.emplace_back(message);
    });
    TokenEndpoint endpoint([text = std::string(more)](int, const std::string&) { return TokenEndpoint::token("token-1", text); });
    OAuth2Options options = endpoint.options();
    options.scope = "read write admin";
    OAuth2ClientCredentials auth(options, services());
    bearer(auth);
    set_log_sink(nullptr);
    ASSERT_EQ(lines.size(), missing.empty() ? 0U : 1U) << more;
    for (const std::string& scope : missing) EXPECT_NE(lines[0].find(scope), std::string::npos) << lines[0];
    for (const std::string& line : lines) EXPECT_NE(line.find(options.token_url), std::string::npos) << line;
  }
}

TEST_F(OAuth2Test, AnUnreachableEndpointIsNamed) {
  OAuth2Options options;
  options.token_url = "http://127.0.0.1:" + std::to_string(testing::closed_port()) + "/token";
  options.client_id = "c";
  OAuth2ClientCredentials auth(options, services());
  const Error error = error_of([&] { bearer(auth); });
  EXPECT_EQ(error.code(), "offline.connect");
  EXPECT_EQ(error.message.find("token endpoint http://127.0.0.1"), 0U) << error.message;
}

TEST_F(OAuth2Test, AFailureIsNotKept) {
  TokenEndpoint endpoint(
      [](int call, const std::string&) { return call == 1 ? TokenEndpoint::json("", 503) : TokenEndpoint::token("token-2"); });
  OAuth2ClientCredentials auth(endpoint.options(), services());
  EXPECT_EQ(error_of([&] { bearer(auth); }).code(), "unavailable");
  EXPECT_EQ(bearer(auth), "Bearer token-2");
}

/// Rotates: takes each refresh token once, as strict servers do.
TokenEndpoint::Rule rotating() {
  return [valid = std::make_shared<std::atomic<int>>(0)](int, const std::string& request) {
    const int current = *valid;
    if (request.find("refresh_token=refresh-" + std::to_string(current)) == std::string::npos) {
      return TokenEndpoint::json(R"({"error":"invalid_grant"})", 400);
    }
    ++*valid;
    const std::string next = std::to_string(current + 1);
    return TokenEndpoint::token("access-" + next, ",\"expires_in\":3600,\"refresh_token\":\"refresh-" + next + "\"");
  };
}

struct TokenFile : OAuth2Test {
  TokenFile() {
    folder = (std::filesystem::temp_directory_path() / "switchgear-tokens-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = folder + "/tokens.json";
  }
  ~TokenFile() override { std::filesystem::remove_all(folder); }
  std::unique_ptr<Authenticator> connect(TokenEndpoint& endpoint) {
    return std::make_unique<OAuth2RefreshToken>(endpoint.options(), Secret("refresh-0"), std::make_shared<FileTokenStore>(path, clock),
                                                "sap-mt", services());
  }
  std::string folder, path;
};

TEST_F(TokenFile, ARotatedRefreshTokenOutlivesTheProcess) {
  TokenEndpoint endpoint(rotating());
  const auto first = connect(endpoint);
  EXPECT_EQ(bearer(*first), "Bearer access-1");
  EXPECT_TRUE(first->refresh(stamp, Category::auth_expired, {}));
  EXPECT_EQ(bearer(*first), "Bearer access-2");

  const auto after_restart = connect(endpoint);  // its own first token died long ago
  EXPECT_EQ(bearer(*after_restart), "Bearer access-2");
  EXPECT_EQ(endpoint.requests().size(), 2U) << "the stored access token was still good";
  EXPECT_TRUE(after_restart->refresh(stamp, Category::auth_expired, {}));
  EXPECT_EQ(bearer(*after_restart), "Bearer access-3");

  // The first process is refused now, and takes what the other one stored.
  bearer(*first);
  EXPECT_TRUE(first->refresh(stamp, Category::auth_expired, {}));
  EXPECT_EQ(bearer(*first), "Bearer access-3");
  EXPECT_EQ(endpoint.requests().size(), 3U);
}

TEST_F(TokenFile, EightProcessesWorthOfReadersRotateOnce) {
  TokenEndpoint endpoint(rotating());
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      const auto auth = connect(endpoint);
      HttpRequest request = request_to("https://h/");
      auth->apply(request, {});
      if (header(request, "Authorization") == "Bearer access-1") ++right;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 8);
  EXPECT_EQ(endpoint.requests().size(), 1U);
}

TEST_F(TokenFile, ARevokedRefreshTokenNeedsAPerson) {
  TokenEndpoint endpoint([](int, const std::string&) { return TokenEndpoint::json(R"({"error":"invalid_grant"})", 400); });
  const auto auth = connect(endpoint);
  const Error error = error_of([&] { bearer(*auth); });
  EXPECT_EQ(error.code(), "auth_invalid.invalid_grant");
  EXPECT_FALSE(error.retryable);
}

/// Gives tokens that are named after the refresh token they were asked with.
TokenEndpoint::Rule named_after() {
  return [](int, const std::string& request) {
    const std::string asked = request.substr(request.rfind("refresh_token=") + 14);
    return TokenEndpoint::token("access-of-" + asked, ",\"expires_in\":3600,\"refresh_token\":\"" + asked + "+\"");
  };
}

TEST_F(TokenFile, TwoUsersUnderOneIdKeepTheirTokensApart) {
  TokenEndpoint endpoint(named_after());
  const auto as = [&](const char* first) {
    return OAuth2RefreshToken(endpoint.options(), Secret(first), std::make_shared<FileTokenStore>(path, clock), "odata", services());
  };
  auto alice = as("alice"), bob = as("bob");
  EXPECT_EQ(bearer(alice), "Bearer access-of-alice");
  EXPECT_EQ(bearer(bob), "Bearer access-of-bob");
  auto alice_after_restart = as("alice");
  EXPECT_EQ(bearer(alice_after_restart), "Bearer access-of-alice");
  EXPECT_EQ(endpoint.requests().size(), 2U);
}

TEST_F(TokenFile, ATokenGoesToTheEndpointThatGaveItAlone) {
  TokenEndpoint one(named_after()), other(named_after());
  OAuth2RefreshToken first(one.options(), Secret("shared"), std::make_shared<FileTokenStore>(path, clock), "odata", services());
  bearer(first);
  OAuth2RefreshToken second(other.options(), Secret("shared"), std::make_shared<FileTokenStore>(path, clock), "odata", services());
  bearer(second);
  ASSERT_EQ(other.requests().size(), 1U);
  EXPECT_EQ(other.requests()[0].find("shared%2B"), std::string::npos) << "what one endpoint rotated is not shown to another";
}

TEST_F(TokenFile, ANewSignInTakesEffectAtOnce) {
  TokenEndpoint endpoint(rotating());
  EXPECT_EQ(bearer(*connect(endpoint)), "Bearer access-1");
  TokenEndpoint ended([](int, const std::string& request) {
    return request.find("refresh_token=signed-in-again") != std::string::npos ? TokenEndpoint::token("access-new")
                                                                              : TokenEndpoint::json(R"({"error":"invalid_grant"})", 400);
  });
  OAuth2RefreshToken again(ended.options(), Secret("signed-in-again"), std::make_shared<FileTokenStore>(path, clock), "sap-mt", services());
  EXPECT_EQ(bearer(again), "Bearer access-new");
  EXPECT_EQ(ended.requests().size(), 1U) << "the token of before is not tried";
}

TEST_F(TokenFile, IsReadableByItsOwnerAlone) {
  FileTokenStore store(path, clock);
  store.save("a", {"access", "refresh", WallTime(1'800'000'000s)});
  store.save("b", {"other", "", std::nullopt});
  struct stat about{};
  ASSERT_EQ(stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  const auto loaded = store.load("a");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->access_token, "access");
  EXPECT_EQ(loaded->refresh_token, "refresh");
  EXPECT_EQ(loaded->expires_at, WallTime(1'800'000'000s));
  EXPECT_FALSE(store.load("b")->expires_at);
  EXPECT_FALSE(store.load("c"));
  store.erase("a");
  EXPECT_FALSE(store.load("a"));
  EXPECT_TRUE(store.load("b"));

  chmod(path.c_str(), 0644);
  EXPECT_EQ(error_of([&] { store.load("b"); }).code(), "store.tokens");
  chmod(path.c_str(), 0600);
  std::ofstream(path) << "{ not json";
  EXPECT_EQ(error_of([&] { store.load("b"); }).code(), "store.tokens");
  EXPECT_EQ(error_of([] { FileTokenStore("/nowhere/tokens.json").save("a", {}); }).code(), "store.tokens");
}

TEST_F(TokenFile, AWaitForAnotherProcessCanBeCancelled) {
  FileTokenStore store(path);
  const auto held = store.lock("sap-mt", {});
  EXPECT_NE(store.lock("other", {}), nullptr) << "keys do not wait for each other";
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(error_of([&] { store.lock("sap-mt", source.get_token()); }).category, Category::cancelled);
}

TEST_F(OAuth2Test, AReaderThatGivesUpDoesNotTakeTheOthersWithIt) {
  std::latch asked(1);
  TokenEndpoint endpoint([&](int call, const std::string&) {
    if (call > 1) return TokenEndpoint::token("token-2");
    asked.count_down();
    return std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");  // and then nothing: the first reader waits
  });
  OAuth2ClientCredentials auth(endpoint.options(), services());
  std::stop_source source;
  std::thread first([&] {
    HttpRequest request = request_to("https://h/");
    EXPECT_EQ(error_of([&] { auth.apply(request, source.get_token()); }).category, Category::cancelled);
  });
  asked.wait();
  std::thread second([&] {
    HttpRequest request = request_to("https://h/");
    auth.apply(request, {});
    EXPECT_EQ(header(request, "Authorization"), "Bearer token-2");
  });
  source.request_stop();
  first.join();
  second.join();
}

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

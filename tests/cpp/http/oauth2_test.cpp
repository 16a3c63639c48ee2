// Against a token endpoint on a real socket.
#include "switchgear/http/oauth2.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <latch>
#include <thread>

#include "auth_requests.hpp"
#include "loopback_server.hpp"
#include "switchgear/base/log.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using testing::error_of;
using testing::header;
using testing::LoopbackServer;
using testing::Peer;
using testing::request_to;
using testing::transport;

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

}  // namespace
}  // namespace switchgear

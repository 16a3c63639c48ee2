#include "switchgear/http/recorded_transport.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "loopback_server.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/http/auth.hpp"
#include "switchgear/http/oauth2.hpp"

namespace switchgear {
namespace {

using testing::LoopbackServer;
using testing::Peer;

struct Recording : ::testing::Test {
  Recording() {
    folder = (std::filesystem::temp_directory_path() / "switchgear-recording-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = folder + "/exchanges.jsonl";
    TransportOptions options;
    options.proxy = "none";
    real = make_curl_transport(options);
  }
  ~Recording() override { std::filesystem::remove_all(folder); }

  std::string recorded() const {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  static HttpRequest request(std::string method, std::string url, std::string body = {}) {
    HttpRequest made;
    made.method = std::move(method);
    made.url = std::move(url);
    made.body = std::move(body);
    return made;
  }

  static Error failure(Transport& transport, const HttpRequest& request) {
    try {
      transport.send(request, {});
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return Error(Category::internal, "no error");
  }

  std::string folder, path;
  std::shared_ptr<Transport> real;
  std::shared_ptr<Redactor> redactor = std::make_shared<Redactor>();
};

TEST_F(Recording, ReplaysWhatAServerSaid) {
  int served = 0;
  const std::string binary("\x00\xff\xfe\x80 bytes", 10);
  LoopbackServer server([&](Peer& peer) {
    for (std::string text = peer.read_request(); !text.empty(); text = peer.read_request()) {
      ++served;
      if (text.find("/binary") != std::string::npos) {
        peer.reply(binary, "Content-Type: image/png\r\n");
      } else {
        peer.reply("{\"served\":" + std::to_string(served) + ",\"name\":\"Schn\xc3\xa4pper\"}", "X-Twice: a\r\nX-Twice: b\r\n");
      }
    }
  });
  std::vector<HttpRequest> requests = {request("GET", server.url("/orders?$skiptoken=7")),
                                       request("GET", server.url("/orders?$skiptoken=7")),
                                       request("POST", server.url("/orders"), "{\"a\":1}"),
                                       request("POST", server.url("/orders"), "{\"a\":2}"), request("GET", server.url("/binary"))};
  std::vector<std::string> bodies;
  {
    const auto recorder = RecordedTransport::record(path, real, redactor);
    for (const auto& each : requests) bodies.push_back(recorder->send(each, {}).body.str());
  }
  const auto replay = RecordedTransport::replay(path);
  // Like requests in their order, different ones in any.
  for (const std::size_t i : {4U, 3U, 0U, 2U, 1U}) {
    const HttpResponse response = replay->send(requests[i], {});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body.str(), bodies[i]);
    EXPECT_EQ(response.headers.all("x-twice").size(), i < 4 ? 2U : 0U);
    EXPECT_EQ(response.url, requests[i].url);
  }
  EXPECT_EQ(served, 5);
  const Error once_more = failure(*replay, requests[0]);
  EXPECT_EQ(once_more.code(), "config.recording");
  EXPECT_NE(once_more.message.find("2 times"), std::string::npos) << once_more.message;
}

TEST_F(Recording, AnUnknownRequestNamesTheNearestOne) {
  LoopbackServer server([](Peer& peer) {
    while (!peer.read_request().empty()) peer.reply("{}");
  });
  {
    const auto recorder = RecordedTransport::record(path, real, redactor);
    recorder->send(request("GET", server.url("/WorkOrders?$top=5")), {});
    recorder->send(request("GET", server.url("/Assets")), {});
    recorder->send(request("POST", server.url("/WorkOrders"), "{\"id\":1}"), {});
  }
  const auto replay = RecordedTransport::replay(path);
  const Error other_query = failure(*replay, request("GET", server.url("/WorkOrders?$top=6")));
  EXPECT_EQ(other_query.code(), "config.recording");
  EXPECT_NE(other_query.message.find("nearest there is GET " + server.url("/WorkOrders?$top=5")), std::string::npos) << other_query.message;
  const Error other_body = failure(*replay, request("POST", server.url("/WorkOrders"), "{\"id\":2}"));
  EXPECT_NE(other_body.message.find("recorded: {\"id\":1}"), std::string::npos) << other_body.message;
}

TEST_F(Recording, ReplaysErrors) {
  const std::string url = "http://127.0.0.1:" + std::to_string(testing::closed_port()) + "/";
  const auto recorder = RecordedTransport::record(path, real, redactor);
  const Error seen = failure(*recorder, request("GET", url));
  const Error again = failure(*RecordedTransport::replay(path), request("GET", url));
  EXPECT_EQ(again.describe(), seen.describe());
  EXPECT_EQ(again.code(), "offline.connect");
  EXPECT_EQ(again.nothing_sent, seen.nothing_sent);
  EXPECT_EQ(again.retryable, seen.retryable);
}

TEST_F(Recording, HoldsNoSecretAndStillReplays) {
  LoopbackServer server([](Peer& peer) {
    for (std::string text = peer.read_request(); !text.empty(); text = peer.read_request()) {
      if (text.find("/token") != std::string::npos) {
        peer.reply(
            R"({ "access_token" : "FRESH-access\"tail", "refresh_token":"FRESH-refresh", "token_type":"Bearer", "expires_in":3600})");
      } else {
        peer.reply(R"({"echo":"known-password","next":"/orders?page_token=abc&api_key=KEY-in-url","page_token":"kept","code":"429"})",
                   "Set-Cookie: sid=COOKIE-value; Path=/\r\nX-CSRF-Token: CSRF-value\r\n");
      }
    }
  });
  redactor->add("known-password");
  const auto exchange = [&](const std::shared_ptr<Transport>& transport) {
    OAuth2Options options;
    options.token_url = server.url("/token");
    options.client_id = "client";
    options.client_secret = Secret("CLIENT-secret");
    options.client_auth = OAuth2Options::ClientAuth::body;
    OAuth2ClientCredentials oauth(options, {transport, redactor});
    HttpRequest order =
        request("POST", server.url("/orders?sig=SIGNED-url&x=1"), R"({"user":"u","password":"TYPED-in","note":"known-password"})");
    oauth.apply(order, {});
    ApiKey(ApiKey::Place::query, "api_key", Secret("KEY-in-url"), redactor).apply(order, {});
    order.headers.add("Cookie", "sid=COOKIE-value");
    order.headers.add("Proxy-Authorization", "Basic PROXY-value");
    order.headers.add("X-Api-Key", "KEY-in-header");
    order.headers.add("X-Trace", "saw " + base64_encode("known-password"));
    EXPECT_EQ(transport->send(order, {}).status, 200);
  };
  exchange(RecordedTransport::record(path, real, redactor));
  const std::string text = recorded();
  for (const char* secret : {"FRESH-access", "tail", "FRESH-refresh", "CLIENT-secret", "COOKIE-value", "CSRF-value", "KEY-in-url",
                             "KEY-in-header", "PROXY-value", "TYPED-in", "known-password", "a25vd24tcGFzc3dvcmQ"}) {
    EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in\n" << text;
  }
  EXPECT_NE(text.find("page_token=abc"), std::string::npos) << text;
  EXPECT_NE(text.find("\\\"page_token\\\":\\\"kept\\\""), std::string::npos) << text;
  EXPECT_NE(text.find("Set-Cookie: sid=***; Path=/"), std::string::npos) << text;
  EXPECT_NE(text.find("429"), std::string::npos) << "an error's code is no secret";
  exchange(RecordedTransport::replay(path, redactor));
}

TEST_F(Recording, ACancelledRequestIsNotRecorded) {
  LoopbackServer server([](Peer& peer) { peer.hang(); });
  const auto recorder = RecordedTransport::record(path, real, redactor);
  std::stop_source source;
  std::thread canceller([&] {
    while (server.accepted() == 0) std::this_thread::yield();
    source.request_stop();
  });
  try {
    recorder->send(request("GET", server.url()), source.get_token());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.category, Category::cancelled);
  }
  canceller.join();
  EXPECT_EQ(recorded(), "");
}

TEST_F(Recording, AFaultyFileIsNamedWithItsLine) {
  const auto code_and_line = [&](const std::string& text, const std::string& line) {
    std::ofstream(path) << text;
    try {
      RecordedTransport::replay(path);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "config.recording");
      EXPECT_NE(error.message.find(line), std::string::npos) << error.message;
    }
  };
  const std::string good = R"({"request":{"method":"GET","url":"http://h/"},"response":{"status":200}})";
  code_and_line(good + "\nnot json\n", "line 2");
  code_and_line(R"({"request":{"method":"GET"}})", "line 1");
  code_and_line(R"({"request":{"method":"GET","url":"u"},"error":{"category":"nonsense"}})", "nonsense");
  code_and_line(R"({"request":{"method":"GET","url":"u"},"response":{"status":"200"}})", "line 1");
  try {
    RecordedTransport::replay(folder + "/none.jsonl");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "config.recording");
  }
  try {
    RecordedTransport::record("/nowhere/x.jsonl", real, redactor);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "config.recording");
  }
}

}  // namespace
}  // namespace switchgear

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <thread>

#include "loopback_server.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using testing::closed_port;
using testing::LoopbackServer;
using testing::Peer;

TransportOptions direct() {
  TransportOptions options;
  options.proxy = "none";
  return options;
}

HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

HttpRequest post(std::string url, std::string body) {
  HttpRequest request = get(std::move(url));
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

Error failure(Transport& transport, const HttpRequest& request, std::stop_token stop = {}) {
  try {
    const HttpResponse response = transport.send(request, stop);
    ADD_FAILURE() << "a reply " << response.status << " instead of an error";
  } catch (const Error& error) {
    EXPECT_FALSE(error.hint.empty() && error.category != Category::cancelled) << error.describe();
    return error;
  }
  return Error(Category::internal, "no error");
}

Error failure(TransportOptions options, const HttpRequest& request) { return failure(*make_curl_transport(std::move(options)), request); }

bool mentions(const Error& error, const std::string& text) { return error.message.find(text) != std::string::npos; }

/// Answers every request on a connection, and remembers them.
struct Recorder {
  std::mutex mutex;
  std::vector<std::string> requests;

  LoopbackServer::Script answering(std::string reply) {
    return [this, reply](Peer& peer) {
      for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
        {
          const std::lock_guard lock(mutex);
          requests.push_back(request);
        }
        if (!peer.send(reply)) return;
      }
    };
  }

  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex);
    return requests;
  }
};

constexpr const char* ok_reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Twice: a\r\nX-Twice: b\r\n\r\nok";

TEST(CurlTransport, ReturnsTheWholeReply) {
  Recorder recorder;
  LoopbackServer server(recorder.answering(ok_reply));
  const auto transport = make_curl_transport(direct());
  HttpRequest request = get(server.url("/a/b?c=d e"));
  request.headers = {{"Accept", "application/json"}, {"X-Empty", ""}};
  const HttpResponse response = transport->send(request, {});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.view(), "ok");
  EXPECT_EQ(response.headers.all("x-twice"), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(response.http_version, "1.1");
  EXPECT_EQ(response.url, server.url("/a/b?c=d%20e"));
  EXPECT_GT(response.timing.total.count(), 0);
  const std::string sent = recorder.seen().at(0);
  EXPECT_EQ(sent.substr(0, sent.find('\r')), "GET /a/b?c=d%20e HTTP/1.1");
  EXPECT_NE(sent.find("\r\nAccept: application/json\r\n"), std::string::npos) << sent;
  EXPECT_NE(sent.find("\r\nX-Empty:\r\n"), std::string::npos) << sent;
  EXPECT_NE(sent.find("\r\nUser-Agent: switchgear\r\n"), std::string::npos) << sent;
  EXPECT_NE(sent.find("gzip"), std::string::npos) << sent;
}

TEST(CurlTransport, AnyStatusIsAReply) {
  for (const int status : {204, 304, 401, 404, 500, 503}) {
    Recorder recorder;
    LoopbackServer server(recorder.answering("HTTP/1.1 " + std::to_string(status) + " X\r\n" +
                                             (status == 204 || status == 304 ? "" : "Content-Length: 0\r\n") + "\r\n"));
    EXPECT_EQ(make_curl_transport(direct())->send(get(server.url()), {}).status, status);
  }
}

TEST(CurlTransport, SendsEveryMethodWithAndWithoutBody) {
  Recorder recorder;
  LoopbackServer server(recorder.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  const auto transport = make_curl_transport(direct());
  // On one handle, in an order that shows whether anything of the request before is left over.
  const std::pair<const char*, const char*> cases[] = {
      {"POST", "a=1"}, {"GET", ""},       {"HEAD", ""}, {"PUT", "{}"},   {"DELETE", ""}, {"PATCH", "{\"x\":1}"},
      {"HEAD", ""},    {"DELETE", "{1}"}, {"POST", ""}, {"OPTIONS", ""}, {"GET", "{}"},  {"PUT", ""}};
  for (const auto& [method, body] : cases) {
    HttpRequest request = get(server.url("/r"));
    request.method = method;
    request.body = body;
    if (request.method == "PUT") request.headers.add("Content-Type", "application/json");
    EXPECT_EQ(transport->send(request, {}).status, 200) << method;
    const std::string sent = recorder.seen().back();
    EXPECT_EQ(sent.substr(0, sent.find(' ')), method);
    EXPECT_EQ(sent.substr(sent.find("\r\n\r\n") + 4), body) << method;
    EXPECT_EQ(sent.find("x-www-form-urlencoded"), std::string::npos) << "libcurl's own content type";
    EXPECT_EQ(sent.find("Content-Type") != std::string::npos, request.method == "PUT") << sent;
    const bool must_count = !request.body.empty() || request.method == "POST" || request.method == "PUT";
    EXPECT_EQ(sent.find("Content-Length: " + std::to_string(request.body.size())) != std::string::npos, must_count) << sent;
  }
  EXPECT_EQ(server.accepted(), 1);
}

TEST(CurlTransport, ALargeBodyIsSentAtOnceWithoutWaitingFor100Continue) {
  Recorder recorder;
  LoopbackServer server(recorder.answering(ok_reply));
  const std::string body(3'000'000, 'x');
  EXPECT_EQ(make_curl_transport(direct())->send(post(server.url(), body), {}).status, 200);
  const std::string sent = recorder.seen().at(0);
  EXPECT_EQ(sent.find("Expect"), std::string::npos);
  EXPECT_EQ(sent.size() - sent.find("\r\n\r\n") - 4, body.size());
}

TEST(CurlTransport, SendsTheIdempotencyKey) {
  Recorder recorder;
  LoopbackServer server(recorder.answering(ok_reply));
  HttpRequest request = post(server.url(), "{}");
  request.idempotency_key = "key-1";
  make_curl_transport(direct())->send(request, {});
  EXPECT_NE(recorder.seen().at(0).find("\r\nIdempotency-Key: key-1\r\n"), std::string::npos);
}

TEST(CurlTransport, ReusesItsConnection) {
  Recorder recorder;
  LoopbackServer server(recorder.answering(ok_reply));
  const auto transport = make_curl_transport(direct());
  EXPECT_FALSE(transport->send(get(server.url()), {}).timing.reused_connection);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(transport->send(get(server.url("/" + std::to_string(i))), {}).timing.reused_connection);
  EXPECT_EQ(server.accepted(), 1);
}

TEST(CurlTransport, EightThreadsShareIt) {
  Recorder recorder;
  LoopbackServer server([](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      if (!peer.reply(request.substr(5, request.find(' ', 5) - 5))) return;
    }
  });
  const auto transport = make_curl_transport(direct());
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        if (transport->send(get(server.url("/" + name)), {}).body.view() == name) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
  EXPECT_LE(server.accepted(), 8);
}

TEST(CurlTransport, AStopRequestEndsAHangingTransferWithin100Ms) {
  std::promise<void> arrived;
  LoopbackServer server([&](Peer& peer) {
    peer.read_request();
    arrived.set_value();
    peer.hang();
  });
  const auto transport = make_curl_transport(direct());
  std::stop_source source;
  std::chrono::steady_clock::time_point asked;
  std::thread canceller([&] {
    arrived.get_future().wait();
    asked = std::chrono::steady_clock::now();
    source.request_stop();
  });
  const Error error = failure(*transport, get(server.url()), source.get_token());
  const auto taken = std::chrono::steady_clock::now() - asked;
  canceller.join();
  EXPECT_EQ(error.code(), "cancelled");
  EXPECT_FALSE(error.nothing_sent);
  EXPECT_LT(taken, 100ms);
}

TEST(CurlTransport, AStopRequestBeforeSendingSendsNothing) {
  Recorder recorder;
  LoopbackServer server(recorder.answering(ok_reply));
  std::stop_source source;
  source.request_stop();
  const auto transport = make_curl_transport(direct());
  const Error error = failure(*transport, get(server.url()), source.get_token());
  EXPECT_EQ(error.code(), "cancelled");
  EXPECT_TRUE(error.nothing_sent);
  EXPECT_EQ(server.accepted(), 0);
}

TEST(CurlTransport, WorksOnAfterACancellation) {
  LoopbackServer server([](Peer& peer) {
    peer.read_request();
    if (peer.number() == 1) peer.hang();
    peer.reply("ok");
  });
  const auto transport = make_curl_transport(direct());
  std::stop_source source;
  auto pending = std::async(std::launch::async, [&] { return failure(*transport, get(server.url()), source.get_token()); });
  while (server.accepted() == 0) std::this_thread::yield();
  source.request_stop();
  EXPECT_EQ(pending.get().code(), "cancelled");
  EXPECT_EQ(transport->send(get(server.url()), {}).body.view(), "ok");
}

TEST(CurlTransport, ARefusedPortIsOfflineConnectAndSaysWhatToDo) {
  const int port = closed_port();
  const Error error = failure(direct(), post("http://127.0.0.1:" + std::to_string(port) + "/", "{}"));
  EXPECT_EQ(error.code(), "offline.connect");
  EXPECT_TRUE(error.nothing_sent);
  EXPECT_TRUE(error.retryable);
  EXPECT_EQ(error.message, "port " + std::to_string(port) + " of host 127.0.0.1 refuses connections");
  EXPECT_NE(error.hint.find("firewall"), std::string::npos);
}

TEST(CurlTransport, AnUnknownHostIsOfflineDns) {
  const Error error = failure(direct(), get("http://no-such-host.invalid/"));
  EXPECT_EQ(error.code(), "offline.dns");
  EXPECT_TRUE(error.nothing_sent);
  EXPECT_TRUE(mentions(error, "no-such-host.invalid"));
}

TEST(CurlTransport, AConnectionThatIsNeverMadeIsTimeoutConnect) {
  // TCP connects, but nobody answers the TLS handshake.
  LoopbackServer server([](Peer& peer) { peer.hang(); });
  TransportOptions options = direct();
  options.timeouts.connect = 60ms;
  const Error error = failure(options, post("https://127.0.0.1:" + std::to_string(server.port()) + "/", "{}"));
  EXPECT_EQ(error.code(), "timeout.connect");
  EXPECT_TRUE(error.nothing_sent);
  EXPECT_TRUE(error.retryable);
}

TEST(CurlTransport, ASourceThatSaysNothingIsTimeoutStalled) {
  LoopbackServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome");
    peer.hang();
  });
  TransportOptions options = direct();
  options.timeouts.stalled = 300ms;
  const auto began = std::chrono::steady_clock::now();
  const Error error = failure(options, get(server.url()));
  EXPECT_EQ(error.code(), "timeout.stalled");
  EXPECT_FALSE(error.nothing_sent);
  EXPECT_TRUE(mentions(error, "after 4 bytes")) << error.message;
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST(CurlTransport, ATrickleIsNotStalledButEndsAtTheTotal) {
  LoopbackServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send("x")) std::this_thread::yield();
  });
  TransportOptions options = direct();
  options.timeouts.stalled = 10s;
  options.timeouts.total = 100ms;
  const Error error = failure(options, get(server.url()));
  EXPECT_EQ(error.code(), "timeout");
  EXPECT_TRUE(mentions(error, "100 ms")) << error.message;
}

TEST(CurlTransport, AConnectionCutInsideTheReplyIsOfflineLost) {
  for (const bool reset : {false, true}) {
    LoopbackServer server([&](Peer& peer) {
      peer.read_request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
      if (reset) peer.reset_when_closed();
    });
    const Error error = failure(direct(), get(server.url()));
    EXPECT_EQ(error.code(), "offline.lost") << error.describe();
    EXPECT_FALSE(error.nothing_sent);
    EXPECT_TRUE(error.retryable);
  }
}

TEST(CurlTransport, AConnectionClosedWithoutAReplyIsOfflineLost) {
  for (const bool reset : {false, true}) {
    LoopbackServer server([&](Peer& peer) {
      peer.read_request();
      if (reset) peer.reset_when_closed();
    });
    const Error error = failure(direct(), post(server.url(), "{}"));
    EXPECT_EQ(error.code(), "offline.lost") << error.describe();
    EXPECT_FALSE(error.nothing_sent);
    EXPECT_TRUE(mentions(error, "without a reply")) << error.message;
  }
}

// libcurl repeats any request on a fresh connection when a kept one dies before the first byte of a reply.
TEST(CurlTransport, AWriteOnADeadKeptConnectionIsNotSentTwice) {
  std::atomic<int> orders{0};
  LoopbackServer server([&](Peer& peer) {
    peer.read_request();
    peer.reply("ok");
    if (peer.number() > 1) return;
    if (!peer.read_request().empty()) ++orders;  // processed, and then the connection dies
  });
  const auto transport = make_curl_transport(direct());
  transport->send(get(server.url()), {});
  const Error error = failure(*transport, post(server.url(), "{}"));
  EXPECT_EQ(error.code(), "offline.lost");
  EXPECT_FALSE(error.nothing_sent);
  EXPECT_EQ(orders, 1);
}

TEST(CurlTransport, AReadOnADeadKeptConnectionIsRepeated) {
  LoopbackServer server([](Peer& peer) {
    peer.read_request();
    peer.reply("ok");
    if (peer.number() == 1) peer.read_request();
  });
  const auto transport = make_curl_transport(direct());
  transport->send(get(server.url()), {});
  EXPECT_EQ(transport->send(get(server.url()), {}).body.view(), "ok");
  EXPECT_EQ(server.accepted(), 2);
}

TEST(CurlTransport, GarbageIsProtocol) {
  const std::pair<const char*, const char*> cases[] = {
      {"SSH-2.0-OpenSSH_9.2\r\n", "protocol.not_http"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnot a chunk\r\n", "protocol.bad_chunk"},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n{\"value\":[]}", "protocol.bad_encoding"},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 12\r\n\r\n{\"value\":[]}", "protocol.bad_encoding"},
      {"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "protocol.not_http"},
  };
  for (const auto& [reply, code] : cases) {
    LoopbackServer server([&, text = reply](Peer& peer) {
      peer.read_request();
      peer.send(text);
    });
    EXPECT_EQ(failure(direct(), get(server.url())).code(), code) << reply;
  }
}

TEST(CurlTransport, AChunkedReplyThatEndsEarlyIsLost) {
  LoopbackServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  });
  EXPECT_EQ(failure(direct(), get(server.url())).code(), "offline.lost");
}

TEST(CurlTransport, TheByteCapHoldsForDecompressedBytes) {
  TransportOptions options = direct();
  options.max_reply_bytes = 1000;
  {
    LoopbackServer server([](Peer& peer) {
      peer.read_request();
      peer.send("HTTP/1.1 200 OK\r\n\r\n");
      while (peer.send(std::string(4096, 'x'))) {
      }
    });
    const Error error = failure(options, get(server.url()));
    EXPECT_EQ(error.code(), "protocol.reply_too_large");
    EXPECT_TRUE(mentions(error, "1000 bytes")) << error.message;
    EXPECT_NE(error.hint.find("max_reply_bytes"), std::string::npos);
  }
  LoopbackServer exact([](Peer& peer) {
    peer.read_request();
    peer.reply(std::string(1000, 'x'));
  });
  EXPECT_EQ(make_curl_transport(options)->send(get(exact.url()), {}).body.size(), 1000U);
}

TEST(CurlTransport, EndlessHeadersEnd) {
  LoopbackServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n");
    while (peer.send("X-More: " + std::string(1000, 'x') + "\r\n")) {
    }
  });
  EXPECT_EQ(failure(direct(), get(server.url())).code(), "protocol.headers_too_large");
}

TEST(CurlTransport, ANoLongerMeantInterimReplyAndTrailersLeaveTheHeadersAlone) {
  LoopbackServer server([](Peer& peer) {
    peer.read_request();
    peer.send(
        "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Real: 1\r\nTransfer-Encoding: "
        "chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n");
  });
  const HttpResponse response = make_curl_transport(direct())->send(get(server.url()), {});
  EXPECT_EQ(response.body.view(), "ok");
  EXPECT_TRUE(response.headers.contains("X-Real"));
  EXPECT_FALSE(response.headers.contains("X-Early"));
  EXPECT_FALSE(response.headers.contains("X-Trailer"));
}

TEST(CurlTransport, CredentialsDoNotFollowARedirectToAnotherOrigin) {
  Recorder there;
  LoopbackServer other(there.answering(ok_reply));
  Recorder here;
  LoopbackServer server(here.answering("HTTP/1.1 302 Found\r\nLocation: " + other.url("/landed") + "\r\nContent-Length: 0\r\n\r\n"));
  HttpRequest request = get(server.url());
  request.headers = {
      {"Authorization", "Bearer t"}, {"Cookie", "sid=1"}, {"apikey", "k"}, {"X-CSRF-Token", "c"}, {"Accept", "application/json"}};
  const HttpResponse response = make_curl_transport(direct())->send(request, {});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.url, other.url("/landed"));
  const std::string sent = there.seen().at(0);
  for (const char* header : {"Authorization", "Cookie", "apikey", "X-CSRF-Token"}) EXPECT_EQ(sent.find(header), std::string::npos) << sent;
  EXPECT_NE(sent.find("Accept: application/json"), std::string::npos);
  EXPECT_NE(here.seen().at(0).find("Authorization: Bearer t"), std::string::npos);
}

TEST(CurlTransport, CredentialsStayAwayWhenAForeignOriginSendsBack) {
  std::string home_url;
  LoopbackServer other([&](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 302 Found\r\nLocation: " + home_url + "back\r\nContent-Length: 0\r\n\r\n");
  });
  Recorder recorder;
  LoopbackServer server([&](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      const std::lock_guard lock(recorder.mutex);
      recorder.requests.push_back(request);
      const bool first = request.substr(0, 6) == "GET / ";
      peer.send(first ? "HTTP/1.1 302 Found\r\nLocation: " + other.url() + "\r\nContent-Length: 0\r\n\r\n" : std::string(ok_reply));
    }
  });
  home_url = server.url();
  HttpRequest request = get(server.url());
  request.headers = {{"Authorization", "Bearer t"}};
  EXPECT_EQ(make_curl_transport(direct())->send(request, {}).status, 200);
  EXPECT_EQ(recorder.seen().at(1).find("Authorization"), std::string::npos);
}

TEST(CurlTransport, CredentialsFollowARedirectWithinTheOrigin) {
  Recorder recorder;
  LoopbackServer server([&](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 301 Moved\r\nLocation: ../new?x=1\r\nContent-Length: 0\r\n\r\n");
    const std::lock_guard lock(recorder.mutex);
    recorder.requests.push_back(peer.read_request());
    peer.reply("ok");
  });
  HttpRequest request = get(server.url("/a/old"));
  request.headers = {{"Authorization", "Bearer t"}};
  EXPECT_EQ(make_curl_transport(direct())->send(request, {}).url, server.url("/new?x=1"));
  EXPECT_NE(recorder.seen().at(0).find("Authorization: Bearer t"), std::string::npos);
}

TEST(CurlTransport, ACookieThatARedirectSetsComesBackAndIsHandedOn) {
  Recorder recorder;
  LoopbackServer server([&](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      const std::lock_guard lock(recorder.mutex);
      recorder.requests.push_back(request);
      const bool tried = request.find("probe=1") != std::string::npos;
      peer.send(tried ? std::string(ok_reply)
                      : "HTTP/1.1 302 Found\r\nLocation: /\r\nSet-Cookie: probe=1\r\nSet-Cookie: sid=new\r\nContent-Length: 0\r\n\r\n");
    }
  });
  HttpRequest request = get(server.url());
  request.headers = {{"Cookie", "sid=old; lang=en"}};
  const HttpResponse response = make_curl_transport(direct())->send(request, {});
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(recorder.seen().at(1).find("\r\nCookie: probe=1; sid=new; lang=en\r\n"), std::string::npos) << recorder.seen().at(1);
  EXPECT_EQ(response.headers.all("Set-Cookie"), (std::vector<std::string_view>{"probe=1", "sid=new"}));
}

TEST(CurlTransport, ARedirectLoopEnds) {
  Recorder recorder;
  LoopbackServer server(recorder.answering("HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(failure(direct(), get(server.url())).code(), "protocol.redirect_loop");
  EXPECT_EQ(recorder.seen().size(), 6U);
}

TEST(CurlTransport, ARedirectToAnotherSchemeIsNotFollowed) {
  Recorder recorder;
  LoopbackServer server(recorder.answering("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(failure(direct(), get(server.url())).code(), "protocol.redirect");
}

TEST(CurlTransport, ARedirectOfAWriteIsReturnedNotFollowed) {
  Recorder recorder;
  LoopbackServer server(recorder.answering("HTTP/1.1 307 Temporary\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(make_curl_transport(direct())->send(post(server.url(), "{}"), {}).status, 307);
  EXPECT_EQ(recorder.seen().size(), 1U);
}

TEST(CurlTransport, AHeaderCannotBreakOutOfItsLine) {
  Recorder recorder;
  LoopbackServer server(recorder.answering(ok_reply));
  const std::pair<std::string, std::string> cases[] = {{"X", "a\r\nY: b"}, {"X", "a\nb"}, {"X: y\r\nZ", "1"},
                                                       {"", "1"},          {"a b", "1"},  {"X", std::string("a\0b", 3)}};
  for (const auto& [name, value] : cases) {
    HttpRequest request = get(server.url());
    request.headers.add(name, value);
    EXPECT_EQ(failure(direct(), request).code(), "config.header");
  }
  HttpRequest request = get(server.url());
  request.method = "GET / HTTP/1.1\r\nX:";
  EXPECT_EQ(failure(direct(), request).code(), "config.method");
  EXPECT_TRUE(recorder.seen().empty());
}

TEST(CurlTransport, AnExplicitProxyIsUsedAndNamedWithoutItsPassword) {
  Recorder recorder;
  LoopbackServer proxy(recorder.answering(ok_reply));
  TransportOptions options;
  options.proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  EXPECT_EQ(make_curl_transport(options)->send(get("http://plant.invalid/x"), {}).status, 200);
  EXPECT_EQ(recorder.seen().at(0).substr(0, 28), "GET http://plant.invalid/x H");

  options.proxy = "http://me:hidden@127.0.0.1:" + std::to_string(closed_port());
  const Error error = failure(options, get("http://plant.invalid/x"));
  EXPECT_EQ(error.code(), "offline.proxy");
  EXPECT_TRUE(error.nothing_sent);
  EXPECT_EQ(error.describe().find("hidden"), std::string::npos) << error.describe();
}

TEST(CurlTransport, AProxyThatRefusesTheTunnelIsOfflineProxy) {
  Recorder recorder;
  LoopbackServer proxy(recorder.answering("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"));
  TransportOptions options;
  options.proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  const Error error = failure(options, post("https://plant.invalid/x", "{}"));
  EXPECT_EQ(error.code(), "offline.proxy");
  EXPECT_TRUE(error.nothing_sent);
  EXPECT_TRUE(mentions(error, "407")) << error.message;
}

TEST(CurlTransport, TheProxyOfTheEnvironmentIsUsedUnlessTurnedOff) {
  Recorder recorder;
  LoopbackServer proxy(recorder.answering(ok_reply));
  setenv("http_proxy", ("http://127.0.0.1:" + std::to_string(proxy.port())).c_str(), 1);
  EXPECT_EQ(make_curl_transport({})->send(get("http://plant.invalid/x"), {}).status, 200);
  EXPECT_EQ(failure(direct(), get("http://plant.invalid/x")).code(), "offline.dns");
  setenv("http_proxy", ("http://127.0.0.1:" + std::to_string(closed_port())).c_str(), 1);
  EXPECT_EQ(failure(TransportOptions(), get("http://plant.invalid/x")).code(), "offline.proxy");
  unsetenv("http_proxy");
}

TEST(CurlTransport, TimeoutsOfAnyLengthWork) {
  Recorder recorder;
  LoopbackServer server(recorder.answering(ok_reply));
  for (const auto time : {0ms, 1ms * 3600 * 1000 * 24 * 365, std::chrono::milliseconds::max() / 2}) {
    TransportOptions options = direct();
    options.timeouts = {time, time, time};
    EXPECT_EQ(make_curl_transport(options)->send(get(server.url()), {}).status, 200) << time.count();
  }
}

TEST(CurlTransport, RefusesOptionsThatMakeNoSense) {
  const auto code = [](TransportOptions options) {
    try {
      make_curl_transport(std::move(options));
    } catch (const Error& error) {
      return error.code();
    }
    return std::string("accepted");
  };
  TransportOptions options;
  options.timeouts.stalled = -1ms;
  EXPECT_EQ(code(options), "config.transport");
  options = {};
  options.max_reply_bytes = 0;
  EXPECT_EQ(code(options), "config.transport");
  options = {};
  options.tls.client_key_file = "key.pem";
  EXPECT_EQ(code(options), "config.transport");
}

TEST(CurlTransport, AForkedChildIsToldAndLeavesTheConnectionsAlone) {
  Recorder recorder;
  LoopbackServer server(recorder.answering(ok_reply));
  auto transport = make_curl_transport(direct());
  transport->send(get(server.url()), {});
  const pid_t child = fork();
  if (child == 0) {
    int result = 1;
    try {
      transport->send(get(server.url()), {});
    } catch (const Error& error) {
      result = error.code() == "unsupported.fork" ? 0 : 2;
    }
    transport.reset();
    _exit(result);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(transport->send(get(server.url()), {}).timing.reused_connection);
}

}  // namespace
}  // namespace switchgear

// What each fault of a server or of the way to it is called, and how often a request is then sent: counted by the server.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>

#include "../http/loopback_server.hpp"
#include "plant.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using testing::closed_port;
using testing::direct;
using testing::LoopbackServer;
using testing::Peer;
using testing::plant;

HttpRequest request(const std::string& url, const std::string& method) {
  HttpRequest request;
  request.method = method;
  request.url = url;
  request.headers.add("Accept", "application/json");
  if (method != "GET") {
    request.headers.add("Content-Type", "application/json");
    request.body = R"({"title":"Inspect pump 7"})";
  }
  return request;
}

struct Ending {
  std::string code;  // "" for a reply that is none of an error
  std::uint64_t attempts = 0, retries = 0;
};

/// One guarded request: what became of it, thrown or in the reply.
Ending send(const std::shared_ptr<Connection>& connection, const HttpRequest& request) {
  CallServices services(connection, "work_orders", request.method == "GET" ? "read" : "create");
  Ending ending;
  try {
    const HttpResponse response = services.send(request, {}, {});
    if (const auto error = services.classify(response)) ending.code = error->code();
  } catch (const Error& error) {
    EXPECT_EQ(error.connection_id, "plant");
    ending.code = error.code();
  }
  ending.attempts = services.counters().attempts;
  ending.retries = services.counters().retries;
  return ending;
}

std::string reply(const std::string& status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + status +
         "\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
         "\r\n" + body;
}

struct Fault {
  const char* name;
  std::function<void(Peer&)> answer;  // after each request; then the connection is closed
  const char* code;
  int reads, writes;       // how often a GET and a POST reach the server
  Timeouts timeouts = {};  // short only where they are what ends it
};

constexpr Timeouts soon_stalled{10s, 200ms, 300s};
constexpr Timeouts soon_over{10s, 30s, 300ms};

std::ostream& operator<<(std::ostream& out, const Fault& fault) { return out << fault.name; }

constexpr std::string_view gzip_head("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);

const Fault faults[] = {
    {"CutInTheBody", [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"half\":"); }, "offline.lost", 3, 1},
    {"ResetInTheBody",
     [](Peer& peer) {
       peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"half\":");
       peer.reset_when_closed();
     },
     "offline.lost", 3, 1},
    {"CutInTheHeaders", [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Le"); }, "offline.lost", 3, 1},
    {"CutInAChunk", [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"half\":"); }, "offline.lost",
     3, 1},
    {"ClosedWithoutAReply", [](Peer&) {}, "offline.lost", 3, 1},
    {"ResetWithoutAReply", [](Peer& peer) { peer.reset_when_closed(); }, "offline.lost", 3, 1},
    {"HalfClosed",
     [](Peer& peer) {
       peer.end_sending();
       peer.hang();
     },
     "offline.lost", 3, 1},
    {"SaysNothing", [](Peer& peer) { peer.hang(); }, "timeout.stalled", 3, 1, soon_stalled},
    {"StallsInTheBody",
     [](Peer& peer) {
       peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"half\":");
       peer.hang();
     },
     "timeout.stalled", 3, 1, soon_stalled},
    {"Trickles",
     [](Peer& peer) {
       peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
       peer.trickle(20ms);
     },
     "timeout", 3, 1, soon_over},
    {"GzipThatIsNone", [](Peer& peer) { peer.send(reply("200 OK", "Content-Encoding: gzip\r\n", R"({"value":[]})")); },
     "protocol.bad_encoding", 1, 1},
    {"GzipThatBreaksOff",
     [](Peer& peer) { peer.send(reply("200 OK", "Content-Encoding: gzip\r\n", std::string(gzip_head) + "\x01\xff\xff\xff\xff")); },
     "protocol.bad_encoding", 1, 1},
    {"ChunksThatAreNone", [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n"); },
     "protocol.bad_chunk", 1, 1},
    {"NoHttp", [](Peer& peer) { peer.send("SSH-2.0-OpenSSH_9.2\r\n"); }, "protocol.not_http", 1, 1},
    {"EndlessHeaders",
     [](Peer& peer) {
       peer.send("HTTP/1.1 200 OK\r\n");
       while (peer.send("X-More: " + std::string(1000, 'x') + "\r\n")) {
       }
     },
     "protocol.headers_too_large", 1, 1},
    {"RetryAfterOfTenMegabytes",
     [](Peer& peer) { peer.send(reply("503 Service Unavailable", "Retry-After: " + std::string(10U << 20U, '9') + "\r\n", "{}")); },
     "protocol.headers_too_large", 1, 1},
    {"ServerError", [](Peer& peer) { peer.send(reply("500 Internal Server Error", "", "{}")); }, "server", 3, 1},
    {"Unavailable", [](Peer& peer) { peer.send(reply("503 Service Unavailable", "", "{}")); }, "unavailable", 3, 1},
    {"UnavailableUntil", [](Peer& peer) { peer.send(reply("503 Service Unavailable", "Retry-After: 7\r\n", "{}")); }, "unavailable", 3, 3},
    {"Throttled", [](Peer& peer) { peer.send(reply("429 Too Many Requests", "", "{}")); }, "rate_limit", 3, 3},
    {"RequestTimeout", [](Peer& peer) { peer.send(reply("408 Request Timeout", "", "{}")); }, "timeout", 3, 1},
    {"TooEarly", [](Peer& peer) { peer.send(reply("425 Too Early", "", "{}")); }, "timeout", 3, 3},
    {"Refused", [](Peer& peer) { peer.send(reply("400 Bad Request", "", "{}")); }, "bad_request", 1, 1},
};

class SentOnce : public ::testing::TestWithParam<Fault> {};

TEST_P(SentOnce, AReadIsRepeatedAndAWriteOnlyIfItWasNotProcessed) {
  const Fault& fault = GetParam();
  for (const std::string method : {"GET", "POST", "MERGE"}) {
    std::atomic<int> sent{0};
    LoopbackServer server([&](Peer& peer) {
      if (peer.read_request().empty()) return;
      ++sent;
      fault.answer(peer);
    });
    ManualClock clock;
    const auto connection = plant(server.url(""), clock, direct(fault.timeouts));
    const Ending ending = send(connection, request(server.url("/v2/workorders"), method));
    const int expected = method == "GET" ? fault.reads : fault.writes;
    EXPECT_EQ(ending.code, fault.code) << method;
    EXPECT_EQ(sent, expected) << method;
    EXPECT_EQ(ending.attempts, static_cast<std::uint64_t>(expected)) << method;
    EXPECT_EQ(ending.retries, static_cast<std::uint64_t>(expected) - 1) << method;
  }
}

INSTANTIATE_TEST_SUITE_P(Fault, SentOnce, ::testing::ValuesIn(faults), [](const auto& test) { return std::string(test.param.name); });

// ---- where nothing reached the source, a write is as safe to repeat as a read

TEST(NothingSent, APortThatRefusesIsTriedAgainForAWrite) {
  const std::string url = "http://127.0.0.1:" + std::to_string(closed_port());
  ManualClock clock;
  const Ending ending = send(plant(url, clock), request(url + "/v2/workorders", "POST"));
  EXPECT_EQ(ending.code, "offline.connect");
  EXPECT_EQ(ending.attempts, 3U);
}

TEST(NothingSent, ABlackHoleAtTheHandshakeIsTriedAgainForAWrite) {
  std::atomic<int> requests{0};
  LoopbackServer server([&](Peer& peer) {
    if (!peer.read_request().empty()) ++requests;  // it would have to be in the clear
  });
  ManualClock clock;
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port());
  const Ending ending = send(plant(url, clock, direct({100ms, 30s, 300s})), request(url + "/v2/workorders", "POST"));
  EXPECT_EQ(ending.code, "timeout.connect");
  EXPECT_EQ(ending.attempts, 3U);
  EXPECT_EQ(server.accepted(), 3);
  EXPECT_EQ(requests, 0);
}

// Kept connections that the other side has given up are libcurl's business, which repeats on its own: never a write.
TEST(SentOnceOnAKeptConnection, ThatDiesAfterItsSecondRequest) {
  for (const auto& [method, expected] : {std::pair("GET", 2), std::pair("PUT", 2), std::pair("POST", 1), std::pair("MERGE", 1)}) {
    std::atomic<int> orders{0};
    LoopbackServer server([&](Peer& peer) {
      if (!peer.read_request().empty() && peer.number() > 1) ++orders;
      peer.reply("{}");
      if (peer.number() == 1 && !peer.read_request().empty()) ++orders;  // carried out; then the connection dies
    });
    ManualClock clock;
    const auto connection = plant(server.url(""), clock);
    EXPECT_EQ(send(connection, request(server.url("/v2/me"), "GET")).code, "");
    const Ending ending = send(connection, request(server.url("/v2/workorders"), method));
    EXPECT_EQ(orders, expected) << method;
    EXPECT_EQ(ending.code, expected == 2 ? "" : "offline.lost") << method;
  }
}

}  // namespace
}  // namespace switchgear

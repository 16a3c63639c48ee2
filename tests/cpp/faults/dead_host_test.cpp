// A host that is gone and comes back: what is sent meanwhile, how long a refusal takes, and who closes the breaker again.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../http/loopback_server.hpp"
#include "plant.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using testing::LoopbackServer;
using testing::Peer;
using testing::plant;

void answer_all(Peer& peer) {
  while (!peer.read_request().empty() && peer.reply("{}")) {
  }
}

/// "" or the code of the error.
std::string ask(const std::shared_ptr<Connection>& connection, const std::string& url, const std::string& entity = "work_orders",
                std::stop_token stop = {}) {
  CallServices services(connection, entity, "read");
  HttpRequest request;
  request.url = url;
  request.headers.add("Accept", "application/json");
  try {
    const auto error = services.classify(services.send(request, {}, stop));
    return error ? error->code() : "";
  } catch (const Error& error) {
    EXPECT_TRUE(error.category != Category::circuit_open || (error.nothing_sent && error.retry_after));
    return error.code();
  }
}

BreakerState state_of(const std::shared_ptr<Connection>& connection, const std::string& entity = "") {
  for (const BreakerStatus& breaker : connection->guard().breakers()) {
    if (breaker.entity == entity) return breaker.metrics.state;
  }
  return BreakerState::disabled;
}

TEST(DeadHost, OpensTheBreakerAndItsReturnClosesIt) {
  ManualClock clock;
  auto server = std::make_optional<LoopbackServer>(answer_all);
  const int port = server->port();
  const std::string url = server->url("/v2/workorders");
  const auto connection = plant(server->url(""), clock);
  EXPECT_EQ(ask(connection, url), "");
  server.reset();

  int calls = 0;
  while (state_of(connection) == BreakerState::closed && calls < 10) {
    EXPECT_EQ(ask(connection, url), "offline.connect");
    ++calls;
  }
  EXPECT_EQ(calls, 3) << "of three attempts each: ten calls are needed, and one of them was good";

  server.emplace(answer_all, port);
  std::vector<std::chrono::nanoseconds> taken;
  for (int i = 0; i < 1001; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(ask(connection, url), "circuit_open");
    taken.push_back(std::chrono::steady_clock::now() - begun);
  }
  std::nth_element(taken.begin(), taken.begin() + 500, taken.end());
  EXPECT_LT(taken[500], 1ms);
  EXPECT_EQ(server->accepted(), 0) << "nothing is sent while it is open";
  EXPECT_EQ(connection->guard().counters().refused, 1001U);

  clock.advance(30s);
  for (int probe = 0; probe < 3; ++probe) EXPECT_EQ(ask(connection, url), "");
  EXPECT_EQ(state_of(connection), BreakerState::closed);
  EXPECT_EQ(state_of(connection, "work_orders"), BreakerState::closed);
  EXPECT_EQ(server->accepted(), 1) << "on one connection that is kept";
}

// Everybody waits for the host; when it may be back, three find out.
TEST(DeadHost, ThatComesBackIsNotOverrun) {
  ManualClock clock;
  const int port = testing::closed_port();
  const std::string base = "http://127.0.0.1:" + std::to_string(port);
  const auto connection = plant(base, clock);
  while (state_of(connection) == BreakerState::closed) ask(connection, base + "/");
  clock.advance(30s);

  std::mutex mutex;
  std::condition_variable changed;
  int arrived = 0;
  int refused = 0;
  int served = 0;
  bool answers = false;
  LoopbackServer server(
      [&](Peer& peer) {
        if (peer.read_request().empty()) return;
        std::unique_lock lock(mutex);
        ++arrived;
        changed.notify_all();
        changed.wait(lock, [&] { return answers; });
        lock.unlock();
        peer.reply("{}");
      },
      port);
  std::vector<std::thread> callers;
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&] {
      const std::string code = ask(connection, base + "/");
      const std::lock_guard lock(mutex);
      if (code == "circuit_open") ++refused;
      if (code.empty()) ++served;
      changed.notify_all();
    });
  }
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, 20s, [&] { return arrived + refused == 16; }));
    EXPECT_EQ(arrived, 3);
    answers = true;
    changed.notify_all();
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(served, 3);
  EXPECT_EQ(refused, 13);
  EXPECT_EQ(state_of(connection), BreakerState::closed);
}

TEST(BrokenEntity, LeavesTheOthersAlone) {
  ManualClock clock;
  std::atomic<int> broken{0};
  LoopbackServer server([&](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      if (request.find("/vendors") == std::string::npos) {
        peer.reply("{}");
      } else {
        ++broken;
        peer.send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}");
      }
    }
  });
  const auto connection = plant(server.url(""), clock);
  for (int call = 0; call < 4; ++call) EXPECT_EQ(ask(connection, server.url("/vendors"), "vendors"), "server");
  EXPECT_EQ(state_of(connection, "vendors"), BreakerState::open);
  EXPECT_EQ(broken, 10) << "the fourth call's first attempt opened it";
  EXPECT_EQ(ask(connection, server.url("/vendors"), "vendors"), "circuit_open");
  for (int call = 0; call < 20; ++call) EXPECT_EQ(ask(connection, server.url("/orders"), "work_orders"), "");
  EXPECT_EQ(state_of(connection), BreakerState::closed);
  EXPECT_EQ(broken, 10);
}

}  // namespace
}  // namespace switchgear

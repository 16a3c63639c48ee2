#include "switchgear/webhook/sender.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "loopback_server.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using testing::LoopbackServer;
using testing::Peer;

class Sending : public ::testing::Test {
 protected:
  Sending() {
    std::string name = (std::filesystem::temp_directory_path() / "switchgear-sender-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
    folder_ = name;
    store_.emplace((folder_ / "plant.db").string(), DatabaseOptions{}, clock_);
    secrets_.emplace(*store_, Secret("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="));
  }
  ~Sending() override {
    secrets_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void add(const std::string& id, const LoopbackServer& server, const std::string& schedule = R"("default")") {
    StoredEndpoint endpoint;
    endpoint.id = id;
    endpoint.url = server.url("/" + id);
    endpoint.subnets_json = R"(["127.0.0.0/8"])";
    endpoint.schedule_json = schedule;
    EndpointStore(*store_, *secrets_).add(endpoint, key_);
  }

  void emit(int count) {
    for (int i = 0; i < count; ++i) EventStore(*store_).record({"order.urgent", R"({"n":)" + std::to_string(i) + "}"});
  }

  SenderStats drain(SenderOptions options = {}) {
    options.until_idle = true;
    WebhookSender sender(*store_, *secrets_, options);
    sender.run([] { return true; });
    return sender.stats();
  }

  std::size_t count(DeliveryState state, const std::string& endpoint = "") {
    DeliveryFilter filter;
    filter.state = state;
    filter.endpoint_id = endpoint;
    filter.limit = 100'000;
    return DeliveryStore(*store_).list(filter).size();
  }

  const std::string key_ = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0";
  std::filesystem::path folder_;
  ManualClock clock_;
  std::optional<Store> store_;
  std::optional<SecretStore> secrets_;
};

/// The ids of the requests that came in, each answered with this status.
struct Answering {
  int status = 200;
  std::mutex mutex;
  std::multiset<std::string> ids;
  LoopbackServer server{[this](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      const auto at = request.find("webhook-id: ") + 12;
      {
        const std::lock_guard lock(mutex);
        ids.insert(request.substr(at, request.find('\r', at) - at));
      }
      peer.send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 2\r\n\r\nok");
    }
  }};
};

TEST_F(Sending, ManyGoToSeveralEndpointsOnceEach) {
  Answering first, second, third;
  add("first", first.server);
  add("second", second.server);
  add("third", third.server);
  emit(200);
  const SenderStats stats = drain();
  EXPECT_EQ(stats.attempts, 600U);
  EXPECT_EQ(stats.delivered, 600U);
  EXPECT_EQ(count(DeliveryState::delivered), 600U);
  for (Answering* each : {&first, &second, &third}) {
    EXPECT_EQ(each->ids.size(), 200U);
    EXPECT_EQ(std::set(each->ids.begin(), each->ids.end()).size(), 200U);
  }
}

TEST_F(Sending, SeveralSendersShareWithoutDoubling) {
  Answering answering;
  add("ops", answering.server);
  emit(300);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { drain(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answering.ids.size(), 300U);
  EXPECT_EQ(count(DeliveryState::delivered), 300U);
}

TEST_F(Sending, WhatEndsWhileItLooksForMoreIsSettledToo) {
  Answering answering;
  add("ops", answering.server);
  for (int i = 0; i < 200; ++i) {
    emit(1);
    drain();
    ASSERT_EQ(count(DeliveryState::sending), 0U) << "in round " << i;
  }
  EXPECT_EQ(count(DeliveryState::delivered), 200U);
}

TEST_F(Sending, OneThatFailsIsAskedForEachOnceAndLeftToItsSchedule) {
  Answering failing;
  failing.status = 500;
  add("ops", failing.server);
  emit(30);
  EXPECT_EQ(drain().failed, 30U);
  EXPECT_EQ(count(DeliveryState::retry), 30U);
  EXPECT_EQ(drain().attempts, 0U);
  clock_.advance(36s);
  failing.status = 200;
  EXPECT_EQ(drain().delivered, 30U);
}

TEST_F(Sending, OneThatAsksForAPauseGetsNothingMoreWhileThatIsPutDown) {
  Answering busy;
  busy.status = 429;
  for (int i = 0; i < 60; ++i) add("busy-" + std::to_string(i), busy.server);
  emit(2);
  EXPECT_EQ(drain().attempts, 60U);
}

TEST_F(Sending, WithoutAScheduleTheFirstAttemptIsTheLast) {
  Answering failing;
  failing.status = 404;
  add("ops", failing.server, "[]");
  emit(1);
  EXPECT_EQ(drain().dead, 1U);
  const Delivery dead = DeliveryStore(*store_).list().at(0);
  EXPECT_EQ(dead.state, DeliveryState::dead);
  EXPECT_EQ(dead.status, 404);
  EXPECT_NE(dead.error.find("not_found"), std::string::npos);
}

/// Told to end, it waits for what is under way and gives back what is not; told again, it ends that, too.
TEST_F(Sending, EndsWhenToldToAndLeavesNothingBehind) {
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool released = false;
  LoopbackServer hanging([&](Peer& peer) {
    while (!peer.read_request().empty()) {
      std::unique_lock lock(mutex);
      ++waiting;
      changed.notify_all();
      changed.wait(lock, [&] { return released; });
      lock.unlock();
      peer.reply("ok");
    }
  });
  add("hangs", hanging);
  emit(50);
  int told = 0;
  SenderOptions options;
  options.timeout = 60s;
  options.lease = 130s;
  WebhookSender sender(*store_, *secrets_, options);
  sender.run([&] {
    const std::lock_guard lock(mutex);
    return waiting == 0 || ++told == 0;  // false, again and again, as soon as one is under way
  });
  EXPECT_GE(told, 2);
  EXPECT_EQ(count(DeliveryState::sending), 0U);
  EXPECT_EQ(count(DeliveryState::pending), 50U);
  {
    const std::lock_guard lock(mutex);
    released = true;
  }
  changed.notify_all();
  EXPECT_EQ(drain().delivered, 50U);
}

/// However many hang, and though nobody knew that they would.
TEST_F(Sending, ThoseThatHangDelayNoneThatAnswers) {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t hanging = 0;
  std::size_t answered = 0;
  bool released = false;
  LoopbackServer hangs([&](Peer& peer) {
    while (!peer.read_request().empty()) {
      std::unique_lock lock(mutex);
      ++hanging;
      changed.notify_all();
      changed.wait(lock, [&] { return released; });
      lock.unlock();
      peer.reply("ok");
    }
  });
  LoopbackServer answers([&](Peer& peer) {
    while (!peer.read_request().empty()) {
      peer.reply("ok");
      const std::lock_guard lock(mutex);
      ++answered;
      changed.notify_all();
    }
  });
  const auto until = [&](const auto& holds) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 60s, holds);
  };
  add("answers", answers);
  SenderOptions options;
  options.concurrency = 8;
  options.timeout = 300s;
  options.lease = 700s;
  options.poll = 5ms;
  WebhookSender sender(*store_, *secrets_, options);
  std::atomic<bool> ending = false;
  std::thread running([&] { sender.run([&] { return !ending; }); });
  emit(1);
  EXPECT_TRUE(until([&] { return answered == 1; }));
  for (int i = 0; i < 20; ++i) add("hangs-" + std::to_string(i), hangs);
  emit(1);
  EXPECT_TRUE(until([&] { return hanging == 6 && answered == 2; })) << hanging;
  emit(100);
  EXPECT_TRUE(until([&] { return answered == 102; })) << answered;
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(hanging, 6U) << "of eight";
    released = true;
  }
  changed.notify_all();
  EXPECT_TRUE(until([&] { return hanging == std::size_t{20} * 101; })) << hanging;  // once they answer, they get it all
  ending = true;
  running.join();
}

TEST_F(Sending, AnEndpointWhoseKeyIsGoneFailsWithTheReason) {
  Answering answering;
  add("ops", answering.server);
  emit(1);
  secrets_->put("endpoint/ops", R"([{"key":"env:SWITCHGEAR_NO_SUCH_VARIABLE"}])");
  EXPECT_EQ(drain().failed, 1U);
  EXPECT_NE(DeliveryStore(*store_).list().at(0).error.find("SWITCHGEAR_NO_SUCH_VARIABLE"), std::string::npos);
  EXPECT_TRUE(answering.ids.empty());
}

TEST_F(Sending, OptionsOutOfRangeAreRefused) {
  const auto code_of = [&](auto change) -> std::string {
    SenderOptions options;
    change(options);
    try {
      const WebhookSender sender(*store_, *secrets_, options);
      return "";
    } catch (const Error& error) {
      return error.code();
    }
  };
  EXPECT_EQ(code_of([](SenderOptions& options) { options.concurrency = 0; }), "config.sender");
  EXPECT_EQ(code_of([](SenderOptions& options) { options.per_endpoint = 0; }), "config.sender");
  EXPECT_EQ(code_of([](SenderOptions& options) { options.lease = options.timeout; }), "config.sender");
  EXPECT_EQ(code_of([](SenderOptions& options) { options.poll = 0ms; }), "config.sender");
  EXPECT_EQ(code_of([](SenderOptions&) {}), "");
}

}  // namespace
}  // namespace switchgear

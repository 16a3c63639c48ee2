// A resolver that hangs: libcurl asks it on a thread of its own, which cannot be interrupted.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stop_token>
#include <thread>

#include "switchgear/base/error.hpp"
#include "switchgear/http/transport.hpp"

namespace {

/// Holds every look-up of "hangs.invalid" until it is opened.
class Gate {
 public:
  void wait_inside() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    ++left_;
    changed_.notify_all();
  }
  void wait_for_arrival(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }
  void open_and_empty() {
    std::unique_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return left_ == arrived_; });
    open_ = false;
    arrived_ = left_ = 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int arrived_ = 0;
  int left_ = 0;
};

Gate gate;

}  // namespace

// Takes the place of libc's for this program and the libraries it uses.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                                                                  addrinfo** result) {
  if (node != nullptr && std::strcmp(node, "hangs.invalid") == 0) {
    gate.wait_inside();
    return EAI_NONAME;
  }
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto original = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return original(node, service, hints, result);
}

namespace switchgear {
namespace {

using namespace std::chrono_literals;

struct HangingResolver : ::testing::Test {
  HangingResolver() {
    options.proxy = "none";
    request.method = "POST";
    request.url = "http://hangs.invalid/";
  }
  ~HangingResolver() override { gate.open_and_empty(); }

  Error send(std::stop_token stop) {
    try {
      make_curl_transport(options)->send(request, stop);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return Error(Category::internal, "no error");
  }

  TransportOptions options;
  HttpRequest request;
};

TEST_F(HangingResolver, IsLeftBehindByAStopRequestWithin100Ms) {
  std::stop_source source;
  std::chrono::steady_clock::time_point asked;
  std::thread canceller([&] {
    gate.wait_for_arrival(1);
    asked = std::chrono::steady_clock::now();
    source.request_stop();
  });
  const Error error = send(source.get_token());
  const auto taken = std::chrono::steady_clock::now() - asked;
  canceller.join();
  EXPECT_EQ(error.code(), "cancelled");
  EXPECT_TRUE(error.nothing_sent);
  EXPECT_LT(taken, 100ms);
}

TEST_F(HangingResolver, IsLeftBehindByTheConnectTimeout) {
  options.timeouts.connect = 50ms;
  const Error error = send({});
  EXPECT_EQ(error.code(), "timeout.connect");
  EXPECT_TRUE(error.nothing_sent);
  EXPECT_NE(error.message.find("Resolving"), std::string::npos) << error.message;
}

}  // namespace
}  // namespace switchgear

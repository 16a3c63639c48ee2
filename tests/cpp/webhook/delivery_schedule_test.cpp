#include <gtest/gtest.h>

#include <numeric>

#include "switchgear/base/error.hpp"
#include "switchgear/webhook/sender.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

TEST(DeliverySchedule, ByDefaultDoublesUntilADayIsOver) {
  const auto pauses = delivery_pauses(R"("default")");
  ASSERT_EQ(pauses.size(), 12U);
  for (std::size_t i = 0; i + 1 < pauses.size(); ++i) EXPECT_EQ(pauses[i], 30s * (1 << i));
  EXPECT_EQ(std::accumulate(pauses.begin(), pauses.end(), microseconds(0)), 24h);
}

TEST(DeliverySchedule, TheStandardOneIsTheSpecifications) {
  const std::vector<microseconds> wanted = {5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
  EXPECT_EQ(delivery_pauses(R"("standard")"), wanted);
  EXPECT_EQ(delivery_pauses("[1, 0.5]"), (std::vector<microseconds>{1s, 500ms}));
  EXPECT_TRUE(delivery_pauses("[]").empty());
}

TEST(DeliverySchedule, EachPauseIsAFifthMoreOrLessAndTheLastIsTheLast) {
  EXPECT_EQ(next_pause("[100]", 1, 0.0), 80s);
  EXPECT_EQ(next_pause("[100]", 1, 0.5), 100s);
  EXPECT_EQ(next_pause("[100]", 1, 1.0), 120s);
  EXPECT_EQ(next_pause("[100]", 2, 0.5), std::nullopt);
  EXPECT_EQ(next_pause("[]", 1, 0.5), std::nullopt);
}

TEST(Endpoints, WhereNothingIsSentIsSaidAtOnce) {
  StoredEndpoint endpoint;
  endpoint.id = "ops";
  const auto code_of = [&](const std::string& url, const std::string& subnets = "[]") -> std::string {
    endpoint.url = url;
    endpoint.subnets_json = subnets;
    try {
      check_endpoint(endpoint, {"whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"});
      return "";
    } catch (const Error& error) {
      return error.code();
    }
  };
  EXPECT_EQ(code_of("https://ops.example/hook"), "");
  EXPECT_EQ(code_of("http://ops.example/hook"), "config.url");
  EXPECT_EQ(code_of("ftp://ops.example/hook"), "config.url");
  for (const char* host : {"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1", "169.254.169.254"}) {
    EXPECT_EQ(code_of(std::string("http://") + host + "/"), "config.address") << host;
    EXPECT_EQ(code_of(std::string("https://") + host + "/"), "config.address") << host;
  }
  EXPECT_EQ(code_of("http://127.0.0.1:8080/", R"(["127.0.0.0/8"])"), "");
  EXPECT_EQ(code_of("http://8.8.8.8/", R"(["127.0.0.0/8"])"), "config.address") << "in the clear into the open";
  EXPECT_EQ(code_of("https://ops.example/", R"(["127.0.0.0/99"])"), "config.subnet");
}

}  // namespace
}  // namespace switchgear

// The way to a real nginx, to a port where nobody listens, through a proxy, and to nowhere.
#include <gtest/gtest.h>

#include <future>
#include <memory>

#include "loopback_server.hpp"
#include "nginx_server.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {
namespace {

using testing::LoopbackServer;
using testing::NginxServer;
using testing::Peer;

TransportOptions direct() {
  TransportOptions options;
  options.proxy = "none";
  return options;
}

EndpointReport examine(const TransportOptions& options, const std::string& url, std::stop_token stop = {}) {
  return make_curl_transport(options)->examine(Url::parse(url), stop).value();
}

std::string code_of(const EndpointReport& report) { return report.error ? report.error->code() : "ok"; }

class CurlEndpoint : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { nginx = std::make_unique<NginxServer>(); }
  static void TearDownTestSuite() { nginx.reset(); }

  static TransportOptions trusting(const std::string& ca) {
    TransportOptions options = direct();
    options.tls.ca_file = nginx->file(ca);
    return options;
  }

  static std::unique_ptr<NginxServer> nginx;
};

std::unique_ptr<NginxServer> CurlEndpoint::nginx;

TEST_F(CurlEndpoint, TimesEachStepAndReadsTheCertificate) {
  const EndpointReport report = examine(trusting("ca.pem"), nginx->tls("/"));
  EXPECT_EQ(code_of(report), "ok") << report.error->describe();
  EXPECT_EQ(report.address, "127.0.0.1");
  EXPECT_EQ(report.proxy, "");
  ASSERT_TRUE(report.dns && report.connect && report.tls);
  EXPECT_GT(report.tls->count(), 0);
  ASSERT_TRUE(report.certificate);
  EXPECT_NE(report.certificate->issuer.find("CA"), std::string::npos) << report.certificate->describe();
  ASSERT_TRUE(report.certificate->valid_until);
  EXPECT_GT(*report.certificate->valid_until, Clock::system().wall());
  EXPECT_FALSE(report.certificate->names.empty());
}

TEST_F(CurlEndpoint, ShowsTheCertificateThatItRefuses) {
  const auto refused = [](const std::string& ca, const std::string& url, const std::string& word) {
    const EndpointReport report = examine(trusting(ca), url);
    EXPECT_EQ(code_of(report), "offline.tls");
    EXPECT_TRUE(report.dns && report.connect && report.tls) << "what came before is timed";
    if (!report.certificate) return ADD_FAILURE() << "no certificate";
    EXPECT_NE(report.error->message.find(word), std::string::npos) << report.error->message;
  };
  refused("ca.pem", nginx->expired(), "has expired; it shows ");
  refused("ca.pem", nginx->expired(), "valid until 2020-");
  refused("ca.pem", nginx->wrong_host(), "is for another host name; it shows ");
  refused("other-ca.pem", nginx->tls("/"), "signed by a CA that is not trusted here");
  refused("other-ca.pem", nginx->tls("/"), ", issued by ");
}

TEST(CurlEndpointWay, ANameThatIsNone) {
  const EndpointReport report = examine(direct(), "https://no-such-host.invalid/");
  EXPECT_EQ(code_of(report), "offline.dns");
  EXPECT_TRUE(report.dns);
  EXPECT_FALSE(report.connect);
  EXPECT_FALSE(report.tls);
}

TEST(CurlEndpointWay, APortWhereNobodyListens) {
  const EndpointReport report = examine(direct(), "https://127.0.0.1:" + std::to_string(testing::closed_port()) + "/");
  EXPECT_EQ(code_of(report), "offline.connect");
  EXPECT_TRUE(report.dns && report.connect) << "the step that failed is timed, too";
  EXPECT_FALSE(report.tls);
}

TEST(CurlEndpointWay, NoRequestIsSent) {
  std::promise<std::string> heard;
  LoopbackServer server([&heard](Peer& peer) { heard.set_value(peer.read_request()); });
  EXPECT_EQ(code_of(examine(direct(), server.url())), "ok");
  EXPECT_EQ(heard.get_future().get(), "") << "the connection was closed without a byte";
}

TEST(CurlEndpointWay, NamesTheProxyWithoutItsPassword) {
  TransportOptions options;
  options.proxy = "http://me:hunter2@127.0.0.1:" + std::to_string(testing::closed_port());
  const EndpointReport report = examine(options, "https://plant.invalid/");
  EXPECT_EQ(code_of(report), "offline.proxy");
  EXPECT_NE(report.proxy.find("***@127.0.0.1"), std::string::npos) << report.proxy;
  EXPECT_EQ((report.proxy + report.error->describe()).find("hunter2"), std::string::npos);
}

TEST(CurlEndpointWay, AServerThatNeverShakesHandsIsGivenUp) {
  LoopbackServer server([](Peer& peer) { peer.hang(); });
  TransportOptions options = direct();
  options.timeouts.connect = std::chrono::milliseconds(100);
  const EndpointReport report = examine(options, "https://127.0.0.1:" + std::to_string(server.port()) + "/");
  EXPECT_EQ(code_of(report), "timeout.connect");
  ASSERT_TRUE(report.tls);
  EXPECT_GE(*report.tls, std::chrono::milliseconds(50)) << "which step it hung in can be seen";
}

TEST(CurlEndpointWay, AStopRequestEndsIt) {
  std::promise<void> connected;
  LoopbackServer server([&connected](Peer& peer) {
    connected.set_value();
    peer.hang();
  });
  std::stop_source source;
  auto done = std::async(std::launch::async, [&] {
    try {
      examine(direct(), "https://127.0.0.1:" + std::to_string(server.port()) + "/", source.get_token());
      return std::string("no error");
    } catch (const Error& error) {
      return error.code();
    }
  });
  connected.get_future().wait();
  const auto asked = std::chrono::steady_clock::now();
  source.request_stop();
  EXPECT_EQ(done.get(), "cancelled");
  // Long before the connect timeout; how quick exactly is measured in faults/cancel_test.cpp.
  EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(1));
}

TEST(CertificateText, TimesAsOpenSslPrintsThem) {
  const auto time = certificate_time("Feb  1 00:00:09 2020 GMT");
  ASSERT_TRUE(time);
  EXPECT_EQ(*time, WallTime(std::chrono::seconds(1'580'515'209)));
  for (const char* text :
       {"", "Feb 30 00:00:00 2020 GMT", "Feb  1 24:00:00 2020 GMT", "eb  01 00:00:00 2020 GMT", "Feb  1 00:00:00 9999 GMT",
        "Feb -1 00:00:00 2020 GMT", "Feb  1 00:00:00 2020 CET", "Feb  1 00:00:00 20201GMT"}) {
    EXPECT_FALSE(certificate_time(text)) << text;
  }
}

TEST(CertificateText, IsFitToBeShown) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "DNS:host" + std::to_string(i) + ".example, ";
  const Certificate certificate = certificate_from(
      {{"Subject", "CN = \x1b[2Jevil\n" + std::string(10'000, 'x')}, {"X509v3 Subject Alternative Name", many}, {"Start date", "never"}});
  EXPECT_EQ(certificate.subject.find('\x1b'), std::string::npos);
  EXPECT_EQ(certificate.subject.find('\n'), std::string::npos);
  EXPECT_LE(certificate.subject.size(), 300U);
  EXPECT_EQ(certificate.names.size(), 20U);
  EXPECT_EQ(certificate.names.front(), "host0.example");
  EXPECT_FALSE(certificate.valid_from);
}

}  // namespace
}  // namespace switchgear

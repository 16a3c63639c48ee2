// Against a real nginx: certificates, HTTP/2, compression.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "nginx_server.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {
namespace {

using testing::NginxServer;

class CurlTls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { nginx = std::make_unique<NginxServer>(); }
  static void TearDownTestSuite() { nginx.reset(); }

  static TransportOptions trusting(const std::string& ca) {
    TransportOptions options;
    options.proxy = "none";
    options.tls.ca_file = nginx->file(ca);
    return options;
  }

  static HttpResponse fetch(const TransportOptions& options, const std::string& url) {
    HttpRequest request;
    request.url = url;
    return make_curl_transport(options)->send(request, {});
  }

  static Error refusal(const TransportOptions& options, const std::string& url) {
    try {
      ADD_FAILURE() << "status " << fetch(options, url).status << " instead of an error";
    } catch (const Error& error) {
      EXPECT_TRUE(error.nothing_sent) << error.describe();
      EXPECT_FALSE(error.hint.empty()) << error.describe();
      return error;
    }
    return Error(Category::internal, "no error");
  }

  static void expect(const Error& error, const std::string& code, const std::string& word) {
    EXPECT_EQ(error.code(), code) << error.describe();
    EXPECT_NE(error.describe().find(word), std::string::npos) << error.describe();
  }

  static std::unique_ptr<NginxServer> nginx;
};

std::unique_ptr<NginxServer> CurlTls::nginx;

TEST_F(CurlTls, AnOwnCaIsTrustedAndHttp2Spoken) {
  const HttpResponse response = fetch(trusting("ca.pem"), nginx->tls("/"));
  EXPECT_EQ(response.body.view(), "hello");
  EXPECT_EQ(response.http_version, "2");
  EXPECT_GT(response.timing.tls.count(), 0);
}

TEST_F(CurlTls, Http2CanBeTurnedOff) {
  TransportOptions options = trusting("ca.pem");
  options.http2 = false;
  EXPECT_EQ(fetch(options, nginx->tls("/")).http_version, "1.1");
}

TEST_F(CurlTls, CompressedRepliesArriveWhole) {
  const HttpResponse packed = fetch(trusting("ca.pem"), nginx->tls("/page.json"));
  EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.body.view(), NginxServer::page());
  EXPECT_EQ(fetch(trusting("ca.pem"), nginx->plain("/raw.json")).body.view(), NginxServer::page());
}

TEST_F(CurlTls, TheCapCountsDecompressedBytes) {
  TransportOptions options = trusting("ca.pem");
  options.max_reply_bytes = NginxServer::page().size() - 1;
  HttpRequest request;
  request.url = nginx->tls("/page.json");
  try {
    make_curl_transport(options)->send(request, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "protocol.reply_too_large");
  }
}

TEST_F(CurlTls, ConnectionsAreKeptOverHttp2) {
  const auto transport = make_curl_transport(trusting("ca.pem"));
  HttpRequest request;
  request.url = nginx->tls("/page.json");
  EXPECT_FALSE(transport->send(request, {}).timing.reused_connection);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(transport->send(request, {}).timing.reused_connection);
}

TEST_F(CurlTls, EachFaultOfACertificateHasItsOwnWords) {
  expect(refusal(trusting("ca.pem"), nginx->expired()), "offline.tls", "has expired");
  expect(refusal(trusting("ca.pem"), nginx->not_yet_valid()), "offline.tls", "not valid yet");
  expect(refusal(trusting("ca.pem"), nginx->wrong_host()), "offline.tls", "another host name");
  expect(refusal(trusting("ca.pem"), nginx->self_signed()), "offline.tls", "self-signed");
  expect(refusal(trusting("other-ca.pem"), nginx->tls("/")), "offline.tls", "CA that is not trusted here");
}

TEST_F(CurlTls, OnlyTheGivenCaIsTrusted) {
  // libcurl's compiled-in folder of CAs must not be trusted beside the file.
  expect(refusal(trusting("other-ca.pem"), nginx->tls("/")), "offline.tls", "other-ca.pem");
}

TEST_F(CurlTls, VerificationCanBeTurnedOff) {
  TransportOptions options = trusting("other-ca.pem");
  options.tls.verify = false;
  EXPECT_EQ(fetch(options, nginx->expired()).status, 200);
  EXPECT_EQ(fetch(options, nginx->wrong_host()).status, 200);
}

TEST_F(CurlTls, ABadCaFileIsConfig) {
  expect(refusal(trusting("no-such.pem"), nginx->tls("/")), "config.ca_file", "cannot be read");
  expect(refusal(trusting("www/page.json"), nginx->tls("/")), "config.ca_file", "no usable PEM");
}

TEST_F(CurlTls, TheCaFileOfTheEnvironmentIsUsedUnlessOneIsGiven) {
  TransportOptions options;
  options.proxy = "none";
  setenv("SSL_CERT_FILE", nginx->file("ca.pem").c_str(), 1);
  EXPECT_EQ(fetch(options, nginx->tls("/")).status, 200);
  expect(refusal(trusting("other-ca.pem"), nginx->tls("/")), "offline.tls", "not trusted");
  setenv("SSL_CERT_FILE", "/nowhere.pem", 1);
  expect(refusal(options, nginx->tls("/")), "config.ca_file", "/nowhere.pem");
  unsetenv("SSL_CERT_FILE");
  EXPECT_EQ(find_ca_file("/mine.pem"), "/mine.pem");
}

TEST_F(CurlTls, AClientCertificateIsPresented) {
  TransportOptions options = trusting("ca.pem");
  EXPECT_EQ(fetch(options, nginx->client_certificate_required()).status, 400);  // nginx asks in HTTP, not in TLS
  options.tls.client_cert_file = nginx->file("client.pem");
  options.tls.client_key_file = nginx->file("client.key");
  EXPECT_EQ(fetch(options, nginx->client_certificate_required()).body.view(), "CN=client");
  options.tls.client_key_file = nginx->file("client-locked.key");
  options.tls.client_key_password = "opensesame";
  EXPECT_EQ(fetch(options, nginx->client_certificate_required()).body.view(), "CN=client");
}

/// OpenSSL's own server, which asks for a client certificate in TLS itself.
class OpenSslServer {
 public:
  explicit OpenSslServer(const NginxServer& files) {
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-Verify", "1", "-verify_return_error", "-cert",
             files.file("server.pem").c_str(), "-key", files.file("server.key").c_str(), "-CAfile", files.file("ca.pem").c_str(), nullptr);
      _exit(127);
    }
    close(out[1]);
    // It says "ACCEPT 127.0.0.1:PORT" when it is ready.
    std::string said;
    char byte = 0;
    while (said.find("ACCEPT 127.0.0.1:") == std::string::npos || said.back() != '\n') {
      if (read(out[0], &byte, 1) != 1) throw std::runtime_error("openssl s_server did not start: " + said);
      said += byte;
    }
    output_ = out[0];
    port_ = std::stoi(said.substr(said.find("ACCEPT 127.0.0.1:") + 17));
  }
  OpenSslServer(const OpenSslServer&) = delete;
  OpenSslServer& operator=(const OpenSslServer&) = delete;
  ~OpenSslServer() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    close(output_);
  }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  int port_ = 0;
};

TEST_F(CurlTls, AClientCertificateThatTlsItselfAsksForIsSaid) {
  const OpenSslServer server(*nginx);
  const auto refused = [&](const TransportOptions& options) {
    try {
      fetch(options, server.url());
    } catch (const Error& error) {
      return error;
    }
    return Error(Category::internal, "no error");
  };
  // With TLS 1.3 the refusal comes after the handshake, when the request has been sent already.
  expect(refused(trusting("ca.pem")), "offline.tls", "asks for a client certificate");
  TransportOptions options = trusting("ca.pem");
  options.tls.client_cert_file = nginx->file("self.pem");
  options.tls.client_key_file = nginx->file("self.key");
  expect(refused(options), "offline.tls", "refuses the client certificate");
  options.tls.client_cert_file = nginx->file("client.pem");
  options.tls.client_key_file = nginx->file("client.key");
  EXPECT_EQ(fetch(options, server.url()).status, 200);
}

TEST_F(CurlTls, ABadClientCertificateIsConfig) {
  TransportOptions options = trusting("ca.pem");
  options.tls.client_cert_file = nginx->file("client.pem");
  options.tls.client_key_file = nginx->file("server.key");
  expect(refusal(options, nginx->client_certificate_required()), "config.client_certificate", "belong together");
  options.tls.client_key_file = nginx->file("gone.key");
  expect(refusal(options, nginx->client_certificate_required()), "config.client_certificate", "gone.key");
  options.tls.client_key_file = nginx->file("client-locked.key");
  options.tls.client_key_password = "wrong";
  const Error error = refusal(options, nginx->client_certificate_required());
  expect(error, "config.client_certificate", "needs its password");
  EXPECT_EQ(error.describe().find("wrong"), std::string::npos);
}

TEST_F(CurlTls, APinnedKeyIsHeldTo) {
  std::string pin;
  std::getline(std::ifstream(nginx->file("server.pin")) >> std::ws, pin);
  TransportOptions options = trusting("ca.pem");
  options.tls.pinned_public_key = "sha256//" + pin;
  EXPECT_EQ(fetch(options, nginx->tls("/")).status, 200);
  options.tls.pinned_public_key = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  expect(refusal(options, nginx->tls("/")), "config.pin", "another public key");
}

TEST_F(CurlTls, APlainPortIsNamedAsSuch) {
  std::string url = nginx->plain("/");
  url.replace(0, 4, "https");
  expect(refusal(trusting("ca.pem"), url), "offline.tls", "does not speak TLS");
}

}  // namespace
}  // namespace switchgear

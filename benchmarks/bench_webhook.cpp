// What verifying a webhook costs above the HMAC that it can't do without: a message of Standard Webhooks with a body of 1 KiB.
//
// usage: bench_webhook [--targets FILE]     Each number is the median of nine rounds of processor time; a ratio is the median of the
// ratios within each round. With --targets the goal and what was seen are appended to the file, in the form of targets.py.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/text.hpp"
#include "switchgear/webhook/envelope.hpp"
#include "switchgear/webhook/signature.hpp"

namespace {

using namespace switchgear;

constexpr int rounds = 9;
constexpr int calls = 100'000;

double cpu_ns() {
  std::timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class F>
double ns_per_call(F&& work) {
  const double start = cpu_ns();
  for (int i = 0; i < calls; ++i) work();
  return (cpu_ns() - start) / calls;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// OpenSSL with the key taken once, as one would write it by hand: the least that there is.
class BareHmac {
 public:
  explicit BareHmac(const std::string& key) : algorithm_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)), context_(EVP_MAC_CTX_new(algorithm_)) {
    std::string name = "SHA256";
    const std::array<OSSL_PARAM, 2> params{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
                                           OSSL_PARAM_construct_end()};
    EVP_MAC_init(context_, reinterpret_cast<const unsigned char*>(key.data()), key.size(), params.data());
  }
  ~BareHmac() {
    EVP_MAC_CTX_free(context_);
    EVP_MAC_free(algorithm_);
  }
  BareHmac(const BareHmac&) = delete;
  BareHmac& operator=(const BareHmac&) = delete;

  void compute(std::string_view text, unsigned char* digest) {
    std::size_t size = 0;
    EVP_MAC_init(context_, nullptr, 0, nullptr);
    EVP_MAC_update(context_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MAC_final(context_, digest, &size, EVP_MAX_MD_SIZE);
  }

 private:
  EVP_MAC* algorithm_;
  EVP_MAC_CTX* context_;
};

std::string body_of(std::size_t bytes) {
  std::string body = R"({"type":"sync.failed","timestamp":"2026-11-27T04:00:00Z","data":{"connection_id":"sap-mt","entities":[)";
  const std::string_view end = "]}}";
  for (int i = 0; body.size() + 60 + end.size() < bytes; ++i) {
    body += (i > 0 ? "," : "") + std::string(R"({"entity":"WorkOrders","read":)") + std::to_string(1000 + i) + R"(,"status":"ok"})";
  }
  return body.append(bytes - body.size() - end.size(), ' ').append(end);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string body = body_of(1024);
  const std::string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  const std::string key = *base64_decode(secret.substr(6));
  const WebhookVerifier verifier({secret}, {});
  Headers received = WebhookSigner({secret}, {}).sign({.body = body, .id = id});
  // What comes with every request.
  for (const char* name : {"Host", "User-Agent", "Accept", "Accept-Encoding", "Content-Type", "Content-Length", "Connection"}) {
    received.add(name, "application/json");
  }
  const std::vector<HeaderView> headers = views_of(received);
  const std::string signed_text = id + "." + std::string(*received.get("webhook-timestamp")) + "." + body;

  BareHmac keyed(key);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  std::size_t verified = 0;
  std::vector<double> bare;
  std::vector<double> one_shot;
  std::vector<double> verifying;
  std::vector<double> reading;
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    bare.push_back(ns_per_call([&] { keyed.compute(signed_text, digest.data()); }));
    one_shot.push_back(ns_per_call([&] {
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(signed_text.data()),
           signed_text.size(), digest.data(), nullptr);
    }));
    verifying.push_back(ns_per_call([&] { verified += verifier.verify({body, headers}).id.size(); }));
    reading.push_back(ns_per_call([&] {
      const WebhookMessage message{body, headers};
      verified += read_event(message, verifier.verify(message), verifier.options()).type.size();
    }));
    ratios.push_back(verifying.back() / bare.back());
  }
  std::printf("%-44s %7.0f ns\n", "OpenSSL: HMAC(), the key taken each time", median(one_shot));
  std::printf("%-44s %7.0f ns\n", "OpenSSL: the bare HMAC, the key taken once", median(bare));
  std::printf("%-44s %7.0f ns, %.2f of the bare HMAC (goal 1.5)\n", "switchgear: verify", median(verifying), median(ratios));
  std::printf("%-44s %7.0f ns\n", "switchgear: verify and read", median(reading));
  if (verified == 0) return 1;
  if (argc == 3 && std::string_view(argv[1]) == "--targets") {
    if (std::FILE* file = std::fopen(argv[2], "a")) {
      std::fprintf(file, "{\"what\": \"C++, verifying 1 KiB: x the bare HMAC\", \"seen\": %.4f, \"limit\": 1.5, \"at_least\": false}\n",
                   median(ratios));
      std::fclose(file);
    }
  }
}

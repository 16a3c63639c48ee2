// A source played by a function, behind the real connection, guard and connector.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "switchgear/connection/connection.hpp"
#include "switchgear/connector/loader.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear {

class FakeTransport final : public Transport {
 public:
  using Source = std::function<HttpResponse(const HttpRequest&)>;

  explicit FakeTransport(Source source) : source_(std::move(source)) {}

  static HttpResponse reply(int status, std::string_view body, Headers headers = {}) {
    HttpResponse response;
    response.status = status;
    response.headers = std::move(headers);
    response.headers.add("Content-Type", "application/json");
    response.body = Buffer(body);
    return response;
  }

  /// What an examination of the way finds; nothing: there is no network.
  std::function<std::optional<EndpointReport>(const Url&)> way;

  std::optional<EndpointReport> examine(const Url& url, std::stop_token) override { return way ? way(url) : std::nullopt; }

  HttpResponse send(const HttpRequest& request, std::stop_token) override {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    HttpResponse response = source_(request);
    response.url = request.url;
    return response;
  }

  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  Source source_;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
};

/// A connection of the documentation's AcmeCmms to `transport`; waits pass at once on `clock`.
inline std::shared_ptr<Connection> acme(std::shared_ptr<FakeTransport> transport, Clock& clock,
                                        std::shared_ptr<Authenticator> auth = nullptr) {
  ConnectionConfig config;
  config.id = "plant";
  config.config_json = R"({"base_url": "https://acme.example"})";
  config.secrets = {{"api_key", Secret("k-123456")}};
  config.transport = std::move(transport);
  config.auth = std::move(auth);
  return Connection::open(load_connector(ACME_CONNECTOR), std::move(config), clock);
}

}  // namespace switchgear

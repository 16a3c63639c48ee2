// What a connection gives its connector, with the source played by a function.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "switchgear/connector/plugin.hpp"

namespace switchgear {

class FakeServices final : public HostServices {
 public:
  using Source = std::function<HttpResponse(const HttpRequest&)>;

  explicit FakeServices(Source source = [](const HttpRequest&) { return reply(200, "{}"); }) : source_(std::move(source)) {}

  static HttpResponse reply(int status, std::string_view body) {
    HttpResponse response;
    response.status = status;
    response.body = Buffer(body);
    response.headers.add("Content-Type", "application/json");
    return response;
  }

  HttpResponse send(const HttpRequest& request, const std::vector<SecretUse>& given, std::stop_token) override {
    requests.push_back(request);
    uses.push_back(given);
    HttpResponse response = source_(request);
    response.url = request.url;
    last_body = response.body.data();
    return response;
  }

  std::optional<Error> classify(const HttpResponse& response) override {
    if (response.status < 400) return std::nullopt;
    Error error(response.status == 404 ? Category::not_found : Category::bad_request,
                "HTTP " + std::to_string(response.status) + ": " + response.body.str());
    error.http_status = response.status;
    return error;
  }

  std::string secret(const std::string& name) override { return "value of " + name; }
  void log(LogLevel level, std::string_view message) override { lines.emplace_back(level, message); }

  std::vector<HttpRequest> requests;
  std::vector<std::vector<SecretUse>> uses;
  std::vector<std::pair<LogLevel, std::string>> lines;
  const char* last_body = nullptr;

 private:
  Source source_;
};

/// The error that `body` throws; the test fails if it throws none.
template <class Body>
Error error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return Error(Category::internal, "the test expected an error, there was none");
}

}  // namespace switchgear

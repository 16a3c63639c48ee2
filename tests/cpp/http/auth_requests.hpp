// What the tests of authentication have in common: requests, what they hold, and what went wrong.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/http/transport.hpp"

namespace switchgear::testing {

inline std::string header(const HttpRequest& request, std::string_view name) { return std::string(request.headers.get(name).value_or("")); }

inline std::shared_ptr<Transport> transport() {
  TransportOptions options;
  options.proxy = "none";
  return make_curl_transport(options);
}

template <class Call>
Error error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(Category::internal, "no error");
}

inline HttpRequest request_to(std::string url, std::string method = "GET") {
  HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  return request;
}

}  // namespace switchgear::testing

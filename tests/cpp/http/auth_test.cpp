#include "switchgear/http/auth.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "auth_requests.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;
using testing::error_of;
using testing::header;
using testing::request_to;
using testing::transport;

TEST(BasicAuth, IsRfc7617sExampleAndIsRedacted) {
  const auto redactor = std::make_shared<Redactor>();
  BasicAuth auth("Aladdin", Secret("open sesame"), redactor);
  HttpRequest request = request_to("https://h/");
  auth.apply(request, {});
  EXPECT_EQ(header(request, "Authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(redactor->redact("Authorization: " + header(request, "Authorization") + " open sesame"), "Authorization: Basic *** ***");
  EXPECT_EQ(error_of([&] { BasicAuth("a:b", Secret("x"), redactor); }).code(), "config.auth");
}

TEST(BasicAuth, ARotatedSecretIsWorthAnotherTryAndTheSameOneIsNot) {
  const auto redactor = std::make_shared<Redactor>();
  setenv("SWITCHGEAR_TEST_PW", "old-password", 1);
  BasicAuth auth("me", Secret::env("SWITCHGEAR_TEST_PW"), redactor);
  HttpRequest request = request_to("https://h/");
  const AuthStamp used = auth.apply(request, {});
  EXPECT_FALSE(auth.refresh(used, Category::auth_expired, {}));
  setenv("SWITCHGEAR_TEST_PW", "new-password", 1);
  EXPECT_TRUE(auth.refresh(used, Category::auth_expired, {}));
  auth.apply(request, {});
  EXPECT_EQ(header(request, "Authorization"), "Basic " + base64_encode("me:new-password"));
  unsetenv("SWITCHGEAR_TEST_PW");
  EXPECT_EQ(error_of([&] { BasicAuth("me", Secret::env("SWITCHGEAR_TEST_PW"), redactor).apply(request, {}); }).category, Category::config);
}

TEST(ApiKey, GoesIntoAHeaderOrTheQuery) {
  const auto redactor = std::make_shared<Redactor>();
  ApiKey in_header(ApiKey::Place::header, "apikey", Secret("k e&y"), redactor);
  ApiKey in_query(ApiKey::Place::query, "key", Secret("k e&y"), redactor);
  HttpRequest request = request_to("https://h/x?a=1#frag");
  in_header.apply(request, {});
  EXPECT_EQ(header(request, "APIKEY"), "k e&y");
  in_query.apply(request, {});
  EXPECT_EQ(request.url, "https://h/x?a=1&key=k%20e%26y");
  EXPECT_EQ(redactor->redact(request.url), "https://h/x?a=1&key=***");
  EXPECT_EQ(with_query("https://h/x", "a", "b"), "https://h/x?a=b");
  EXPECT_EQ(with_query("https://h/x?", "a", "b"), "https://h/x?a=b");
}

}  // namespace
}  // namespace switchgear

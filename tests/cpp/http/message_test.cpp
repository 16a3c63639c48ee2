#include "switchgear/http/message.hpp"

#include <gtest/gtest.h>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

TEST(Headers, NamesCompareWithoutCase) {
  Headers headers{{"Content-Type", "application/json"}, {"Set-Cookie", "a=1"}, {"set-cookie", "b=2"}};
  EXPECT_EQ(headers.get("content-type"), "application/json");
  EXPECT_EQ(headers.get("SET-COOKIE"), "a=1");
  EXPECT_EQ(headers.all("Set-Cookie"), (std::vector<std::string_view>{"a=1", "b=2"}));
  EXPECT_FALSE(headers.contains("Content"));
}

TEST(Headers, SetReplacesEveryValueInPlace) {
  Headers headers{{"A", "1"}, {"X", "old"}, {"x", "older"}, {"B", "2"}};
  headers.set("x", "new");
  EXPECT_EQ(headers, (Headers{{"A", "1"}, {"X", "new"}, {"B", "2"}}));
  headers.set("C", "3");
  EXPECT_EQ(headers.size(), 4U);
  headers.remove("a");
  EXPECT_EQ(headers, (Headers{{"X", "new"}, {"B", "2"}, {"C", "3"}}));
}

TEST(Url, TakesApartAndNormalises) {
  const Url url = Url::parse("HTTPS://ERP.Example:8443/odata/v4?$filter=Status eq 'OPEN'&n=\xc3\xbc#frag");
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "erp.example");
  EXPECT_EQ(url.port, "8443");
  EXPECT_EQ(url.target, "/odata/v4?$filter=Status%20eq%20'OPEN'&n=%C3%BC");
  EXPECT_EQ(url.origin(), "https://erp.example:8443");
  EXPECT_EQ(Url::parse("http://h").str(), "http://h/");
  EXPECT_EQ(Url::parse("http://h:80?x=1").str(), "http://h/?x=1");
  EXPECT_EQ(Url::parse("https://h:443/a%2Fb").str(), "https://h/a%2Fb");
  EXPECT_EQ(Url::parse("http://[::1]:8080/x").host, "[::1]");
  EXPECT_EQ(Url::parse("http://[::1]:8080/x").port, "8080");
}

class BadUrl : public ::testing::TestWithParam<const char*> {};

TEST_P(BadUrl, IsRefusedAsConfig) {
  try {
    Url::parse(GetParam());
    FAIL() << GetParam();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "config.url");
    EXPECT_FALSE(error.hint.empty());
    EXPECT_EQ(error.describe().find("s3cret"), std::string::npos) << error.describe();
  }
}

INSTANTIATE_TEST_SUITE_P(Url, BadUrl,
                         ::testing::Values("", "host/path", "//host/path", "ftp://host/", "file:///etc/passwd", "http://", "http:///path",
                                           "http://:80/", "http://host:/", "http://host:0/", "http://host:65536/", "http://host:8o/",
                                           "http://a b/", "http://host\r\nX: y/", "http://host/a\nb", "http://[::1/", "http://[::1]x/",
                                           "http://[]/", "http://a\\b/", "https://user:s3cret@host/", "https://s3cret@host/",
                                           "javascript:alert(1)"));

struct Resolved {
  const char *reference, *result;
};

class Rfc3986 : public ::testing::TestWithParam<Resolved> {};

TEST_P(Rfc3986, ResolvesAgainstItsBase) {
  EXPECT_EQ(resolve_url("http://a/b/c/d;p?q", GetParam().reference), GetParam().result) << GetParam().reference;
}

// RFC 3986, 5.4.1 and 5.4.2, all of them.
INSTANTIATE_TEST_SUITE_P(
    Url, Rfc3986,
    ::testing::Values(Resolved{"g:h", "g:h"}, Resolved{"g", "http://a/b/c/g"}, Resolved{"./g", "http://a/b/c/g"},
                      Resolved{"g/", "http://a/b/c/g/"}, Resolved{"/g", "http://a/g"}, Resolved{"//g", "http://g"},
                      Resolved{"?y", "http://a/b/c/d;p?y"}, Resolved{"g?y", "http://a/b/c/g?y"}, Resolved{"#s", "http://a/b/c/d;p?q#s"},
                      Resolved{"g#s", "http://a/b/c/g#s"}, Resolved{"g?y#s", "http://a/b/c/g?y#s"}, Resolved{";x", "http://a/b/c/;x"},
                      Resolved{"g;x", "http://a/b/c/g;x"}, Resolved{"g;x?y#s", "http://a/b/c/g;x?y#s"}, Resolved{"", "http://a/b/c/d;p?q"},
                      Resolved{".", "http://a/b/c/"}, Resolved{"./", "http://a/b/c/"}, Resolved{"..", "http://a/b/"},
                      Resolved{"../", "http://a/b/"}, Resolved{"../g", "http://a/b/g"}, Resolved{"../..", "http://a/"},
                      Resolved{"../../", "http://a/"}, Resolved{"../../g", "http://a/g"}, Resolved{"../../../g", "http://a/g"},
                      Resolved{"../../../../g", "http://a/g"}, Resolved{"/./g", "http://a/g"}, Resolved{"/../g", "http://a/g"},
                      Resolved{"g.", "http://a/b/c/g."}, Resolved{".g", "http://a/b/c/.g"}, Resolved{"g..", "http://a/b/c/g.."},
                      Resolved{"..g", "http://a/b/c/..g"}, Resolved{"./../g", "http://a/b/g"}, Resolved{"./g/.", "http://a/b/c/g/"},
                      Resolved{"g/./h", "http://a/b/c/g/h"}, Resolved{"g/../h", "http://a/b/c/h"},
                      Resolved{"g;x=1/./y", "http://a/b/c/g;x=1/y"}, Resolved{"g;x=1/../y", "http://a/b/c/y"},
                      Resolved{"g?y/./x", "http://a/b/c/g?y/./x"}, Resolved{"g?y/../x", "http://a/b/c/g?y/../x"},
                      Resolved{"g#s/../x", "http://a/b/c/g#s/../x"}, Resolved{"http:g", "http:g"}));

TEST(Url, ResolvesNextLinksOfRealServices) {
  EXPECT_EQ(resolve_url("https://h/odata/v4/maintenance/WorkOrders?$top=5", "WorkOrders?$skiptoken=200"),
            "https://h/odata/v4/maintenance/WorkOrders?$skiptoken=200");
  EXPECT_EQ(resolve_url("https://h?x", "g"), "https://h/g");
  EXPECT_EQ(resolve_url("https://h/a", "?q=b:c//d"), "https://h/a?q=b:c//d");
}

}  // namespace
}  // namespace switchgear

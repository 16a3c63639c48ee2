#include "switchgear/connector/link.hpp"

#include <gtest/gtest.h>

#include "fake_services.hpp"

namespace switchgear {
namespace {

void expect_foreign(const std::string& base, const std::string& link) {
  const Error error = error_of([&] { resolve_link(base, link); });
  EXPECT_EQ(error.code(), "protocol.foreign_link") << link << ": " << error.message;
  EXPECT_NE(error.message.find(base.substr(0, base.find('/', 8))), std::string::npos) << error.message;
  EXPECT_FALSE(error.hint.empty());
}

TEST(Link, IsResolvedAgainstItsPage) {
  EXPECT_EQ(resolve_link("http://erp:4004/odata/v4/plant/", "WorkOrders?%24skiptoken=3"),
            "http://erp:4004/odata/v4/plant/WorkOrders?%24skiptoken=3");
  EXPECT_EQ(resolve_link("http://erp:4004/odata/v4/plant/WorkOrders", "Assets?p=2"), "http://erp:4004/odata/v4/plant/Assets?p=2");
  EXPECT_EQ(resolve_link("https://erp/a/b", "/c?d"), "https://erp/c?d");
  EXPECT_EQ(resolve_link("https://erp/a", "https://ERP:443/c"), "https://erp/c");
}

// SAP CAP writes its V2 links with the host "localhost", whatever it was called by.
TEST(Link, KeepsTheHostThatTheConnectionWasConfiguredWith) {
  EXPECT_EQ(resolve_link("http://127.0.0.1:4004/odata/v2/", "http://localhost:4004/odata/v2/WorkOrders?$skiptoken=2"),
            "http://127.0.0.1:4004/odata/v2/WorkOrders?$skiptoken=2");
}

// What is behind a proxy that ends TLS does not know that it is called by https.
TEST(Link, NeverLeavesTls) {
  EXPECT_EQ(resolve_link("https://erp/a", "http://erp/b?c=1"), "https://erp/b?c=1");
  EXPECT_EQ(resolve_link("https://erp:8443/a", "http://erp:8443/b"), "https://erp:8443/b");
}

TEST(Link, IsRefusedWhenItLeadsElsewhere) {
  expect_foreign("http://127.0.0.1:4004/", "http://127.0.0.1:4005/WorkOrders");
  expect_foreign("http://127.0.0.1:4004/", "http://192.0.2.7:4004/WorkOrders");
  expect_foreign("http://127.0.0.1:4004/", "//192.0.2.7:4004/WorkOrders");
  expect_foreign("http://127.0.0.1/", "http://no-such-host.invalid/WorkOrders");
  expect_foreign("http://127.0.0.1/", "file:///etc/passwd");
  expect_foreign("http://127.0.0.1/", "http://user:secret@127.0.0.1/");
  EXPECT_EQ(error_of([] { resolve_link("http://127.0.0.1/", "http://user:secret@127.0.0.1/"); }).describe().find("secret"),
            std::string::npos);
}

TEST(Link, NeedsThePageThatItStoodOn) {
  EXPECT_EQ(error_of([] { resolve_link("", "x"); }).code(), "plugin.contract");
}

}  // namespace
}  // namespace switchgear

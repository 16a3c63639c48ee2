#include "database_url.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "switchgear/base/error.hpp"

namespace switchgear::store_detail {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(DatabaseUrl, APathIsSqlite) {
  for (const auto& [text, path] : Pairs{{"plant.db", "plant.db"},
                                        {"/var/lib/a b=c.db", "/var/lib/a b=c.db"},
                                        {"sqlite:///plant.db", "plant.db"},
                                        {"sqlite:////srv/plant.db", "/srv/plant.db"},
                                        {"SQLite:///a%20b.db", "a b.db"},
                                        {":memory:", ":memory:"}}) {
    const DatabaseUrl url = DatabaseUrl::parse(text);
    EXPECT_EQ(url.kind, DatabaseKind::sqlite) << text;
    EXPECT_EQ(url.target, path);
    EXPECT_EQ(url.display, path);
  }
}

TEST(DatabaseUrl, APasswordIsNeverShown) {
  for (const auto& [text, shown] : Pairs{
           {"postgresql://sg:se%3Acret@db:5432/maint", "postgresql://sg:***@db:5432/maint"},
           {"postgres://sg:p:q@db/maint", "postgres://sg:***@db/maint"},
           {"postgresql://sg:a@b@db/maint", "postgresql://sg:***@db/maint"},
           {"postgresql://sg:secret@/maint?host=/run/pg", "postgresql://sg:***@/maint?host=/run/pg"},
           {"postgresql://db/maint?user=sg&password=secret&sslmode=require", "postgresql://db/maint?user=sg&password=***&sslmode=require"},
           {"postgresql://sg:secret@db", "postgresql://sg:***@db"},
           {"postgresql://sg@db/maint", "postgresql://sg@db/maint"},
           {"postgresql://db:5432/maint", "postgresql://db:5432/maint"}}) {
    const DatabaseUrl url = DatabaseUrl::parse(text);
    EXPECT_EQ(url.kind, DatabaseKind::postgresql) << text;
    EXPECT_EQ(url.target, text);
    EXPECT_EQ(url.display, shown);
  }
}

TEST(DatabaseUrl, WhatIsNoDatabaseIsRefusedWithTheForms) {
  for (const std::string text :
       {"", "mysql://host/db", "sqlite://plant.db", "sqlite:///", "a\"b.db", "postgresql://sg:geheim 42@db/maint"}) {
    try {
      DatabaseUrl::parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "config.store") << text;
      EXPECT_NE(error.hint.find("postgresql://"), std::string::npos);
      EXPECT_EQ(error.describe().find("geheim"), std::string::npos) << error.describe();
    }
  }
}

TEST(DatabaseUrl, ASchemeNearAKnownOneIsSuggested) {
  try {
    DatabaseUrl::parse("postgresq://host/db");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message.find("did you mean 'postgresql'?"), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace switchgear::store_detail

#include "sql_text.hpp"

#include <gtest/gtest.h>

#include <string>

#include "switchgear/base/error.hpp"

namespace switchgear::store_detail {
namespace {

TEST(SqlText, WhatMeansTheSameEverywherePasses) {
  EXPECT_NO_THROW(check_statement("select 1", {}));
  EXPECT_NO_THROW(check_statement("select a from t where b = :b and c=:c_2", {{"b", 1}, {"c_2", "x"}}));
  EXPECT_NO_THROW(check_statement("select ':no; --' , \"a:b\" from t where a in (:x, :x)", {{"x", std::monostate()}}));
  EXPECT_NO_THROW(check_statement("select 'it''s ' || :x", {{"x", "fine"}}));
}

TEST(SqlText, WhatTheyWouldTakeDifferentlyIsRefused) {
  for (const std::string sql : {"select 1; drop table t", "select 1;", "select 1 -- note", "select /* note */ 1", "select '1'::bigint",
                                "select 'open", "select :missing", "select : x"}) {
    try {
      check_statement(sql, {});
      ADD_FAILURE() << sql;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "internal.sql");
      EXPECT_NE(error.message.find(sql), std::string::npos);
    }
  }
}

TEST(SqlText, ParametersAreExactlyThoseGiven) {
  EXPECT_THROW(check_statement("select :a", {{"b", 1}}), Error);
  EXPECT_THROW(check_statement("select :a", {{"a", 1}, {"b", 1}}), Error);
  EXPECT_THROW(check_statement("select :a", {{"a", 1}, {"a", 2}}), Error);
}

TEST(SqlText, AZeroByteIsRefusedRatherThanCut) {
  try {
    check_statement("select :a", {{"a", std::string("a\0b", 3)}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "data.text");
    EXPECT_NE(error.message.find(":a"), std::string::npos);
  }
}

}  // namespace
}  // namespace switchgear::store_detail

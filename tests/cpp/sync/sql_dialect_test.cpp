#include "sql_dialect.hpp"

#include <gtest/gtest.h>

#include "adbc.hpp"

namespace switchgear::sync_detail {
namespace {

Field typed(const char* text) { return parse_type("c", text); }

std::string common(const char* a, const char* b) { return type_text(common_type(typed(a), typed(b))); }

TEST(CommonType, HoldsEveryValueOfBoth) {
  EXPECT_EQ(common("int64", "int64"), "int64");
  EXPECT_EQ(common("int64", "decimal(12,2)"), "decimal(22,2)");
  EXPECT_EQ(common("decimal(12,2)", "decimal(10,4)"), "decimal(14,4)");
  EXPECT_EQ(common("decimal(38,0)", "decimal(10,4)"), "json") << "no decimal has 42 digits";
  EXPECT_EQ(common("int64", "float64"), "float64");
  EXPECT_EQ(common("decimal(12,2)", "float64"), "json");
  EXPECT_EQ(common("utf8", "int64"), "json");
  EXPECT_EQ(common("bool", "utf8"), "json");
}

TEST(CommonType, WhatWasAlwaysNullBecomesAnything) {
  Field unknown = typed("json");
  unknown.inferred = true;
  EXPECT_EQ(type_text(common_type(unknown, typed("date"))), "date");
  EXPECT_EQ(type_text(common_type(typed("date"), unknown)), "date");
}

TEST(Names, AreQuotedAndTextIsEscaped) {
  EXPECT_EQ(sql_name("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(sql_text("it's"), "'it''s'");
  EXPECT_EQ(table_sql(SqlDialect::postgresql, "plant", "Work Orders"), "\"plant\".\"Work Orders\"");
  EXPECT_EQ(table_sql(SqlDialect::sqlite, "plant", "WorkOrders"), "\"plant__WorkOrders\"");
}

TEST(Types, LoseNothing) {
  EXPECT_EQ(column_type(SqlDialect::postgresql, typed("uint64")), "numeric(20,0)");
  EXPECT_EQ(column_type(SqlDialect::duckdb, typed("decimal(18,4)")), "decimal(18,4)");
  EXPECT_EQ(column_type(SqlDialect::duckdb, typed("timestamp")), "timestamp with time zone");
  EXPECT_EQ(column_type(SqlDialect::duckdb, typed("timestamp_local")), "timestamp");
  EXPECT_EQ(handed_over(SqlDialect::sqlite, typed("decimal(18,4)")).type, DataType::json) << "SQLite would make a double of it";
}

}  // namespace
}  // namespace switchgear::sync_detail

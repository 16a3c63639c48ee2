#include "sql_dialect.hpp"

#include <algorithm>
#include <optional>

#include "adbc.hpp"

namespace switchgear::sync_detail {
namespace {

std::string decimal_sql(const Field& field) { return "(" + std::to_string(field.precision) + "," + std::to_string(field.scale) + ")"; }

std::string duckdb_type(const Field& field) {
  switch (field.type) {
    case DataType::boolean:
      return "boolean";
    case DataType::int64:
      return "bigint";
    case DataType::uint64:
      return "ubigint";
    case DataType::float64:
      return "double";
    case DataType::binary:
      return "blob";
    case DataType::date:
      return "date";
    case DataType::time:
      return "time";
    case DataType::timestamp:
      return field.utc ? "timestamp with time zone" : "timestamp";
    case DataType::decimal:
      return "decimal" + decimal_sql(field);
    default:
      return "varchar";
  }
}

std::string postgresql_type(const Field& field) {
  switch (field.type) {
    case DataType::boolean:
      return "boolean";
    case DataType::int64:
      return "bigint";
    case DataType::uint64:
      return "numeric(20,0)";
    case DataType::float64:
      return "double precision";
    case DataType::binary:
      return "bytea";
    case DataType::date:
      return "date";
    case DataType::time:
      return "time";
    case DataType::timestamp:
      return field.utc ? "timestamp with time zone" : "timestamp";
    case DataType::decimal:
      return "numeric" + decimal_sql(field);
    default:
      return "text";
  }
}

std::string sqlite_type(const Field& field) {
  switch (field.type) {
    case DataType::boolean:
    case DataType::int64:
      return "integer";
    case DataType::float64:
      return "real";
    case DataType::binary:
      return "blob";
    default:
      return "text";
  }
}

bool is_whole(const Field& field) { return field.type == DataType::int64 || field.type == DataType::uint64; }

bool same(const Field& a, const Field& b) {
  if (a.type != b.type) return false;
  if (a.type == DataType::decimal) return a.precision == b.precision && a.scale == b.scale;
  return a.type != DataType::timestamp || a.utc == b.utc;
}

std::optional<Field> common_decimal(const Field& a, const Field& b) {
  const auto digits = [](const Field& field) { return field.type == DataType::decimal ? field.precision - field.scale : 20; };
  Field decimal = a;
  decimal.type = DataType::decimal;
  decimal.scale = std::max(a.type == DataType::decimal ? a.scale : 0, b.type == DataType::decimal ? b.scale : 0);
  decimal.precision = std::max(digits(a), digits(b)) + decimal.scale;
  if (decimal.precision > 38) return std::nullopt;
  return decimal;
}

}  // namespace

std::string plain_table(SqlDialect dialect, const std::string& schema, const std::string& table) {
  return dialect == SqlDialect::sqlite ? schema + "__" + table : table;  // SQLite has one schema only
}

std::string table_sql(SqlDialect dialect, const std::string& schema, const std::string& table) {
  const std::string name = sql_name(plain_table(dialect, schema, table));
  return dialect == SqlDialect::sqlite ? name : sql_name(schema) + "." + name;
}

std::string column_type(SqlDialect dialect, const Field& field) {
  switch (dialect) {
    case SqlDialect::duckdb:
      return duckdb_type(field);
    case SqlDialect::postgresql:
      return postgresql_type(field);
    case SqlDialect::sqlite:
      return sqlite_type(field);
  }
  return "text";
}

Field handed_over(SqlDialect dialect, const Field& field) {
  Field given = field;
  if (dialect == SqlDialect::postgresql && field.type == DataType::uint64) {
    given.type = DataType::decimal;
    given.precision = 20;
    given.scale = 0;
  }
  // SQLite would make a double of a decimal, and lose digits.
  if (dialect == SqlDialect::sqlite && (field.type == DataType::decimal || field.type == DataType::uint64)) given.type = DataType::json;
  return given;
}

Field common_type(const Field& has, const Field& more) {
  if (same(has, more)) return has;
  Field wider = has;
  wider.inferred = has.inferred || more.inferred;
  // What was inferred to be JSON because it was always null until now.
  if (has.type == DataType::json && has.inferred) return more;
  if (more.type == DataType::json && more.inferred) return has;
  const bool numbers = (is_whole(has) || has.type == DataType::decimal) && (is_whole(more) || more.type == DataType::decimal);
  if (numbers) {
    if (const auto decimal = common_decimal(has, more)) return *decimal;
  }
  if ((is_whole(has) && more.type == DataType::float64) || (has.type == DataType::float64 && is_whole(more))) {
    wider.type = DataType::float64;
    return wider;
  }
  wider.type = DataType::json;
  wider.inferred = false;
  return wider;
}

std::string widen_sql(SqlDialect dialect, const std::string& table, const Field& from, const Field& to) {
  const std::string name = sql_name(from.name);
  // Text becomes a JSON string, because beside it may stand a number.
  const bool quoted = to.type == DataType::json && (from.type == DataType::utf8 || from.type == DataType::date);
  if (dialect == SqlDialect::sqlite) {
    if (quoted) return "update " + table + " set " + name + " = json_quote(" + name + ") where " + name + " is not null";
    if (to.type != DataType::json || from.type == DataType::decimal) return {};
    if (from.type == DataType::boolean)
      return "update " + table + " set " + name + " = case " + name + " when 0 then 'false' else 'true' end where " + name + " is not null";
    return "update " + table + " set " + name + " = cast(" + name + " as text) where " + name + " is not null";
  }
  const std::string type = column_type(dialect, to);
  const std::string value = quoted ? "cast(to_json(" + name + ") as " + type + ")" : "cast(" + name + " as " + type + ")";
  return "alter table " + table + " alter column " + name + " type " + type + " using " + value;
}

std::string names_sql(const std::vector<std::string>& names, const std::string& prefix) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + prefix + sql_name(name);
  return text;
}

}  // namespace switchgear::sync_detail

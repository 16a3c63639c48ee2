#include "switchgear/data/row_filter.hpp"

#include <gtest/gtest.h>

#include "switchgear/base/error.hpp"
#include "switchgear/data/json_columns.hpp"
#include "switchgear/data/json_page.hpp"

namespace switchgear {
namespace {

Field field(std::string name, DataType type, std::vector<Field> children = {}) {
  Field result;
  result.name = std::move(name);
  result.type = type;
  result.children = std::move(children);
  return result;
}

Schema all_types() {
  Field cost = field("Cost", DataType::decimal);
  cost.precision = 23;
  cost.scale = 4;
  Field local = field("Local", DataType::timestamp);
  local.utc = false;
  return {{field("ID", DataType::int64), field("Big", DataType::uint64), field("Hours", DataType::float64), cost,
           field("Status", DataType::utf8), field("Active", DataType::boolean), field("Due", DataType::date), field("At", DataType::time),
           field("Changed", DataType::timestamp), local, field("Extra", DataType::json), field("Raw", DataType::binary),
           field("Place", DataType::structure, {field("Site", DataType::utf8), field("Floor", DataType::int64)}),
           field("Tags", DataType::list, {field("item", DataType::utf8)})}};
}

constexpr std::string_view records = R"([
  {"ID": 1, "Big": 18446744073709551615, "Hours": 1.5, "Cost": "12345678901234567.1234", "Status": "OPEN", "Active": true,
   "Due": "2026-01-31", "At": "06:00:00", "Changed": "2026-01-31T06:00:00Z", "Local": "2026-01-31T06:00:00", "Extra": {"a": 1},
   "Raw": "AAE=", "Place": {"Site": "Nord", "Floor": 2}, "Tags": ["a", null, "c"], "Odd": 1},
  {"ID": 9007199254740993, "Big": 2, "Hours": 2.5, "Cost": "12345678901234567.1235", "Status": "DONE", "Active": false,
   "Due": "2026-02-01", "At": "07:00:00", "Changed": "2026-02-01T00:00:00+01:00", "Local": "2026-02-01T00:00:00", "Extra": [1],
   "Raw": "", "Place": null, "Tags": []},
  {"ID": 3},
  {"ID": -4, "Big": 0, "Hours": -0.5, "Cost": "-1.5", "Status": "", "Active": true, "Due": "1999-12-31", "At": "23:59:59.999999",
   "Changed": "1999-12-31T23:59:59.999999Z", "Local": "1999-12-31T00:00:00", "Extra": null, "Raw": "/w==",
   "Place": {"Site": null, "Floor": -1}, "Tags": ["z"]}
])";

RecordBatch batch() {
  JsonPage page(Buffer(records), {"", {}, {}, {}, {}, ""});
  return JsonColumns(all_types()).read(page);
}

/// With `_rescued`, as the batch has it.
Schema shown() { return JsonColumns(all_types()).schema(); }

std::vector<std::int64_t> ids(const RecordBatch& rows) {
  const ::ArrowArray& column = *rows.array()->children[0];
  const auto* values = static_cast<const std::int64_t*>(column.buffers[1]) + column.offset;
  return {values, values + rows.length()};
}

std::vector<std::int64_t> kept(std::string_view conditions) {
  const RowFilter filter(parse_conditions(conditions));
  filter.check(all_types());
  return ids(filter.apply(batch(), shown()));
}

std::string refusal(std::string_view conditions) {
  try {
    kept(conditions);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "config.where");
    EXPECT_FALSE(error.message.empty());
    return error.message + " | " + error.hint;
  }
  return "not refused";
}

using Ids = std::vector<std::int64_t>;
constexpr std::int64_t beyond_double = 9007199254740993;

TEST(RowFilter, EveryTypeIsComparedByItsValue) {
  EXPECT_EQ(kept(R"([["ID", ">", 1]])"), (Ids{beyond_double, 3}));
  EXPECT_EQ(kept(R"([["Big", ">=", 2]])"), (Ids{1, beyond_double}));
  EXPECT_EQ(kept(R"([["Hours", "<", 2]])"), (Ids{1, -4}));
  EXPECT_EQ(kept(R"([["Cost", "<=", 0]])"), (Ids{-4}));
  EXPECT_EQ(kept(R"([["Status", "=", "OPEN"]])"), (Ids{1}));
  EXPECT_EQ(kept(R"([["Status", "<", "E"]])"), (Ids{beyond_double, -4}));
  EXPECT_EQ(kept(R"([["Active", "=", true]])"), (Ids{1, -4}));
  EXPECT_EQ(kept(R"([["Due", ">=", "2026-02-01"]])"), (Ids{beyond_double}));
  EXPECT_EQ(kept(R"([["At", "<", "07:00"]])"), (Ids{1}));
  EXPECT_EQ(kept(R"([["Local", "=", "2026-01-31T06:00:00"]])"), (Ids{1}));
}

TEST(RowFilter, AnInstantIsOneWhateverItsZone) {
  EXPECT_EQ(kept(R"([["Changed", "=", "2026-01-31T23:00:00Z"]])"), (Ids{beyond_double}));
  EXPECT_EQ(kept(R"([["Changed", ">=", "2026-01-31"]])"), (Ids{1, beyond_double}));
}

TEST(RowFilter, NumbersBeyondADoubleAndDecimalsAreComparedDigitForDigit) {
  EXPECT_EQ(kept(R"([["ID", "=", 9007199254740992]])"), Ids{});
  EXPECT_EQ(kept(R"([["ID", "=", 9007199254740993]])"), (Ids{beyond_double}));
  EXPECT_EQ(kept(R"([["Big", "=", 18446744073709551615]])"), (Ids{1}));
  EXPECT_EQ(kept(R"([["Cost", "=", "12345678901234567.1234"]])"), (Ids{1}));
  EXPECT_EQ(kept(R"([["Cost", ">", "12345678901234567.1234"]])"), (Ids{beyond_double}));
}

TEST(RowFilter, AValueThatTheColumnCannotHoldIsStillANumber) {
  EXPECT_EQ(kept(R"([["ID", "<", 1.5]])"), (Ids{1, -4}));
  EXPECT_EQ(kept(R"([["ID", "=", 1.5]])"), Ids{});
  EXPECT_EQ(kept(R"([["Big", ">", -1]])"), (Ids{1, beyond_double, -4}));
  EXPECT_EQ(kept(R"([["ID", "<", 1e300]])"), (Ids{1, beyond_double, 3, -4}));
  EXPECT_EQ(kept(R"([["Cost", "<", "-1.49999"]])"), (Ids{-4}));
}

TEST(RowFilter, ANullIsEqualToNothingButNull) {
  EXPECT_EQ(kept(R"([["Status", "=", null]])"), (Ids{3}));
  EXPECT_EQ(kept(R"([["Status", "!=", null]])"), (Ids{1, beyond_double, -4}));
  EXPECT_EQ(kept(R"([["Status", "!=", "OPEN"]])"), (Ids{beyond_double, 3, -4}));
  EXPECT_EQ(kept(R"([["Status", "<", "Z"]])"), (Ids{1, beyond_double, -4}));
  EXPECT_EQ(kept(R"([["Status", "in", ["OPEN", null]]])"), (Ids{1, 3}));
}

TEST(RowFilter, MixedValuesAreComparedWithTheirOwnKindOnly) {
  JsonPage page(
      Buffer(std::string_view(R"([{"ID": 1, "V": 7}, {"ID": 2, "V": "7"}, {"ID": 3, "V": true}, {"ID": 4, "V": null}, {"ID": 5, "V": [7]},
    {"ID": 6, "V": 7.5}, {"ID": 7, "V": "\u0037"}])")),
      {"", {}, {}, {}, {}, ""});
  const Schema schema{{field("ID", DataType::int64), field("V", DataType::json)}};
  JsonColumns columns(schema);
  const RecordBatch rows = columns.read(page);
  const auto of = [&](std::string_view conditions) { return ids(RowFilter(parse_conditions(conditions)).apply(rows, columns.schema())); };
  EXPECT_EQ(of(R"([["V", "=", 7]])"), (Ids{1}));
  EXPECT_EQ(of(R"([["V", ">=", 7]])"), (Ids{1, 6}));
  EXPECT_EQ(of(R"([["V", "=", "7"]])"), (Ids{2, 7}));
  EXPECT_EQ(of(R"([["V", "!=", 7]])"), (Ids{2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(of(R"([["V", "in", [true, null]]])"), (Ids{3, 4}));
  EXPECT_EQ(of(R"([["V", "!=", null]])"), (Ids{1, 2, 3, 5, 6, 7}));
}

TEST(RowFilter, AllConditionsMustHold) {
  EXPECT_EQ(kept(R"([["Active", "=", true], ["Hours", ">", 0]])"), (Ids{1}));
  EXPECT_EQ(kept(R"([["ID", "in", [1, 3]], ["ID", "!=", 1]])"), (Ids{3}));
  EXPECT_EQ(kept(R"([["ID", "in", []]])"), Ids{});
  EXPECT_EQ(kept(""), (Ids{1, beyond_double, 3, -4}));
}

TEST(RowFilter, TheRowsThatAreKeptAreWhole) {
  const RecordBatch whole = batch();
  const RecordBatch rows = RowFilter(parse_conditions(R"([["ID", "<", 5]])")).apply(whole.first(4), shown());
  ASSERT_EQ(ids(rows), (Ids{1, 3, -4}));
  // A second time, now on a batch that was cut, so that its columns begin elsewhere in memory.
  const RecordBatch cut(rows.schema(), slice(rows.array(), 1, 2));
  const RecordBatch again = RowFilter(parse_conditions(R"([["ID", "<", 0]])")).apply(cut, shown());
  ASSERT_EQ(ids(again), (Ids{-4}));
  const ::ArrowArray& columns = *again.array();
  const auto text = [](const ::ArrowArray& column) {
    const auto* offsets = static_cast<const std::int32_t*>(column.buffers[1]);
    return std::string(static_cast<const char*>(column.buffers[2]) + offsets[0], static_cast<std::size_t>(offsets[1] - offsets[0]));
  };
  EXPECT_EQ(text(*columns.children[11]), "\xff");
  EXPECT_EQ(static_cast<const std::int64_t*>(columns.children[12]->children[1]->buffers[1])[0], -1);
  EXPECT_EQ(text(*columns.children[13]->children[0]), "z");
  EXPECT_EQ(static_cast<const std::int64_t*>(columns.children[8]->buffers[1])[0], 946684799999999);
}

TEST(RowFilter, NothingIsCopiedWhereEverythingIsKept) {
  const RecordBatch whole = batch();
  EXPECT_EQ(RowFilter(parse_conditions(R"([["ID", "!=", 7]])")).apply(whole, shown()).array(), whole.array());
}

TEST(RowFilter, WhatCannotBeAskedIsRefusedByName) {
  EXPECT_NE(refusal(R"([["Statsu", "=", "OPEN"]])").find("did you mean 'Status'?"), std::string::npos);
  EXPECT_NE(refusal(R"([["ID", "=", "one"]])").find("ID = 'one' does not fit the column 'ID', which is int64"), std::string::npos);
  EXPECT_NE(refusal(R"([["Status", "=", 1]])").find("which is utf8"), std::string::npos);
  EXPECT_NE(refusal(R"([["Active", "=", 1]])").find("which is bool"), std::string::npos);
  EXPECT_NE(refusal(R"([["Due", "=", "soon"]])").find("which is date"), std::string::npos);
  EXPECT_NE(refusal(R"([["Raw", "=", "AAE="]])").find("DuckDB"), std::string::npos);
  EXPECT_NE(refusal(R"([["Place", "=", "{}"]])").find("which is struct"), std::string::npos);
  EXPECT_NE(refusal(R"([["ID", "<", null]])").find("null never holds"), std::string::npos);
  EXPECT_NE(refusal(R"([["ID", "~", 1]])").find("no operator"), std::string::npos);
  EXPECT_NE(refusal(R"([["ID", "in", 1]])").find("list of values"), std::string::npos);
  EXPECT_NE(refusal(R"([["ID", "=", [1]]])").find("no single value"), std::string::npos);
  EXPECT_NE(refusal(R"([["ID", "="]])").find("no condition"), std::string::npos);
  EXPECT_NE(refusal("{").find("no list of conditions"), std::string::npos);
}

}  // namespace
}  // namespace switchgear

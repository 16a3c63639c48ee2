#include "switchgear/data/json_columns.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

Field field(std::string name, DataType type) {
  Field result;
  result.name = std::move(name);
  result.type = type;
  return result;
}

Field decimal(std::string name, int precision, int scale) {
  Field result = field(std::move(name), DataType::decimal);
  result.precision = precision;
  result.scale = scale;
  return result;
}

Field nested(std::string name, DataType type, std::vector<Field> children) {
  Field result = field(std::move(name), type);
  result.children = std::move(children);
  return result;
}

bool is_null(const ::ArrowArray& array, std::int64_t row) {
  const auto* bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  return bits != nullptr && (bits[row / 8] >> (row % 8) & 1) == 0;
}

/// One cell as text, read from Arrow's buffers alone.
std::string cell(const ::ArrowArray& array, const Field& type, std::int64_t row) {
  if (is_null(array, row)) return "null";
  switch (type.type) {
    case DataType::boolean:
      return (static_cast<const std::uint8_t*>(array.buffers[1])[row / 8] >> (row % 8) & 1) != 0 ? "true" : "false";
    case DataType::date:
      return std::to_string(static_cast<const std::int32_t*>(array.buffers[1])[row]);
    case DataType::float64:
      return nlohmann::json(static_cast<const double*>(array.buffers[1])[row]).dump();
    case DataType::uint64:
      return std::to_string(static_cast<const std::uint64_t*>(array.buffers[1])[row]);
    case DataType::decimal:
      return std::to_string(static_cast<const std::int64_t*>(array.buffers[1])[2 * row]);  // low half: enough for the tests
    case DataType::structure: {
      std::string text = "{";
      for (std::int64_t i = 0; i < array.n_children; ++i)
        text += (i != 0 ? "," : "") + cell(*array.children[i], type.children[static_cast<std::size_t>(i)], row);
      return text + "}";
    }
    case DataType::list: {
      const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
      std::string text = "[";
      for (auto i = offsets[row]; i < offsets[row + 1]; ++i)
        text += (i != offsets[row] ? "," : "") + cell(*array.children[0], type.children[0], i);
      return text + "]";
    }
    case DataType::utf8:
    case DataType::json:
    case DataType::binary: {
      const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
      return std::string(static_cast<const char*>(array.buffers[2]) + offsets[row],
                         static_cast<std::size_t>(offsets[row + 1] - offsets[row]));
    }
    default:
      return std::to_string(static_cast<const std::int64_t*>(array.buffers[1])[row]);
  }
}

/// All cells of a page, records separated by '|', cells by ' '.
std::string table(JsonColumns& columns, std::string_view records) {
  JsonPage page(Buffer("{\"value\":" + std::string(records) + "}"), {"/value", {}, {}, {}, {}, "@"});
  const RecordBatch batch = columns.read(page);
  std::string text;
  for (std::int64_t row = 0; row < batch.length(); ++row) {
    for (std::size_t i = 0; i < columns.schema().fields.size(); ++i) {
      EXPECT_EQ(batch.array()->children[i]->length, batch.length());
      text += (i != 0 ? " " : row != 0 ? "|" : "") + cell(*batch.array()->children[i], columns.schema().fields[i], row);
    }
  }
  return text;
}

std::string read(Schema schema, std::string_view records) {
  JsonColumns columns(std::move(schema));
  return table(columns, records);
}

TEST(JsonColumns, EveryTypeFromItsUsualForm) {
  const Schema schema{{field("b", DataType::boolean), field("i", DataType::int64), field("u", DataType::uint64),
                       field("f", DataType::float64), field("t", DataType::utf8), field("x", DataType::binary), field("d", DataType::date),
                       field("c", DataType::time), field("ts", DataType::timestamp), decimal("n", 9, 3), field("j", DataType::json)}};
  EXPECT_EQ(
      read(
          schema,
          R"([{"b":true,"i":-5,"u":18446744073709551615,"f":2.5,"t":"a\"\u00e9","x":"Zm9v","d":"1970-01-02","c":"00:00:01","ts":"1970-01-01T00:00:01Z","n":1.5,"j":{"k":[1, 2]}}])"),
      "true -5 18446744073709551615 2.5 a\"\xC3\xA9 foo 1 1000000 1000000 1500 {\"k\":[1, 2]} null");
  // Numbers in quotes, as OData writes Int64 and Decimal.
  EXPECT_EQ(read({{field("i", DataType::int64), decimal("n", 9, 3), field("f", DataType::float64)}},
                 R"([{"i":"9007199254740993","n":"1.5","f":"-INF"}])"),
            "9007199254740993 1500 null null");
}

TEST(JsonColumns, WhatDoesNotFitIsRescuedWithItsOriginal) {
  const Schema schema{
      {field("i", DataType::int64), field("t", DataType::utf8), field("b", DataType::boolean), field("ts", DataType::timestamp)}};
  EXPECT_EQ(read(schema, R"([{"i":1.5,"t":7,"b":"true","ts":"2026-11-24T12:00:00"},{"i":1,"t":"x","b":false,"ts":null}])"),
            R"(null null null null {"i":1.5,"t":7,"b":"true","ts":"2026-11-24T12:00:00"}|1 x false null null)");
  EXPECT_EQ(read(schema, R"([{"i":[1,2],"t":{"a":null},"new \"one\"":[true]}])"),
            R"(null null null null {"i":[1,2],"t":{"a":null},"new \"one\"":[true]})");
}

TEST(JsonColumns, MissingExtraReorderedAndRepeatedMembers) {
  JsonColumns columns({{field("a", DataType::int64), field("b", DataType::int64), field("c", DataType::int64)}});
  EXPECT_EQ(table(columns, R"([{"a":1,"b":2,"c":3},{"c":3,"a":1},{"b":2,"z":0,"a":1,"c":3},{},{"a":1,"a":2},{"\u0061":7}])"),
            R"(1 2 3 null|1 null 3 null|1 2 3 {"z":0}|null null null null|1 null null {"a":2}|7 null null null)");
  EXPECT_EQ(columns.rescued(), 2U);
  EXPECT_EQ(table(columns, R"([{"a":1,"b":2,"c":3}])"), "1 2 3 null") << "the next page starts afresh";
}

TEST(JsonColumns, ControlMembersAreNotData) {
  EXPECT_EQ(read({{field("a", DataType::int64)}}, R"([{"@odata.etag":"W/1","a":1,"b@odata.type":"x"}])"), "1 null");
}

TEST(JsonColumns, AProjectionLeavesOthersOut) {
  JsonColumns columns({{field("a", DataType::int64)}}, {true, false});
  EXPECT_EQ(table(columns, R"([{"a":1,"b":2}])"), "1 null");
}

TEST(JsonColumns, AMemberNamedLikeTheRescueColumnIsRescued) {
  EXPECT_EQ(read({{field("a", DataType::int64)}}, R"([{"a":1,"_rescued":"mine"}])"), R"(1 {"_rescued":"mine"})");
}

TEST(JsonColumns, StructuresAndListsNest) {
  const Schema schema{{nested("addr", DataType::structure, {field("city", DataType::utf8), field("zip", DataType::int64)}),
                       nested("tags", DataType::list, {field("item", DataType::int64)}),
                       nested("rows", DataType::list, {nested("item", DataType::structure, {field("q", DataType::int64)})})}};
  EXPECT_EQ(
      read(
          schema,
          R"([{"addr":{"city":"Ulm","zip":89073},"tags":[1,2,3],"rows":[{"q":1},{"q":2}]},{"addr":null,"tags":[],"rows":null},{"tags":[4],"addr":{"zip":1}}])"),
      "{Ulm,89073} [1,2,3] [{1},{2}] null|null [] null null|{null,1} [4] null null");
  EXPECT_EQ(read(schema, R"([{"addr":{"city":7,"x":[1],"zip":1,"zip":2},"tags":[1,"two",3],"rows":[{"q":"a"},5]}])"),
            R"({null,1} [1,null,3] [{null},null] {"addr/city":7,"addr/x":[1],"addr/zip":2,"tags/1":"two","rows/0/q":"a","rows/1":5})");
  EXPECT_EQ(read(schema, R"([{"addr":[1],"tags":{"a":1},"rows":"x"}])"), R"(null null null {"addr":[1],"tags":{"a":1},"rows":"x"})");
}

TEST(JsonColumns, NamesThatNeedEscapes) {
  EXPECT_EQ(read({{field("a\"b\n", DataType::int64)}}, R"([{"a\"b\u000a":1},{"a\"b\n":2}])"), "1 null|2 null");
}

TEST(JsonColumns, BrokenRecordsNameThePlace) {
  const auto failure = [](std::string_view records) -> std::string {
    try {
      read({{field("a", DataType::int64), field("t", DataType::utf8)}}, records);
    } catch (const Error& error) {
      EXPECT_EQ(error.category, Category::protocol) << error.describe();
      return error.describe();
    }
    return "no error";
  };
  EXPECT_NE(failure(R"([{"a":1},{"a":nul}])").find("record 1 of the reply"), std::string::npos);
  EXPECT_NE(failure(R"([{"a":1},{"a" 2}])").find("record 1 of the reply"), std::string::npos);
  EXPECT_NE(failure(R"([{"a":1} {"a":2}])").find("protocol.json"), std::string::npos);
  EXPECT_NE(failure(R"([{"x":[1 2]}])").find("protocol.json"), std::string::npos);
  EXPECT_NE(failure(R"([{"t":"\q"}])").find("protocol.json"), std::string::npos);
  EXPECT_NE(failure(R"([{"a":1},17])").find("record 1 of the reply is not an object but '17'"), std::string::npos);
  EXPECT_NE(failure(R"([{"a":tru}])").find("protocol.json"), std::string::npos);
}

TEST(JsonColumns, HalfASurrogatePairIsRescued) {
  EXPECT_EQ(read({{field("t", DataType::utf8)}}, R"([{"t":"x\ud800"}])"), R"(null {"t":"x\ud800"})");
}

TEST(JsonColumns, AFailedPageLeavesNothingBehind) {
  JsonColumns columns({{field("a", DataType::int64), field("t", DataType::utf8)}});
  EXPECT_THROW(table(columns, R"([{"a":1,"t":"x","z":1},{"a":tru}])"), Error);
  EXPECT_EQ(table(columns, R"([{"a":2,"t":"y"}])"), "2 y null");
}

TEST(JsonColumns, NamesWithoutEndDoNotFillMemory) {
  JsonColumns columns({{field("a", DataType::int64)}});
  for (int page = 0; page < 20; ++page) {
    std::string records = "[";
    for (int i = 0; i < 1000; ++i) records += (i != 0 ? "," : "") + std::string("{\"a\":1,\"n") + std::to_string(page * 1000 + i) + "\":0}";
    const std::string rows = table(columns, records + "]");
    EXPECT_EQ(std::count(rows.begin(), rows.end(), '|'), 999);
  }
  EXPECT_EQ(table(columns, R"([{"a":1}])"), "1 null");
}

// Whatever the values, each is in its column or, as it was, in _rescued.
TEST(JsonColumns, NothingIsLostInRandomRecords) {
  std::mt19937_64 random(11);
  const Schema schema{{field("i", DataType::int64), field("f", DataType::float64), field("t", DataType::utf8),
                       field("b", DataType::boolean), field("j", DataType::json)}};
  JsonColumns columns(schema);
  const auto random_value = [&random]() -> nlohmann::json {
    switch (random() % 8) {
      case 0:
        return nullptr;
      case 1:
        return static_cast<std::int64_t>(random());
      case 2:
        return static_cast<double>(random() % 1000) / 8;
      case 3:
        return "text \"" + std::to_string(random() % 100) + "\" \n\xC3\x9F";
      case 4:
        return random() % 2 == 0;
      case 5:
        return nlohmann::json::array({1, "x", nullptr});
      case 6:
        return nlohmann::json::object({{"k", random() % 10}});
      default:
        return std::to_string(random());
    }
  };
  for (int round = 0; round < 50; ++round) {
    nlohmann::json records = nlohmann::json::array();
    for (int i = 0; i < 40; ++i) {
      nlohmann::json record = nlohmann::json::object();
      for (const char* name : {"i", "f", "t", "b", "j", "extra"}) {
        if (random() % 4 != 0) record[name] = random_value();
      }
      records.push_back(record);
    }
    JsonPage page(Buffer(nlohmann::json({{"value", records}}).dump()), {"/value", {}, {}, {}, {}, ""});
    const RecordBatch batch = columns.read(page);
    ASSERT_EQ(batch.length(), 40);
    for (std::int64_t row = 0; row < batch.length(); ++row) {
      const std::string rescued = cell(*batch.array()->children[5], columns.schema().fields[5], row);
      const nlohmann::json other = rescued == "null" ? nlohmann::json::object() : nlohmann::json::parse(rescued);
      for (const auto& [name, value] : records[static_cast<std::size_t>(row)].items()) {
        if (other.contains(name)) {
          EXPECT_EQ(other[name], value);
          continue;
        }
        const Field* column = schema.find(name);
        ASSERT_NE(column, nullptr) << name;
        const std::string text = cell(*batch.array()->children[column - schema.fields.data()], *column, row);
        if (column->type == DataType::utf8) {
          EXPECT_EQ(value.is_null() ? "null" : value.get<std::string>(), text);
        } else if (value.is_string() && column->type != DataType::json) {
          EXPECT_EQ(nlohmann::json::parse(value.get<std::string>()), nlohmann::json::parse(text));  // a number in quotes
        } else {
          EXPECT_EQ(nlohmann::json::parse(text), value) << name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace switchgear

#include "switchgear/data/page_columns.hpp"

#include <gtest/gtest.h>

#include <random>

#include "column_builder.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/data/unify.hpp"

namespace switchgear {
namespace {

JsonPage page(std::string_view records) {
  return JsonPage(Buffer("{\"value\":" + std::string(records) + "}"), {"/value", {}, {}, {}, {}, "@"});
}

bool is_null(const ::ArrowArray& array, std::int64_t row) {
  const auto* bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  return bits != nullptr && (bits[row / 8] >> (row % 8) & 1) == 0;
}

std::string cell(const ::ArrowArray& array, const Field& type, std::int64_t row) {
  row += array.offset;
  if (is_null(array, row)) return "null";
  const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
  std::string text;
  switch (type.type) {
    case DataType::boolean:
      return (static_cast<const std::uint8_t*>(array.buffers[1])[row / 8] >> (row % 8) & 1) != 0 ? "true" : "false";
    case DataType::float64:
      return "f" + std::to_string(static_cast<const double*>(array.buffers[1])[row]);
    case DataType::decimal:
      return "d" + std::to_string(static_cast<const std::int64_t*>(array.buffers[1])[2 * row]) + "e-" + std::to_string(type.scale);
    case DataType::structure:
      for (std::int64_t i = 0; i < array.n_children; ++i)
        text += (i != 0 ? "," : "") + cell(*array.children[i], type.children[static_cast<std::size_t>(i)], row);
      return "{" + text + "}";
    case DataType::list:
      for (auto i = offsets[row]; i < offsets[row + 1]; ++i)
        text += (i != offsets[row] ? "," : "") + cell(*array.children[0], type.children[0], i);
      return "[" + text + "]";
    case DataType::utf8:
    case DataType::json:
      return {static_cast<const char*>(array.buffers[2]) + offsets[row], static_cast<std::size_t>(offsets[row + 1] - offsets[row])};
    case DataType::date:
      return "day" + std::to_string(static_cast<const std::int32_t*>(array.buffers[1])[row]);
    default:
      return std::to_string(static_cast<const std::int64_t*>(array.buffers[1])[row]);
  }
}

/// "a:int64 _rescued:json = 1 null|2 null"
std::string text_of(const RecordBatch& batch) {
  const Schema schema = from_arrow_schema(*batch.schema());
  std::string text;
  for (const Field& field : schema.fields) text += field.name + ":" + type_text(field) + " ";
  text += "=";
  for (std::int64_t row = 0; row < batch.length(); ++row) {
    text += row != 0 ? "|" : " ";
    for (std::size_t i = 0; i < schema.fields.size(); ++i) {
      EXPECT_EQ(batch.array()->children[i]->length, batch.length());
      text += (i != 0 ? " " : "") + cell(*batch.array()->children[i], schema.fields[i], row);
    }
  }
  return text;
}

PageColumnsOptions mode(SchemaMode how, Nested nested = Nested::as_declared) {
  PageColumnsOptions options;
  options.mode = how;
  options.nested = nested;
  return options;
}

/// Reads pages, of which the first is looked at; then all of them unified.
struct Listing {
  explicit Listing(PageColumnsOptions options) : columns(std::move(options)) {}

  std::string read(std::string_view records) {
    const JsonPage next = page(records);
    if (!columns.settled()) {
      columns.look_at(next, 1000);
      columns.settle();
    }
    batches.push_back(columns.read(next));
    return text_of(batches.back());
  }

  std::vector<std::string> unified() const {
    std::vector<std::string> texts;
    for (const RecordBatch& batch : unify(batches, columns.arrow_schema())) texts.push_back(text_of(batch));
    return texts;
  }

  PageColumns columns;
  std::vector<RecordBatch> batches;
};

TEST(PageColumns, EvolvingColumnsWidenAndNewOnesAreAdded) {
  Listing listing(mode(SchemaMode::evolve));
  EXPECT_EQ(listing.read(R"([{"a":1,"b":true}])"), "a:int64 b:bool _rescued:json = 1 true null");
  EXPECT_EQ(listing.read(R"([{"a":2.5,"b":null}])"), "a:float64 b:bool _rescued:json = f2.500000 null null");
  EXPECT_EQ(listing.read(R"([{"a":"x","b":false,"c":[1]}])"), "a:json b:bool c:json _rescued:json = \"x\" false [1] null");
  EXPECT_EQ(listing.columns.rescued(), 0U);
  const std::string head = "a:json b:bool c:json _rescued:json = ";
  EXPECT_EQ(listing.unified(),
            (std::vector<std::string>{head + "1 true null null", head + "2.5 null null null", head + "\"x\" false [1] null"}));
}

TEST(PageColumns, EachWideningKeepsEveryValue) {
  const std::vector<std::vector<std::string>> cases = {
      {R"([{"a":7},{"a":null}])", R"([{"a":18446744073709551615}])", "a:uint64 _rescued:json = 7 null|null null"},
      {R"([{"a":-9007199254740993}])", R"([{"a":0.25}])", "a:decimal(38,2) _rescued:json = d-900719925474099300e-2 null"},
      {R"([{"a":9007199254740992}])", R"([{"a":0.25}])", "a:float64 _rescued:json = f9007199254740992.000000 null"},
      {R"([{"a":-0.1},{"a":1e300}])", R"([{"a":"x"}])", "a:json _rescued:json = -0.1 null|1e+300 null"},
      {R"([{"a":12345678901234567.25}])", R"([{"a":"x"}])", "a:json _rescued:json = 12345678901234567.25 null"},
      {R"([{"a":-0.0012345678901234567}])", R"([{"a":true}])", "a:json _rescued:json = -0.0012345678901234567 null"},
      {R"([{"a":true},{"a":false}])", R"([{"a":1}])", "a:json _rescued:json = true null|false null"},
      {R"([{"a":"2024-02-29"},{"a":"0001-01-01"}])", R"([{"a":"soon"}])", "a:utf8 _rescued:json = 2024-02-29 null|0001-01-01 null"},
      {R"([{"a":"2024-02-29"}])", R"([{"a":1}])", "a:json _rescued:json = \"2024-02-29\" null"},
      {R"([{"a":"q\"\\\n\u0001ä"}])", R"([{"a":1}])", "a:json _rescued:json = \"q\\\"\\\\\\u000a\\u0001ä\" null"},
      {R"([{"a":null}])", R"([{"a":1}])", "a:int64 _rescued:json = null null"},
  };
  for (const auto& c : cases) {
    Listing listing(mode(SchemaMode::evolve));
    listing.read(c[0]);
    listing.read(c[1]);
    EXPECT_EQ(listing.unified().front(), c[2]);
    EXPECT_EQ(listing.columns.rescued(), 0U) << c[1];
  }
}

// Was 52164475188106328.0: all digits of the double, not those that were sent.
TEST(PageColumns, ALargeDoubleIsWrittenAsItWasSent) {
  Listing listing(mode(SchemaMode::evolve));
  listing.read(R"([{"a":5.216447518810633e+16},{"a":-1e22},{"a":2251799813685249.5},{"a":1e15},{"a":0.0}])");
  listing.read(R"([{"a":-0.10000000000000001}])");
  EXPECT_EQ(listing.unified().front(),
            "a:json _rescued:json = 5.216447518810633e+16 null|-1e+22 null|2251799813685249.5 null|1e+15 null|0.0 null");
}

TEST(PageColumns, AnInstantsColumnStaysOne) {
  Listing listing(mode(SchemaMode::evolve));
  listing.read(R"([{"a":"2026-01-01T02:00:00+02:00"}])");
  EXPECT_EQ(listing.read(R"([{"a":"soon"}])"), "a:timestamp _rescued:json = null {\"a\":\"soon\"}");
  EXPECT_EQ(listing.columns.rescued(), 1U);
}

TEST(PageColumns, FrozenColumnsRescue) {
  Listing listing(mode(SchemaMode::frozen));
  listing.read(R"([{"a":1,"b":0.5}])");
  EXPECT_EQ(listing.read(R"([{"a":2.5,"b":1,"c":{}},{"a":"1","b":0.10000000000000001}])"),
            R"(a:int64 b:float64 _rescued:json = null f1.000000 {"a":2.5,"c":{}}|null null {"a":"1","b":0.10000000000000001})");
  EXPECT_EQ(listing.columns.rescued(), 2U);
}

TEST(PageColumns, StrictColumnsRefuseAndSayWhat) {
  const auto failure = [](std::string_view records) {
    Listing listing(mode(SchemaMode::strict, Nested::structure));
    listing.read(R"([{"a":1,"o":{"p":true}}])");
    try {
      listing.read(records);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "data.schema");
      EXPECT_FALSE(error.hint.empty());
      return error.message;
    }
    return std::string("no error");
  };
  EXPECT_EQ(failure(R"([{"a":2},{"a":2.5}])"), "record 1 of the reply: column 'a' is int64 and has no room for '2.5'");
  EXPECT_EQ(failure(R"([{"a":2,"new":"x"}])"),
            "record 0 of the reply: there is no column for 'new' (or it stands there twice), which is '\"x\"'");
  EXPECT_EQ(failure(R"([{"o":{"p":1}}])"), "record 0 of the reply: column 'o/p' is bool and has no room for '1'");
  EXPECT_EQ(failure(R"([{"a":NaN}])"), "record 0 of the reply: column 'a' is int64 and has no room for '\"NaN\"'");
  EXPECT_EQ(failure(R"([{"a":null,"@etag":1},{}])"), "no error");
}

TEST(PageColumns, DeclaredTypesHold) {
  PageColumnsOptions options = mode(SchemaMode::evolve);
  options.schema = Schema{{parse_type("a", "int64")}};
  Listing listing(options);
  EXPECT_EQ(listing.read(R"([{"a":"x","b":1}])"), R"(a:int64 b:int64 _rescued:json = null 1 {"a":"x"})");
  options.mode.reset();
  Listing usual(options);
  EXPECT_EQ(usual.read(R"([{"a":1,"b":1}])"), R"(a:int64 _rescued:json = 1 {"b":1})")
      << "a source that declares its columns is taken at its word";
}

TEST(PageColumns, NotANumber) {
  PageColumnsOptions options;
  options.schema = Schema{{parse_type("f", "float64"), parse_type("d", "decimal(5,2)"), parse_type("j", "json")}};
  Listing declared(options);
  EXPECT_EQ(
      declared.read(R"([{"f":NaN,"d":NaN,"j":-Infinity},{"f":"INF","d":1,"j":[NaN,{"x":"NaN"}]}])"),
      R"(f:float64 d:decimal(5,2) j:json _rescued:json = fnan null null {"d":"NaN","j":"-Infinity"}|finf d100e-2 null {"j":["NaN",{"x":"NaN"}]})");
  Listing inferred(mode(SchemaMode::evolve));
  EXPECT_EQ(inferred.read(R"([{"f":1.5},{"f":NaN}])"), R"(f:float64 _rescued:json = f1.500000 null|null {"f":"NaN"})");
  EXPECT_EQ(inferred.read(R"([{"f":"NaN"}])"), "f:json _rescued:json = \"NaN\" null") << "text among numbers";
  EXPECT_THROW(inferred.read(R"([{"f":nope}])"), Error);
}

TEST(PageColumns, EpochsWhereTheyAreDeclared) {
  PageColumnsOptions options;
  options.overrides = {parse_type("ms", "epoch_ms"), parse_type("s", "epoch_s")};
  Listing listing(options);
  EXPECT_EQ(listing.read(R"([{"ms":1511518000000,"s":-1.5,"n":1511518000000},{"ms":"0","s":1e3,"n":0},
                             {"ms":"2017-11-24T10:06:40Z","s":0.0000001},{"ms":1e20,"s":999999999999}])"),
            "ms:timestamp s:timestamp n:int64 _rescued:json = 1511518000000000 -1500000 1511518000000 null|0 1000000000 0 null|"
            R"(1511518000000000 null null {"s":0.0000001}|null null null {"ms":1e20,"s":999999999999})");
}

TEST(PageColumns, AnOverrideThatNobodyHasSeenIsASlip) {
  PageColumnsOptions options;
  options.overrides = {parse_type("Cots", "decimal(5,2)")};
  Listing listing(options);
  try {
    listing.read(R"([{"Cost":1}])");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "config.column");
    EXPECT_EQ(error.message, "schema= names the column 'Cots', which none of the first 1 records has, did you mean 'Cost'?");
    EXPECT_NE(error.hint.find("decimal(5,2)?"), std::string::npos);
  }
  options.overrides = {parse_type("Later", "decimal(5,2)?")};
  Listing patient(options);
  EXPECT_EQ(patient.read(R"([{"Cost":1}])"), "Cost:int64 Later:decimal(5,2) _rescued:json = 1 null null");
  EXPECT_EQ(patient.read(R"([{"Later":1.5}])"), "Cost:int64 Later:decimal(5,2) _rescued:json = null d150e-2 null");
}

TEST(PageColumns, NestedValuesInEachForm) {
  const std::string_view first = R"([{"id":1,"Location":{"Site":"Ulm","Floor":{"No":2}},"Tags":["a"]},{"id":2,"Location":null}])";
  const std::string_view second = R"([{"id":3,"Location":{"Site":5,"Floor":{"No":0.5},"Bay":true},"Tags":[1]}])";
  Listing text(mode(SchemaMode::evolve));
  EXPECT_EQ(text.read(first),
            R"(id:int64 Location:json Tags:json _rescued:json = 1 {"Site":"Ulm","Floor":{"No":2}} ["a"] null|2 null null null)");
  Listing structures(mode(SchemaMode::evolve, Nested::structure));
  EXPECT_EQ(structures.read(first),
            "id:int64 Location:struct<Site: utf8, Floor: struct<No: int64>> Tags:list<utf8> _rescued:json = 1 {Ulm,{2}} [a] null|2 null "
            "null null");
  EXPECT_EQ(structures.read(second),
            "id:int64 Location:struct<Site: json, Floor: struct<No: float64>, Bay: bool> Tags:list<json> _rescued:json = "
            "3 {5,{f0.500000},true} [1] null");
  EXPECT_EQ(structures.unified().front(),
            "id:int64 Location:struct<Site: json, Floor: struct<No: float64>, Bay: bool> Tags:list<json> _rescued:json = "
            "1 {\"Ulm\",{f2.000000},null} [\"a\"] null|2 null null null");
  Listing flat(mode(SchemaMode::evolve, Nested::flatten));
  EXPECT_EQ(flat.read(first),
            "id:int64 Location_Site:utf8 Location_Floor_No:int64 Tags:list<utf8> _rescued:json = 1 Ulm 2 [a] null|2 null null null null");
  EXPECT_EQ(flat.read(second),
            "id:int64 Location_Site:json Location_Floor_No:float64 Location_Bay:bool Tags:list<json> _rescued:json = 3 5 f0.500000 true "
            "[1] null");
  EXPECT_EQ(flat.unified().front(),
            "id:int64 Location_Site:json Location_Floor_No:float64 Location_Bay:bool Tags:list<json> _rescued:json = "
            "1 \"Ulm\" f2.000000 null [\"a\"] null|2 null null null null null");
}

TEST(PageColumns, FlatNamesThatAreTaken) {
  Listing listing(mode(SchemaMode::evolve, Nested::flatten));
  EXPECT_EQ(listing.read(R"([{"a":{"b_c":1,"b":{"c":2}},"a_b":3,"a_b_c":4}])"),
            "a_b_c_2:int64 a_b_c_3:int64 a_b:int64 a_b_c:int64 _rescued:json = 1 2 3 4 null");
  EXPECT_EQ(listing.read(R"([{"a_b_c_2":true}])"),
            "a_b_c_2:int64 a_b_c_3:int64 a_b:int64 a_b_c:int64 a_b_c_2_2:bool _rescued:json = null null null null true null")
      << "who has a name keeps it";
}

TEST(PageColumns, WhatWasAlwaysNullMayBecomeAStructureAndBeFlattened) {
  Listing listing(mode(SchemaMode::evolve, Nested::flatten));
  EXPECT_EQ(listing.read(R"([{"o":null}])"), "o:json _rescued:json = null null");
  EXPECT_EQ(listing.read(R"([{"o":{"a":1}}])"), "o_a:int64 _rescued:json = 1 null");
  EXPECT_EQ(listing.unified().front(), "o_a:int64 _rescued:json = null null");
}

TEST(PageColumns, SlicedBatchesAreUnifiedToo) {
  Listing listing(mode(SchemaMode::evolve, Nested::structure));
  listing.read(R"([{"a":1,"o":{"x":1},"l":[1]},{"a":null,"o":null,"l":[2,3]},{"a":3,"o":{"x":3},"l":null}])");
  RecordBatch whole = listing.batches.front();
  listing.batches.front() = {whole.schema(), slice(whole.array(), 1, 2)};
  listing.read(R"([{"a":"x","o":{"x":true,"y":1},"l":["z"]}])");
  EXPECT_EQ(listing.unified().front(),
            "a:json o:struct<x: json, y: int64> l:list<json> _rescued:json = null null [2,3] null|3 {3,null} null null");
}

TEST(Unify, RefusesWhatWouldLose) {
  Listing listing(mode(SchemaMode::evolve));
  listing.read(R"([{"a":"2026-01-01T00:00:00Z"}])");
  try {
    unify(listing.batches, to_arrow_schema({{parse_type("a", "utf8"), parse_type("_rescued", "json")}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "data.schema");
    EXPECT_EQ(error.message, "column 'a' is timestamp in one page and utf8 in another, and can't become that without loss");
  }
}

}  // namespace
}  // namespace switchgear

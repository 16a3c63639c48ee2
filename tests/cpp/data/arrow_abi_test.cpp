#include "switchgear/data/arrow_abi.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "column_builder.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/data/record_batch.hpp"

namespace switchgear {
namespace {

Schema all_types() {
  Schema schema;
  for (int type = 0; type <= static_cast<int>(DataType::decimal); ++type) {
    Field field;
    field.type = static_cast<DataType>(type);
    field.name = to_string(field.type);
    schema.fields.push_back(field);
  }
  schema.fields.back().precision = 23;
  schema.fields.back().scale = 4;
  Field structure;
  structure.name = "struct";
  structure.type = DataType::structure;
  structure.children = schema.fields;
  Field list;
  list.name = "list";
  list.type = DataType::list;
  list.children = {structure};
  schema.fields.push_back(structure);
  schema.fields.push_back(list);
  return schema;
}

RecordBatch numbers(std::int64_t rows) {
  Field number;
  number.name = "n";
  number.type = DataType::int64;
  Field text;
  text.name = "t";
  std::vector<ColumnBuilder> columns;
  columns.emplace_back(number);
  columns.emplace_back(text);
  for (std::int64_t i = 0; i < rows; ++i) {
    i % 3 == 0 ? columns[0].append_null() : columns[0].append(i);
    columns[1].append_text("row " + std::to_string(i));
  }
  return RecordBatch(to_arrow_schema({{number, text}}), finish_columns(columns, rows));
}

TEST(ArrowSchema, GoesOutAndComesBackUnchanged) {
  const Schema schema = all_types();
  ::ArrowSchema out{};
  share(to_arrow_schema(schema), &out);  // the original's last owner but `out` is gone
  EXPECT_EQ(from_arrow_schema(out), schema);
  EXPECT_STREQ(out.children[9]->format, "d:23,4");
  EXPECT_STREQ(out.children[8]->format, "tsu:UTC");
  out.release(&out);
  EXPECT_EQ(out.release, nullptr);
}

TEST(ArrowSchema, AnUnknownTypeNamesItsColumn) {
  ::ArrowSchema out{};
  share(to_arrow_schema(all_types()), &out);
  const char* saved = out.children[0]->format;
  out.children[0]->format = "w:16";
  try {
    from_arrow_schema(out);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.describe().find("column 'bool' has the Arrow type 'w:16'"), std::string::npos) << error.describe();
  }
  out.children[0]->format = saved;
  out.release(&out);
}

TEST(ArrowArray, AConsumerMayMoveAChildOutAndOutliveTheBatch) {
  ::ArrowArray out{};
  {
    const RecordBatch batch = numbers(10);
    share(batch.array(), &out);
  }
  ::ArrowArray child = *out.children[1];
  out.children[1]->release = nullptr;  // moved, as the specification says
  out.release(&out);
  const auto* offsets = static_cast<const std::int32_t*>(child.buffers[1]);
  EXPECT_EQ(std::string(static_cast<const char*>(child.buffers[2]) + offsets[9], 5), "row 9");
  child.release(&child);
}

TEST(ArrowArray, SlicesShareTheMemory) {
  const RecordBatch batch = numbers(10);
  const RecordBatch part = batch.first(4);
  EXPECT_EQ(part.length(), 4);
  EXPECT_EQ(part.array()->children[0]->length, 4) << "pyarrow takes the children's word for it";
  EXPECT_EQ(part.array()->children[0]->buffers[1], batch.array()->children[0]->buffers[1]);
  EXPECT_EQ(batch.first(99).length(), 10);
  EXPECT_LT(part.bytes(), batch.bytes() + 1);
}

TEST(ArrowStream, EndsReportsAndReleases) {
  int left = 2;
  ::ArrowArrayStream stream{};
  const RecordBatch batch = numbers(5);
  make_stream(
      batch.schema(),
      [&]() -> SharedArrowArray {
        if (left-- > 0) return batch.array();
        throw Error(Category::offline, "lost", "the source went away");
      },
      &stream);
  ::ArrowArray array{};
  EXPECT_EQ(stream.get_next(&stream, &array), 0);
  EXPECT_EQ(array.length, 5);
  array.release(&array);
  EXPECT_EQ(stream.get_next(&stream, &array), 0);
  array.release(&array);
  EXPECT_NE(stream.get_next(&stream, &array), 0);
  EXPECT_STREQ(stream.get_last_error(&stream), "offline.lost: the source went away");
  stream.release(&stream);
}

TEST(ColumnBuilder, ValidityBeginsWithTheFirstNull) {
  Field number;
  number.type = DataType::int64;
  ColumnBuilder column(number);
  for (std::int64_t i = 0; i < 20; ++i) column.append(i);
  column.append_null();
  for (std::int64_t i = 21; i < 40; ++i) column.append(i);
  ::ArrowArray out{};
  column.finish(&out);
  EXPECT_EQ(out.null_count, 1);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(static_cast<const std::uint8_t*>(out.buffers[0])[i / 8] >> (i % 8) & 1, i == 20 ? 0 : 1) << i;
  out.release(&out);
  column.append<std::int64_t>(1);
  column.finish(&out);
  EXPECT_EQ(out.length, 1);
  EXPECT_EQ(out.buffers[0], nullptr);
  out.release(&out);
}

TEST(ColumnBuilder, AnEmptyColumnIsStillAColumn) {
  for (const Field& field : all_types().fields) {
    ColumnBuilder column(field);
    ::ArrowArray out{};
    column.finish(&out);
    EXPECT_EQ(out.length, 0);
    EXPECT_TRUE(out.n_buffers == 1 || out.buffers[1] != nullptr) << field.name;
    out.release(&out);
  }
}

}  // namespace
}  // namespace switchgear

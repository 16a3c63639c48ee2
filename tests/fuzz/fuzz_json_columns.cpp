// Bytes -> JsonPage -> columns, with a declared and with an inferred schema. Whatever the bytes, either columns of one length come out,
// with every rescued value being JSON, or an Error(protocol).
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json_values.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/data/json_columns.hpp"
#include "switchgear/data/schema_inference.hpp"

namespace {

using namespace switchgear;

Field field(const char* name, DataType type, std::vector<Field> children = {}) {
  Field result;
  result.name = name;
  result.type = type;
  result.precision = 12;
  result.scale = 3;
  result.children = std::move(children);
  return result;
}

Schema declared() {
  return {{field("i", DataType::int64), field("u", DataType::uint64), field("f", DataType::float64), field("b", DataType::boolean),
           field("t", DataType::utf8), field("x", DataType::binary), field("d", DataType::date), field("c", DataType::time),
           field("s", DataType::timestamp), field("n", DataType::decimal), field("j", DataType::json),
           field("o", DataType::structure, {field("p", DataType::int64), field("q", DataType::list, {field("item", DataType::utf8)})}),
           field("l", DataType::list, {field("item", DataType::structure, {field("p", DataType::utf8)})})}};
}

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const RecordBatch& batch) {
  const ::ArrowArray& array = *batch.array();
  for (std::int64_t i = 0; i < array.n_children; ++i) require(array.children[i]->length == array.length);
  const ::ArrowArray& rescued = *array.children[array.n_children - 1];
  const auto* offsets = static_cast<const std::int32_t*>(rescued.buffers[1]);
  for (std::int64_t row = 0; row < array.length; ++row) {
    const std::string_view text(static_cast<const char*>(rescued.buffers[2]) + offsets[row],
                                static_cast<std::size_t>(offsets[row + 1] - offsets[row]));
    require(text.empty() || is_json(text, 1000));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static JsonColumns columns(declared());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool infer : {false, true}) {
    try {
      JsonPage page(Buffer(text), {"/value", "/@odata.nextLink", "/@removed", "/@odata.deltaLink", "/@odata.count", "@"});
      if (infer) {
        SchemaInference inference;
        inference.see(page, 100);
        JsonColumns inferred(inference.schema());
        check(inferred.read(page));
      } else {
        check(columns.read(page));
      }
    } catch (const Error& error) {
      require(error.category == Category::protocol && !error.hint.empty());
    }
  }
  return 0;
}

// Bytes -> JsonPages -> columns, with a declared schema and with one that is inferred and widens from page to page, in each form of nested
// values; a byte 0xFF, which is in no UTF-8, stands between two pages. Whatever the bytes, either columns of one length come out, with
// every rescued value being JSON, or an Error(protocol); and pages that were read can be unified without loss.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "json_values.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/data/json_columns.hpp"
#include "switchgear/data/page_columns.hpp"
#include "switchgear/data/unify.hpp"

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
  const Schema schema = from_arrow_schema(*batch.schema());
  const ::ArrowArray& rescued = *array.children[schema.find(rescued_column) - schema.fields.data()];
  const auto* offsets = static_cast<const std::int32_t*>(rescued.buffers[1]);
  for (std::int64_t row = 0; row < array.length; ++row) {
    const std::string_view text(static_cast<const char*>(rescued.buffers[2]) + offsets[row],
                                static_cast<std::size_t>(offsets[row + 1] - offsets[row]));
    require(text.empty() || is_json(text, 1000));
  }
}

}  // namespace

namespace {

JsonPage page_of(std::string_view text) {
  return JsonPage(Buffer(text), {"/value", "/@odata.nextLink", "/@removed", "/@odata.deltaLink", "/@odata.count", "@"});
}

void read_declared(std::string_view text) {
  static JsonColumns columns(declared());
  try {
    check(columns.read(page_of(text)));
  } catch (const Error& error) {
    require(error.category == Category::protocol && !error.hint.empty());
  }
}

void read_inferred(std::string_view text, SchemaMode mode, Nested nested) {
  PageColumnsOptions options;
  options.mode = mode;
  options.nested = nested;
  PageColumns columns(std::move(options));
  std::vector<RecordBatch> batches;
  try {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\xff'), text.size());
      const JsonPage page = page_of(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (!columns.settled()) {
        columns.look_at(page, 100);
        columns.settle();
      }
      batches.push_back(columns.read(page));
      check(batches.back());
    }
  } catch (const Error& error) {
    require((error.category == Category::protocol || (mode == SchemaMode::strict && error.category == Category::data)) &&
            !error.hint.empty());
  }
  if (batches.empty()) return;
  for (const RecordBatch& batch : unify(batches, columns.arrow_schema()))
    check(batch);  // what can't be unified throws, and that is a crash
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_declared(text);
  for (const Nested nested : {Nested::json, Nested::structure, Nested::flatten}) {
    read_inferred(text, SchemaMode::evolve, nested);
    read_inferred(text, SchemaMode::frozen, nested);
  }
  read_inferred(text, SchemaMode::strict, Nested::structure);
  return 0;
}

// Conditions as anybody may write them, on columns of every kind: refused with an Error, or applied.
#include <cstdint>
#include <string_view>

#include "switchgear/base/error.hpp"
#include "switchgear/data/json_columns.hpp"
#include "switchgear/data/json_page.hpp"
#include "switchgear/data/row_filter.hpp"

using namespace switchgear;

namespace {

constexpr std::string_view records =
    R"([{"i": 1, "u": 18446744073709551615, "f": 1.5, "d": "12.3400", "t": "a", "b": true, "y": "2026-01-31", "h": "06:00:00",
  "s": "2026-01-31T06:00:00Z", "j": [1], "r": "AAE="}, {"i": -5, "t": "", "j": "7"}, {}, {"i": 9, "f": -0.0, "b": false, "j": 7}])";

struct Rows {
  Rows() {
    const auto add = [this](const char* name, DataType type) {
      Field field;
      field.name = name;
      field.type = type;
      field.scale = type == DataType::decimal ? 4 : 0;
      schema.fields.push_back(field);
    };
    add("i", DataType::int64);
    add("u", DataType::uint64);
    add("f", DataType::float64);
    add("d", DataType::decimal);
    add("t", DataType::utf8);
    add("b", DataType::boolean);
    add("y", DataType::date);
    add("h", DataType::time);
    add("s", DataType::timestamp);
    add("j", DataType::json);
    add("r", DataType::binary);
  }

  Schema schema;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Rows rows;
  static JsonColumns columns(rows.schema);
  static const RecordBatch batch = columns.read(JsonPage(Buffer(records), {"", {}, {}, {}, {}, ""}));
  try {
    const std::vector<Condition> conditions = parse_conditions({reinterpret_cast<const char*>(data), size});
    // What the source is asked for is written anew, and has to say the same.
    const std::string written = to_json(conditions);
    if (to_json(parse_conditions(written)) != written) __builtin_trap();
    const RecordBatch kept = RowFilter(conditions).apply(batch, columns.schema());
    if (kept.length() > batch.length()) __builtin_trap();
  } catch (const Error& error) {
    if (error.code() != "config.where" || error.message.empty()) __builtin_trap();
  }
  return 0;
}

// SchemaInference: columns for a source that declares none.
#include <algorithm>
#include <cstring>

#include "column_guess.hpp"
#include "json_document.hpp"
#include "switchgear/data/schema_inference.hpp"

namespace switchgear {
namespace {

constexpr int max_depth = 8;  // of structures; deeper ones stay JSON text

template <class T>
const T* values_of(const ::ArrowArray& column) {
  return static_cast<const T*>(column.buffers[1]) + column.offset;
}

std::int64_t digits_of(int128 value) {
  std::int64_t digits = 0;
  for (value = value < 0 ? -value : value; value > 0; value /= 10) ++digits;
  return digits;
}

// Where a value is null its place holds zero.
void see_column(ColumnGuess& guess, const Field& field, const ::ArrowArray& column) {
  const std::int64_t n = column.length;
  if (n == 0) return;
  if (field.type == DataType::int64) {
    const auto* values = values_of<std::int64_t>(column);
    const auto [low, high] = std::minmax_element(values, values + n);
    guess.see_whole(std::min<std::int64_t>(*low, 0), static_cast<std::uint64_t>(std::max<std::int64_t>(*high, 0)));
  } else if (field.type == DataType::uint64) {
    const auto* values = values_of<std::uint64_t>(column);
    guess.see_whole(0, *std::max_element(values, values + n));
  } else if (field.type == DataType::decimal) {
    const char* values = static_cast<const char*>(column.buffers[1]) + column.offset * static_cast<std::int64_t>(sizeof(int128));
    int128 most = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      int128 value = 0;
      std::memcpy(&value, values + i * static_cast<std::int64_t>(sizeof value), sizeof value);
      most = std::max(most, value < 0 ? -value : value);
    }
    guess.see_decimal(std::max<std::int64_t>(0, digits_of(most) - field.scale));
  } else if (field.type == DataType::structure || field.type == DataType::list) {
    const std::size_t children = std::min(field.children.size(), guess.members().size());
    for (std::size_t i = 0; i < children; ++i) see_column(guess.members()[i], field.children[i], *column.children[i]);
  }
}

}  // namespace

struct SchemaInference::State {
  // One page's walk.
  struct Walk {
    const JsonPage::Document& page;
    JsonCursor cursor;
    std::string_view control;
    std::size_t row = 0;
    std::string plain;  // a name without escapes

    [[noreturn]] void fail() const { page.fail(cursor, "record " + std::to_string(row) + " of the reply"); }
  };

  void see_record(Walk& walk);
  void see_members(Walk& walk, ColumnGuess& into, int depth, bool open);
  void see_items(Walk& walk, ColumnGuess& guess, int depth);
  void see_value(Walk& walk, ColumnGuess& guess, int depth);

  InferenceOptions options;
  ColumnGuess record{""};
};

void SchemaInference::State::see_record(Walk& walk) {
  if (walk.cursor.front() == '{') {
    see_members(walk, record, 0, options.only.empty());
  } else if (!walk.cursor.skip_value()) {  // what is no object is named by JsonColumns::read
    walk.fail();
  }
}

// The cursor is on the '{'.
void SchemaInference::State::see_members(Walk& walk, ColumnGuess& into, int depth, bool open) {
  walk.cursor.advance();
  if (walk.cursor.take('}')) return;
  std::size_t hint = 0;
  do {
    std::string_view name;
    if (!walk.cursor.take_name(name)) walk.fail();
    if (name.find('\\') != std::string_view::npos) {
      if (!walk.page.unescape(name, walk.plain)) walk.fail();
      name = walk.plain;
    }
    const bool is_control = !walk.control.empty() && name.find(walk.control) != std::string_view::npos;
    const bool is_nameable = name.find('\0') == std::string_view::npos;  // Arrow's names end there: two members would share one
    ColumnGuess* member = is_control || !is_nameable || (depth == 0 && name == rescued_column) ? nullptr : into.member(name, hint, open);
    if (member != nullptr) {
      see_value(walk, *member, depth + 1);
    } else if (!walk.cursor.skip_value()) {
      walk.fail();
    }
  } while (walk.cursor.take(','));
  if (!walk.cursor.take('}')) walk.fail();
}

void SchemaInference::State::see_items(Walk& walk, ColumnGuess& guess, int depth) {
  walk.cursor.advance();
  if (walk.cursor.take(']')) return;
  ColumnGuess& item = guess.item();
  do {
    see_value(walk, item, depth + 1);
  } while (walk.cursor.take(','));
  if (!walk.cursor.take(']')) walk.fail();
}

void SchemaInference::State::see_value(Walk& walk, ColumnGuess& guess, int depth) {
  const char c = walk.cursor.front();
  if (c != '{' && c != '[') {
    const std::string_view token = walk.cursor.token();
    if (!walk.cursor.skip_value()) walk.fail();
    if (token.starts_with("\"\\/Date(") && walk.page.unescape(token.substr(1), walk.plain)) {  // how some services write it
      guess.see('"' + walk.plain + '"');
    } else {
      guess.see(token);
    }
  } else if (!options.structures || depth > max_depth) {
    guess.see_opaque();
    if (!walk.cursor.skip_value()) walk.fail();
  } else if (c == '{') {
    guess.see_object();
    see_members(walk, guess, depth, true);
  } else {
    guess.see_array();
    see_items(walk, guess, depth);
  }
}

SchemaInference::SchemaInference(InferenceOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  std::size_t hint = 0;
  for (const std::string& name : state_->options.only) state_->record.member(name, hint);
}

SchemaInference::~SchemaInference() = default;
SchemaInference::SchemaInference(SchemaInference&&) noexcept = default;
SchemaInference& SchemaInference::operator=(SchemaInference&&) noexcept = default;

std::size_t SchemaInference::see(const JsonPage& page, std::size_t max_records) {
  State::Walk walk{*page.document_, page.document_->records, page.pointers_.control, 0, {}};
  if (walk.cursor.front() == ']') return 0;
  do {
    if (walk.row == max_records) break;
    state_->see_record(walk);
    ++walk.row;
  } while (walk.cursor.take(','));
  return walk.row;
}

void SchemaInference::see(const RecordBatch& batch) {
  const Schema columns = schema();
  const auto n = std::min(columns.fields.size(), state_->record.members().size());
  for (std::size_t i = 0; i < n; ++i) see_column(state_->record.members()[i], columns.fields[i], *batch.array()->children[i]);
}

void SchemaInference::hand_over() {
  std::size_t hint = 0;
  for (const Field& field : state_->options.declared) state_->record.member(field.name, hint, state_->options.only.empty());
  state_->record.hand_over();
}

Schema SchemaInference::schema() const {
  Schema schema;
  const std::vector<Field>& declared = state_->options.declared;
  const auto declared_as = [&](const std::string& name) {
    return std::find_if(declared.begin(), declared.end(), [&](const Field& field) { return field.name == name; });
  };
  for (const ColumnGuess& column : state_->record.members()) {
    const auto found = declared_as(column.name());
    schema.fields.push_back(found != declared.end() ? *found : column.field());
  }
  if (!state_->options.only.empty()) return schema;
  for (const Field& field : declared) {
    if (schema.find(field.name) == nullptr) schema.fields.push_back(field);
  }
  return schema;
}

bool SchemaInference::has_seen(std::string_view name) const { return state_->record.has_member(name); }

}  // namespace switchgear

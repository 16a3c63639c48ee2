#include "switchgear/data/json_columns.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "column_builder.hpp"
#include "json_document.hpp"
#include "json_values.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

constexpr std::uint32_t no_slot = UINT32_MAX;
constexpr int max_nesting = 512;
constexpr std::size_t max_extra_slots = 4096;  // a source that invents names for ever must not fill memory

/// A declared name as sources write it, with the escapes that JSON demands.
std::string escaped(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == '"' || c == '\\') {
      result.append({'\\', c});
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      result.append("\\u00").append({digits[static_cast<unsigned char>(c) >> 4U], digits[static_cast<unsigned char>(c) & 15U]});
    } else {
      result.push_back(c);
    }
  }
  return result;
}

/// A member's name, what becomes of it, and which member followed it last time.
struct Slot {
  enum class Use : std::uint8_t { column, extra, nameless, control };  // nameless: no column can have the name, it holds a zero byte
  std::string name;                                                    // as it stands in the JSON, between the quotes
  Use use = Use::extra;
  std::uint32_t column = 0;
  std::uint32_t follower = no_slot;
};

/// How the members of one kind of object map to columns. Lists and structures nest.
struct Shape {
  std::vector<Slot> slots;
  std::unordered_map<std::string, std::uint32_t> by_name;
  std::uint32_t first = no_slot;
  std::vector<Shape> children;  // one for each column: its members, or its item's

  explicit Shape(const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      const auto column = static_cast<std::uint32_t>(children.size());
      add(escaped(field.name), Slot::Use::column, column);
      children.emplace_back(field.children);
    }
    for (std::uint32_t i = 0; i < slots.size(); ++i) slots[i].follower = i + 1 < slots.size() ? i + 1 : no_slot;
    first = slots.empty() ? no_slot : 0;
  }

  std::uint32_t add(const std::string& name, Slot::Use use, std::uint32_t column) {
    if (slots.size() >= children.size() + max_extra_slots) {
      // Full: the last one is forgotten. A follower that still points to it only guesses wrong.
      by_name.erase(slots.back().name);
      slots.pop_back();
    }
    const auto index = static_cast<std::uint32_t>(slots.size());
    slots.push_back({name, use, column, no_slot});
    by_name.emplace(name, index);
    return index;
  }

  std::uint32_t& follower_of(std::uint32_t slot) { return slot == no_slot ? first : slots[slot].follower; }
};

Schema with_rescued(Schema schema) {
  if (schema.find(rescued_column) == nullptr) schema.fields.push_back({std::string(rescued_column), DataType::json, true, 38, 0, true, {}});
  return schema;
}

}  // namespace

struct JsonColumns::State {
  State(Schema wanted, JsonColumnsOptions options_)
      : schema(with_rescued(std::move(wanted))), arrow_schema(to_arrow_schema(schema)), options(options_), shape(schema.fields) {
    for (const Field& field : schema.fields) columns.emplace_back(field);
    rescue_column = static_cast<std::size_t>(schema.find(rescued_column) - schema.fields.data());
  }

  RecordBatch read(const JsonPage& json_page);

  // The cursor is on the '{' of one record, or of one structure.
  void read_record();
  void read_members(Shape& shape_of, std::vector<ColumnBuilder>& into, std::int64_t at);
  void read_member(const Slot& slot, Shape& shape_of, std::vector<ColumnBuilder>& into, std::int64_t at);
  std::uint32_t slot_for(std::string_view name, Shape& shape_of, std::uint32_t previous);
  std::uint32_t look_up(const std::string& name, Shape& shape_of);

  // One value; false: it does not fit, nothing was appended and the cursor has not moved.
  bool read_value(ColumnBuilder& into, Shape& shape_of);
  bool read_text(std::string_view token, ColumnBuilder& into);
  void read_list(ColumnBuilder& into, Shape& shape_of);
  static bool read_scalar(std::string_view text, bool in_quotes, ColumnBuilder& into);

  /// Appends the text of a whole value, which must be JSON because it is kept as it stands.
  bool read_raw(ColumnBuilder& into);
  std::string_view take_raw();  // as it stands, or with quotes put around words such as NaN
  // Off the path of what fits, and out of its code.
  [[gnu::cold, gnu::noinline]] void misfit(const Slot& slot, const ColumnBuilder* column, bool top);
  bool could_grow(const Slot& slot, const ColumnBuilder* column, bool top) const;
  [[gnu::cold, gnu::noinline]] void rescue(std::string_view name, const ColumnBuilder* column);
  [[noreturn]] void refuse(std::string_view name, const ColumnBuilder* column, std::string_view json) const;
  [[noreturn]] void fail() const { page->fail(cursor, "record " + std::to_string(position) + " of the reply"); }

  Schema schema;
  SharedArrowSchema arrow_schema;
  JsonColumnsOptions options;
  Shape shape;
  std::vector<ColumnBuilder> columns;
  std::size_t rescue_column = 0;
  std::uint64_t rescued_records = 0;
  bool outgrown = false;

  // While a page is read:
  const JsonPage::Document* page = nullptr;
  JsonCursor cursor;
  std::string control;
  std::int64_t row = 0;
  std::size_t position = 0;      // of the record in the page: `row` and what was left out before it
  std::string path;              // of the structure being read, "" or "Address/"
  bool inside_inferred = false;  // is that structure one that may get new members?
  std::string quoted;
  std::string rescued;  // the record's JSON object without the closing brace
};

RecordBatch JsonColumns::State::read(const JsonPage& json_page) {
  page = json_page.document_.get();
  cursor = page->records;
  control = json_page.pointers_.control;
  row = 0;
  position = 0;
  outgrown = false;
  path.clear();
  rescued.clear();
  try {
    if (!cursor.take(']')) {
      do {
        if (position < page->left_out.size() && page->left_out[position]) {
          if (!cursor.skip_value()) fail();
        } else {
          read_record();
          ++row;
        }
        ++position;
      } while (cursor.take(','));
      if (!cursor.take(']')) fail();
    }
  } catch (...) {
    for (ColumnBuilder& column : columns) {  // what was begun of this page must not turn up in the next one
      ::ArrowArray unfinished{};
      column.finish(&unfinished);
      unfinished.release(&unfinished);
    }
    throw;
  }
  return RecordBatch(arrow_schema, finish_columns(columns, row));
}

void JsonColumns::State::read_record() {
  if (cursor.front() != '{') {
    const std::string_view value = take_raw();
    throw Error(Category::protocol, "records",
                "record " + std::to_string(position) + " of the reply is not an object but '" + excerpt(value) + "'")
        .with_hint("check the records pointer: it must lead to an array of objects");
  }
  read_members(shape, columns, row);
  if (rescued.empty()) return;
  rescued.push_back('}');
  columns[rescue_column].append_text(rescued);
  rescued.clear();
  ++rescued_records;
}

// Appends row `at` to every column of `into`.
void JsonColumns::State::read_members(Shape& shape_of, std::vector<ColumnBuilder>& into, std::int64_t at) {
  cursor.advance();
  if (!cursor.take('}')) {
    std::uint32_t previous = no_slot;
    do {
      std::string_view name;
      if (!cursor.take_name(name)) fail();
      previous = slot_for(name, shape_of, previous);
      read_member(shape_of.slots[previous], shape_of, into, at);
    } while (cursor.take(','));
    if (!cursor.take('}')) fail();
  }
  const bool top = &into == &columns;
  for (std::size_t i = 0; i < into.size(); ++i) {
    if (!(top && i == rescue_column && !rescued.empty())) into[i].append_nulls_up_to(at + 1);
  }
}

void JsonColumns::State::read_member(const Slot& slot, Shape& shape_of, std::vector<ColumnBuilder>& into, std::int64_t at) {
  const bool top = &into == &columns;
  const ColumnBuilder* refused = nullptr;
  if (slot.use == Slot::Use::column && !(top && slot.column == rescue_column)) {
    ColumnBuilder& column = into[slot.column];
    if (column.length() == at) {  // else the member stands here for the second time
      refused = &column;
      const bool nested = !column.children().empty();
      if (nested) path.append(slot.name).push_back('/');
      const bool fits = read_value(column, shape_of.children[slot.column]);
      if (nested) path.resize(path.size() - slot.name.size() - 1);
      if (fits) return;
    }
  } else if (slot.use == Slot::Use::control || (slot.use != Slot::Use::column && options.projected && top)) {
    if (!cursor.skip_value()) fail();
    return;
  }
  misfit(slot, refused, top);
}

void JsonColumns::State::misfit(const Slot& slot, const ColumnBuilder* column, bool top) {
  if (!outgrown && could_grow(slot, column, top)) outgrown = true;
  rescue(slot.name, column);
}

// Would another schema have a place for the value under the cursor?
bool JsonColumns::State::could_grow(const Slot& slot, const ColumnBuilder* column, bool top) const {
  if (slot.use == Slot::Use::extra) return top || inside_inferred;
  if (column == nullptr || !column->field().inferred) return false;
  const std::string_view token = cursor.token();
  switch (column->field().type) {
    case DataType::utf8:
      return token.front() != '"';  // text that is no UTF-8 stays none
    case DataType::boolean:
    case DataType::int64:
    case DataType::uint64:
    case DataType::float64:
    case DataType::decimal:
    case DataType::date:
      return !is_non_finite(token);
    default:
      return false;
  }
}

std::uint32_t JsonColumns::State::slot_for(std::string_view name, Shape& shape_of, std::uint32_t previous) {
  // Records of one source have their members in one order, so what followed the last member before nearly always follows it again.
  const std::uint32_t guess = shape_of.follower_of(previous);
  if (guess < shape_of.slots.size() && shape_of.slots[guess].name == name) return guess;
  const std::uint32_t found = look_up(std::string(name), shape_of);
  if (previous == no_slot || previous < shape_of.slots.size()) shape_of.follower_of(previous) = found;
  return found;
}

std::uint32_t JsonColumns::State::look_up(const std::string& name, Shape& shape_of) {
  if (const auto found = shape_of.by_name.find(name); found != shape_of.by_name.end()) return found->second;
  std::string plain;
  std::string padded = name + '"';
  padded.append(Buffer::padding, '\0');
  if (!page->unescape(padded, plain)) fail();
  const bool has_zero = plain.find('\0') != std::string::npos;
  plain = escaped(plain);
  if (const auto declared = shape_of.by_name.find(plain); declared != shape_of.by_name.end()) {
    const Slot same = shape_of.slots[declared->second];
    return shape_of.add(name, same.use, same.column);
  }
  const bool is_control = !control.empty() && plain.find(control) != std::string::npos;
  return shape_of.add(name, is_control ? Slot::Use::control : has_zero ? Slot::Use::nameless : Slot::Use::extra, 0);
}

bool JsonColumns::State::read_value(ColumnBuilder& into, Shape& shape_of) {
  const char first = cursor.front();
  if (first == '{' || first == '[') {
    if (into.field().type == DataType::structure && first == '{') {
      const bool outside = std::exchange(inside_inferred, into.field().inferred);
      read_members(shape_of, into.children(), into.length());
      inside_inferred = outside;
      into.append_structure();
    } else if (into.field().type == DataType::list && first == '[') {
      read_list(into, shape_of);
    } else {
      return into.field().type == DataType::json && read_raw(into);
    }
    return true;
  }
  const std::string_view token = cursor.token();
  if (token == "null") {
    into.append_null();
  } else if (into.field().type == DataType::json) {
    return read_raw(into);
  } else if (!(first == '"' ? read_text(token, into) : read_scalar(token, false, into))) {
    return false;
  }
  cursor.advance();
  return true;
}

// A token in quotes: text, or another type that is written as text.
bool JsonColumns::State::read_text(std::string_view token, ColumnBuilder& into) {
  if (token.size() < 2 || token.back() != '"') fail();
  const std::string_view text = token.substr(1, token.size() - 2);
  const bool is_text = into.field().type == DataType::utf8;
  if (std::memchr(text.data(), '\\', text.size()) == nullptr) {
    if (!is_text) return read_scalar(text, true, into);
    into.append_text(text);
    return true;
  }
  std::string plain;                                          // "\/Date(0)\/" is how some services write it
  if (!page->unescape(token.substr(1), plain)) return false;  // half a surrogate pair: JSON allows it, UTF-8 does not
  if (!is_text) return read_scalar(plain, true, into);
  into.append_text(plain);
  return true;
}

void JsonColumns::State::read_list(ColumnBuilder& into, Shape& shape_of) {
  cursor.advance();
  ColumnBuilder& item = into.children().front();
  if (!cursor.take(']')) {
    std::size_t index = 0;
    do {
      const std::string name = std::to_string(index++);
      path.append(name).push_back('/');
      const bool fits = read_value(item, shape_of.children.front());
      path.resize(path.size() - name.size() - 1);
      if (!fits) {
        if (item.field().inferred && could_grow({}, &item, false)) outgrown = true;
        rescue(name, &item);
        item.append_null();
      }
    } while (cursor.take(','));
    if (!cursor.take(']')) fail();
  }
  into.append_list();
}

// `text` is a number or word as it stands, or what stood between quotes.
bool JsonColumns::State::read_scalar(std::string_view text, bool in_quotes, ColumnBuilder& into) {
  const auto append = [&into](const auto& parsed) {
    if (parsed) into.append(*parsed);
    return parsed.has_value();
  };
  const Field& field = into.field();
  // A type that was guessed from numbers does not take text, even if it looks like one: it would come back as something else.
  const bool is_number = !(field.inferred && in_quotes);
  switch (field.type) {
    case DataType::boolean:
      if (in_quotes || (text != "true" && text != "false")) return false;
      into.append_bool(text == "true");
      return true;
    case DataType::int64:
      return is_number && append(parse_int64(text));
    case DataType::uint64:
      return is_number && append(parse_uint64(text));
    case DataType::float64:
      return is_number && append(field.inferred ? parse_exact_float64(text) : parse_float64(text));
    case DataType::decimal:
      return is_number && append(parse_decimal(text, field.precision, field.scale));
    case DataType::date:
      return in_quotes && append(parse_date(text));
    case DataType::time:
      return in_quotes && append(parse_time(text));
    case DataType::timestamp: {
      if (field.epoch != Epoch::none && append(parse_epoch(text, field.epoch == Epoch::seconds ? 1 : 1000))) return true;
      const auto parsed = in_quotes ? parse_timestamp(text) : std::nullopt;
      if (!parsed || parsed->has_zone != field.utc) return false;
      into.append(parsed->us);
      return true;
    }
    case DataType::binary: {
      const auto bytes = in_quotes ? base64_decode(text) : std::nullopt;
      if (bytes) into.append_text(*bytes);
      return bytes.has_value();
    }
    default:
      return false;
  }
}

bool JsonColumns::State::read_raw(ColumnBuilder& into) {
  const JsonCursor before = cursor;
  std::string_view text;
  if (!cursor.take_value(text) || !is_json(text, max_nesting)) {
    cursor = before;
    return false;
  }
  if (into.field().inferred) outgrown = true;  // the first value of what was always null
  into.append_text(text);
  return true;
}

std::string_view JsonColumns::State::take_raw() {
  const JsonCursor before = cursor;
  std::string_view text;
  if (!cursor.take_value(text)) page->fail(before, "record " + std::to_string(position) + " of the reply");
  if (is_json(text, max_nesting)) return text;
  quoted = with_words_quoted(text);
  if (is_json(quoted, max_nesting)) return quoted;
  throw Error(Category::protocol, "json",
              "record " + std::to_string(position) + " of the reply holds broken or too deeply nested JSON: '" + excerpt(text) + "'")
      .with_hint("at most " + std::to_string(max_nesting) +
                 " levels are taken; anything broken is a fault of the source, send its operator this message");
}

void JsonColumns::State::rescue(std::string_view name, const ColumnBuilder* column) {
  const std::string_view json = take_raw();
  if (options.strict) refuse(name, column, json);
  rescued.append(rescued.empty() ? "{\"" : ",\"").append(path).append(name).append("\":").append(json);
}

void JsonColumns::State::refuse(std::string_view name, const ColumnBuilder* column, std::string_view json) const {
  const std::string full_name = path + std::string(name);
  throw Error(Category::data, "schema",
              "record " + std::to_string(position) + " of the reply: " +
                  (column != nullptr ? "column '" + full_name + "' is " + type_text(column->field()) + " and has no room for "
                                     : "there is no column for '" + full_name + "' (or it stands there twice), which is ") +
                  "'" + excerpt(json) + "'")
      .with_hint(
          "schema=\"strict\" was asked for; schema=\"evolve\" or \"frozen\" would keep it, or give the column another type: "
          "schema={\"" +
          full_name + "\": \"json\"}");
}

JsonColumns::JsonColumns(Schema schema, JsonColumnsOptions options) : state_(std::make_unique<State>(std::move(schema), options)) {}
JsonColumns::~JsonColumns() = default;
JsonColumns::JsonColumns(JsonColumns&&) noexcept = default;
JsonColumns& JsonColumns::operator=(JsonColumns&&) noexcept = default;

RecordBatch JsonColumns::read(const JsonPage& page) { return state_->read(page); }
const Schema& JsonColumns::schema() const noexcept { return state_->schema; }
const SharedArrowSchema& JsonColumns::arrow_schema() const noexcept { return state_->arrow_schema; }
bool JsonColumns::outgrown() const noexcept { return state_->outgrown; }
std::uint64_t JsonColumns::rescued() const noexcept { return state_->rescued_records; }

}  // namespace switchgear

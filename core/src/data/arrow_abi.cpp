#include "switchgear/data/arrow_abi.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

// ---- schemas --------------------------------------------------------------------------------------------------------

constexpr std::string_view type_key = "switchgear:type";
constexpr std::string_view json_word = "json";

/// Arrow's form of one pair: counts and lengths as int32 of this machine's byte order.
std::string metadata_of(std::string_view key, std::string_view value) {
  std::string bytes;
  const auto append = [&bytes](std::size_t number) {
    const auto narrow = static_cast<std::int32_t>(number);
    bytes.append(reinterpret_cast<const char*>(&narrow), sizeof narrow);
  };
  append(1);
  append(key.size());
  bytes.append(key);
  append(value.size());
  bytes.append(value);
  return bytes;
}

/// The value at `key`, or "".
std::string_view metadata_at(const char* bytes, std::string_view key) {
  if (bytes == nullptr) return {};
  const auto number = [&bytes] {
    std::int32_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    bytes += sizeof value;
    return value;
  };
  const auto text = [&bytes, &number] {
    const auto length = static_cast<std::size_t>(number());
    const std::string_view found(bytes, length);
    bytes += length;
    return found;
  };
  for (std::int32_t left = number(); left > 0; --left) {
    const std::string_view name = text();
    const std::string_view value = text();
    if (name == key) return value;
  }
  return {};
}

struct SchemaNode {
  std::string format, name, metadata;
  std::vector<::ArrowSchema> children;
  std::vector<::ArrowSchema*> child_pointers;
};

void release_schema(::ArrowSchema* schema) {
  auto* node = static_cast<SchemaNode*>(schema->private_data);
  for (::ArrowSchema& child : node->children) {
    if (child.release != nullptr) child.release(&child);  // a consumer may have moved it out
  }
  delete node;
  schema->release = nullptr;
}

void fill_schema(const Field& field, const std::string& format, ::ArrowSchema* out) {
  auto node = std::make_unique<SchemaNode>();
  node->format = format;
  node->name = field.name;
  node->children.resize(field.children.size());
  for (std::size_t i = 0; i < field.children.size(); ++i) {
    fill_schema(field.children[i], arrow_format(field.children[i]), &node->children[i]);
    node->child_pointers.push_back(&node->children[i]);
  }
  *out = ::ArrowSchema{};
  out->format = node->format.c_str();
  out->name = node->name.c_str();
  if (field.type == DataType::json) {
    node->metadata = metadata_of(type_key, json_word);
    out->metadata = node->metadata.data();
  }
  out->flags = ARROW_FLAG_NULLABLE;
  out->n_children = static_cast<std::int64_t>(node->children.size());
  out->children = node->child_pointers.data();
  out->release = release_schema;
  out->private_data = node.release();
}

// ---- sharing: a tree of structures of one's own above the memory of another ------------------------------------------

template <class Arrow>
struct SharedNode {
  std::shared_ptr<const Arrow> original;
  std::vector<Arrow> children;
  std::vector<Arrow*> child_pointers;
  std::array<const void*, 1> buffers{};  // of a structure made here
};

template <class Arrow>
void release_shared(Arrow* structure) {
  auto* node = static_cast<SharedNode<Arrow>*>(structure->private_data);
  for (Arrow& child : node->children) {
    if (child.release != nullptr) child.release(&child);
  }
  delete node;
  structure->release = nullptr;
}

template <class Arrow>
void share_tree(const Arrow& from, const std::shared_ptr<const Arrow>& original, Arrow* out) {
  auto node = std::make_unique<SharedNode<Arrow>>();
  node->original = original;
  node->children.resize(static_cast<std::size_t>(from.n_children));
  for (std::size_t i = 0; i < node->children.size(); ++i) {
    share_tree(*from.children[i], original, &node->children[i]);
    node->child_pointers.push_back(&node->children[i]);
  }
  *out = from;
  out->children = node->child_pointers.data();
  out->release = release_shared<Arrow>;
  out->private_data = node.release();
}

template <class Arrow>
std::shared_ptr<const Arrow> take_structure(Arrow* from) {
  std::unique_ptr<Arrow> held(new Arrow(*from));
  from->release = nullptr;
  return std::shared_ptr<const Arrow>(held.release(), [](const Arrow* structure) {
    auto* mutable_structure = const_cast<Arrow*>(structure);
    if (mutable_structure->release != nullptr) mutable_structure->release(mutable_structure);
    delete mutable_structure;
  });
}

// ---- formats --------------------------------------------------------------------------------------------------------

struct NamedFormat {
  std::string_view format;
  DataType type;
};

constexpr std::array<NamedFormat, 10> formats = {{
    {"b", DataType::boolean},
    {"l", DataType::int64},
    {"L", DataType::uint64},
    {"g", DataType::float64},
    {"u", DataType::utf8},
    {"z", DataType::binary},
    {"tdD", DataType::date},
    {"ttu", DataType::time},
    {"+s", DataType::structure},
    {"+l", DataType::list},
}};

Error unknown_format(std::string_view name, std::string_view format) {
  return Error(Category::unsupported, "arrow_type",
               "column '" + std::string(name) + "' has the Arrow type '" + std::string(format) + "', which is not handled here")
      .with_hint("cast it to int64, uint64, float64, utf8, date32, time64[us], timestamp[us], decimal128, struct or list");
}

Field parse_decimal_format(Field field, std::string_view format) {
  field.type = DataType::decimal;
  const char* end = format.data() + format.size();
  const auto precision = std::from_chars(format.data() + 2, end, field.precision);
  if (precision.ec != std::errc() || precision.ptr == end || *precision.ptr != ',') throw unknown_format(field.name, format);
  const auto scale = std::from_chars(precision.ptr + 1, end, field.scale);
  if (scale.ec != std::errc() || scale.ptr != end) throw unknown_format(field.name, format);
  return field;
}

Field from_arrow_field(const ::ArrowSchema& schema) {
  Field field;
  field.name = schema.name != nullptr ? schema.name : "";
  field.nullable = (schema.flags & ARROW_FLAG_NULLABLE) != 0;
  const std::string_view format = schema.format;
  if (schema.dictionary != nullptr) throw unknown_format(field.name, "dictionary");
  for (std::int64_t i = 0; i < schema.n_children; ++i) field.children.push_back(from_arrow_field(*schema.children[i]));
  for (const NamedFormat& known : formats) {
    if (known.format == format) {
      field.type = known.type;
      if (known.type == DataType::utf8 && metadata_at(schema.metadata, type_key) == json_word) field.type = DataType::json;
      return field;
    }
  }
  if (format.starts_with("tsu:")) {
    field.type = DataType::timestamp;
    field.utc = format.size() > 4;
    return field;
  }
  if (format.starts_with("d:")) return parse_decimal_format(std::move(field), format);
  throw unknown_format(field.name, format);
}

// ---- streams --------------------------------------------------------------------------------------------------------

struct Stream {
  SharedArrowSchema schema;
  std::function<SharedArrowArray()> next;
  std::string last_error;
};

Stream& stream_of(::ArrowArrayStream* stream) { return *static_cast<Stream*>(stream->private_data); }

int stream_schema(::ArrowArrayStream* stream, ::ArrowSchema* out) {
  share(stream_of(stream).schema, out);
  return 0;
}

int stream_next(::ArrowArrayStream* stream, ::ArrowArray* out) {
  Stream& self = stream_of(stream);
  try {
    const SharedArrowArray array = self.next ? self.next() : nullptr;
    if (array == nullptr) {
      *out = ::ArrowArray{};  // released: the end
      return 0;
    }
    share(array, out);
    return 0;
  } catch (const Error& error) {
    self.last_error = error.describe();
    return error.category == Category::cancelled ? EINTR : EIO;
  } catch (const std::exception& error) {
    self.last_error = error.what();
    return EIO;
  }
}

const char* stream_error(::ArrowArrayStream* stream) {
  const std::string& text = stream_of(stream).last_error;
  return text.empty() ? nullptr : text.c_str();
}

void release_stream(::ArrowArrayStream* stream) {
  delete &stream_of(stream);
  stream->release = nullptr;
}

std::uint64_t fixed_width_bits(std::string_view format) {
  if (format == "b") return 1;
  if (format == "tdD" || format == "i" || format == "I" || format == "f") return 32;
  if (format == "c" || format == "C") return 8;
  if (format == "s" || format == "S") return 16;
  if (format.starts_with("d:")) return 128;
  return 64;
}

}  // namespace

std::string arrow_format(const Field& field) {
  switch (field.type) {
    case DataType::timestamp:
      return field.utc ? "tsu:UTC" : "tsu:";
    case DataType::decimal:
      return "d:" + std::to_string(field.precision) + "," + std::to_string(field.scale);
    case DataType::json:
      return "u";
    default:
      break;
  }
  for (const NamedFormat& known : formats) {
    if (known.type == field.type) return std::string(known.format);
  }
  return "u";
}

SharedArrowSchema to_arrow_schema(const Schema& schema) {
  Field root;
  root.type = DataType::structure;
  root.children = schema.fields;
  ::ArrowSchema out{};
  fill_schema(root, "+s", &out);
  out.flags = 0;
  return take(&out);
}

Schema from_arrow_schema(const ::ArrowSchema& schema) {
  if (std::strcmp(schema.format, "+s") != 0) {
    throw Error(Category::unsupported, "arrow_type", "a batch must be a struct of columns, not '" + std::string(schema.format) + "'");
  }
  return Schema{from_arrow_field(schema).children};
}

SharedArrowSchema take(::ArrowSchema* from) { return take_structure(from); }
SharedArrowArray take(::ArrowArray* from) { return take_structure(from); }

void share(const SharedArrowSchema& from, ::ArrowSchema* out) { share_tree(*from, from, out); }
void share(const SharedArrowArray& from, ::ArrowArray* out) { share_tree(*from, from, out); }

void share_part(const SharedArrowArray& whole, const ::ArrowArray& part, ::ArrowArray* out) { share_tree(part, whole, out); }

void share_shell(const SharedArrowArray& whole, const ::ArrowArray& part, std::vector<::ArrowArray> children, ::ArrowArray* out) {
  auto node = std::make_unique<SharedNode<::ArrowArray>>();
  node->original = whole;
  node->children = std::move(children);
  for (::ArrowArray& child : node->children) node->child_pointers.push_back(&child);
  *out = part;
  out->n_children = static_cast<std::int64_t>(node->children.size());
  out->children = node->child_pointers.data();
  out->release = release_shared<::ArrowArray>;
  out->private_data = node.release();
}

SharedArrowArray make_batch(std::vector<::ArrowArray> children, std::int64_t length) {
  auto node = std::make_unique<SharedNode<::ArrowArray>>();
  node->children = std::move(children);
  for (::ArrowArray& child : node->children) node->child_pointers.push_back(&child);
  node->buffers = {nullptr};
  ::ArrowArray out{};
  out.length = length;
  out.n_buffers = 1;
  out.buffers = node->buffers.data();
  out.n_children = static_cast<std::int64_t>(node->children.size());
  out.children = node->child_pointers.data();
  out.release = release_shared<::ArrowArray>;
  out.private_data = node.release();
  return take(&out);
}

SharedArrowArray slice(const SharedArrowArray& from, std::int64_t offset, std::int64_t length) {
  // Consumers that take a struct for a record batch look at its children alone, so these are cut, not the struct.
  ::ArrowArray part{};
  share(from, &part);
  part.length = length;
  for (std::int64_t i = 0; i < part.n_children; ++i) {
    ::ArrowArray& child = *part.children[i];
    child.offset += offset;
    child.length = length;
    child.null_count = child.null_count == 0 ? 0 : -1;
  }
  return take(&part);
}

std::uint64_t arrow_bytes(const ::ArrowArray& array, const ::ArrowSchema& schema) {
  const auto rows = static_cast<std::uint64_t>(array.offset + array.length);
  const std::string_view format = schema.format;
  std::uint64_t bytes = array.n_buffers > 0 && array.buffers[0] != nullptr ? (rows + 7) / 8 : 0;
  if (format == "u" || format == "z") {
    bytes += (rows + 1) * 4;
    const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
    if (offsets != nullptr) bytes += static_cast<std::uint64_t>(offsets[rows]);
  } else if (format == "+l") {
    bytes += (rows + 1) * 4;
  } else if (format != "+s") {
    bytes += (rows * fixed_width_bits(format) + 7) / 8;
  }
  for (std::int64_t i = 0; i < array.n_children; ++i) bytes += arrow_bytes(*array.children[i], *schema.children[i]);
  return bytes;
}

void make_stream(SharedArrowSchema schema, std::function<SharedArrowArray()> next, ::ArrowArrayStream* out) {
  *out = ::ArrowArrayStream{};
  out->private_data = new Stream{std::move(schema), std::move(next), {}};
  out->get_schema = stream_schema;
  out->get_next = stream_next;
  out->get_last_error = stream_error;
  out->release = release_stream;
}

}  // namespace switchgear

#include "column_builder.hpp"

#include <algorithm>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

std::size_t width_of(DataType type) {
  switch (type) {
    case DataType::int64:
    case DataType::uint64:
    case DataType::float64:
    case DataType::time:
    case DataType::timestamp:
      return 8;
    case DataType::date:
      return 4;
    case DataType::decimal:
      return 16;
    default:
      return 0;
  }
}

bool is_text(DataType type) { return type == DataType::utf8 || type == DataType::json || type == DataType::binary; }

/// Owns what an exported ArrowArray points to.
struct ArrayNode {
  GrowingBytes validity, values, text;
  const void* buffers[3] = {nullptr, nullptr, nullptr};
  std::vector<::ArrowArray> children;
  std::vector<::ArrowArray*> child_pointers;
};

void release_array(::ArrowArray* array) {
  auto* node = static_cast<ArrayNode*>(array->private_data);
  for (::ArrowArray& child : node->children) {
    if (child.release != nullptr) child.release(&child);
  }
  delete node;
  array->release = nullptr;
}

void finish_children(std::vector<ColumnBuilder>& columns, ArrayNode& node) {
  node.children.resize(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    columns[i].finish(&node.children[i]);
    node.child_pointers.push_back(&node.children[i]);
  }
}

void fill_array(std::unique_ptr<ArrayNode> node, std::size_t length, std::size_t nulls, int n_buffers, ::ArrowArray* out) {
  *out = ::ArrowArray{};
  out->length = static_cast<std::int64_t>(length);
  out->null_count = static_cast<std::int64_t>(nulls);
  out->n_buffers = n_buffers;
  out->buffers = node->buffers;
  out->n_children = static_cast<std::int64_t>(node->children.size());
  out->children = node->child_pointers.data();
  out->release = release_array;
  out->private_data = node.release();
}

}  // namespace

void GrowingBytes::grow(std::size_t wanted) {
  const std::size_t capacity = std::max<std::size_t>({wanted, capacity_ + capacity_ / 2, 64});
  char* larger = static_cast<char*>(std::realloc(data_, capacity));
  if (larger == nullptr) throw std::bad_alloc();
  data_ = larger;
  capacity_ = capacity;
}

ColumnBuilder::ColumnBuilder(const Field& field) : field_(field), width_(width_of(field.type)) {
  children_.reserve(field.children.size());
  for (const Field& child : field.children) children_.emplace_back(child);
}

void ColumnBuilder::mark_null() {
  const std::size_t byte = length_ / 8;
  if (byte >= validity_size_) {
    validity_.ensure(byte + 1);
    std::memset(validity_.data() + validity_size_, 0xff, byte + 1 - validity_size_);
    validity_size_ = byte + 1;
  }
  char& bits = validity_.data()[byte];
  bits = static_cast<char>(static_cast<unsigned char>(bits) & ~(1U << (length_ % 8)));
  ++null_count_;
}

void ColumnBuilder::append_null() {
  mark_null();
  if (width_ != 0) {
    values_.ensure((length_ + 1) * width_);
    std::memset(values_.data() + length_ * width_, 0, width_);
    ++length_;
  } else if (field_.type == DataType::boolean) {
    append_bool(false);
  } else if (field_.type == DataType::list) {
    append_list();
  } else if (field_.type == DataType::structure) {
    for (ColumnBuilder& child : children_) child.append_nulls_up_to(length() + 1);
    ++length_;
  } else {
    text_space(0);
    commit_text(0);
  }
}

void ColumnBuilder::append_bool(bool value) {
  const std::size_t byte = length_ / 8;
  values_.ensure(byte + 1);
  if (length_ % 8 == 0) values_.data()[byte] = 0;
  if (value) values_.data()[byte] = static_cast<char>(static_cast<unsigned char>(values_.data()[byte]) | 1U << (length_ % 8));
  ++length_;
}

void ColumnBuilder::throw_text_too_large() const {
  throw Error(Category::data, "page_too_large", "column '" + field_.name + "' has more than 2 GiB of text in one page")
      .with_hint("ask for smaller pages (page_size)");
}

void ColumnBuilder::finish(::ArrowArray* out) {
  auto node = std::make_unique<ArrayNode>();
  if (null_count_ > 0) {
    const std::size_t bytes = (length_ + 7) / 8;
    validity_.ensure(bytes);
    if (bytes > validity_size_) std::memset(validity_.data() + validity_size_, 0xff, bytes - validity_size_);
    node->buffers[0] = validity_.data();
    node->validity = std::move(validity_);
  }
  int n_buffers = 2;
  if (field_.type == DataType::structure) {
    n_buffers = 1;
  } else {
    const bool offsets = is_text(field_.type) || field_.type == DataType::list;
    values_.ensure(sizeof(std::int64_t));  // Arrow wants a first offset, and consumers a non-null buffer, even for no rows
    if (offsets && length_ == 0) std::memset(values_.data(), 0, sizeof(std::int32_t));
    node->buffers[1] = values_.data();
    if (is_text(field_.type)) {
      n_buffers = 3;
      text_.ensure(1);
      node->buffers[2] = text_.data();
    }
  }
  const std::size_t values_capacity = values_.capacity();
  const std::size_t text_capacity = text_size_ + text_size_ / 8;
  node->values = std::move(values_);
  node->text = std::move(text_);
  finish_children(children_, *node);
  fill_array(std::move(node), length_, null_count_, n_buffers, out);
  length_ = null_count_ = validity_size_ = text_size_ = 0;
  validity_ = GrowingBytes();
  values_ = GrowingBytes();
  text_ = GrowingBytes();
  values_.ensure(values_capacity);
  text_.ensure(text_capacity);
}

SharedArrowArray finish_columns(std::vector<ColumnBuilder>& columns, std::int64_t length) {
  auto node = std::make_unique<ArrayNode>();
  finish_children(columns, *node);
  ::ArrowArray out{};
  fill_array(std::move(node), static_cast<std::size_t>(length), 0, 1, &out);
  return take(&out);
}

}  // namespace switchgear

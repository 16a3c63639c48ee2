// One growing Arrow column. Used by one thread; finish() hands the memory over and leaves the builder empty for the next page.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/data/arrow_abi.hpp"

namespace switchgear {

__extension__ using int128 = __int128;

/// Bytes that grow without being initialised and can be handed to Arrow (freed with std::free).
class GrowingBytes {
 public:
  GrowingBytes() = default;
  GrowingBytes(GrowingBytes&& other) noexcept : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  GrowingBytes& operator=(GrowingBytes&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  GrowingBytes(const GrowingBytes&) = delete;
  GrowingBytes& operator=(const GrowingBytes&) = delete;
  ~GrowingBytes() { std::free(data_); }

  char* data() noexcept { return data_; }
  std::size_t capacity() const noexcept { return capacity_; }

  void ensure(std::size_t wanted) {
    if (wanted > capacity_) grow(wanted);
  }

 private:
  void grow(std::size_t wanted);

  char* data_ = nullptr;
  std::size_t capacity_ = 0;
};

class ColumnBuilder {
 public:
  explicit ColumnBuilder(const Field& field);

  const Field& field() const noexcept { return field_; }
  std::int64_t length() const noexcept { return static_cast<std::int64_t>(length_); }

  void append_null();
  void append_nulls_up_to(std::int64_t length) {
    while (this->length() < length) append_null();
  }

  /// T has the width of the column: int64_t, uint64_t, double, int32_t (date) or int128 (decimal).
  template <class T>
  void append(T value) {
    values_.ensure((length_ + 1) * sizeof(T));
    std::memcpy(values_.data() + length_ * sizeof(T), &value, sizeof(T));
    ++length_;
  }

  void append_bool(bool value);

  /// Throws Error(data) when the column's text of one page would pass 2 GiB.
  void append_text(std::string_view text) {
    char* space = text_space(text.size());
    if (!text.empty()) std::memcpy(space, text.data(), text.size());
    commit_text(text.size());
  }

  /// For text whose length is known only after writing: at most `most` bytes at the returned place, then commit_text(written).
  char* text_space(std::size_t most) {
    values_.ensure((length_ + 2) * sizeof(std::int32_t));
    text_.ensure(text_size_ + most);
    return text_.data() + text_size_;
  }
  void commit_text(std::size_t written) {
    text_size_ += written;
    if (text_size_ > max_text) throw_text_too_large();
    close_offset(text_size_);
  }

  /// After the members of a structure, or the items of a list, were appended to the children.
  void append_structure() { ++length_; }
  void append_list() {
    values_.ensure((length_ + 2) * sizeof(std::int32_t));
    close_offset(static_cast<std::size_t>(children_.front().length()));
  }

  std::vector<ColumnBuilder>& children() noexcept { return children_; }

  /// Moves the column out; the next one expects about as many rows and bytes.
  void finish(::ArrowArray* out);

 private:
  static constexpr std::size_t max_text = 0x7fffffff;

  [[noreturn]] void throw_text_too_large() const;
  void close_offset(std::size_t end) {
    auto* offsets = reinterpret_cast<std::int32_t*>(values_.data());
    if (length_ == 0) offsets[0] = 0;
    offsets[++length_] = static_cast<std::int32_t>(end);
  }
  void mark_null();

  Field field_;
  std::size_t width_;  // bytes of a fixed-width value; 0: bits, offsets or none
  std::size_t length_ = 0;
  std::size_t null_count_ = 0;
  std::size_t validity_size_ = 0;
  std::size_t text_size_ = 0;
  GrowingBytes validity_;  // made with the first null
  GrowingBytes values_;    // fixed-width values, bits or offsets
  GrowingBytes text_;
  std::vector<ColumnBuilder> children_;
};

/// One struct array of all columns, which must be of the same length.
SharedArrowArray finish_columns(std::vector<ColumnBuilder>& columns, std::int64_t length);

}  // namespace switchgear

// Bytes of a reply, held once from the socket to the parser.
//
// A Buffer owns its memory and can be moved, not copied. Behind the last byte there are always `padding` readable bytes, which
// is what lets the JSON parser work without a copy. Not thread-safe; may be handed from thread to thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace switchgear {

class Buffer {
 public:
  static constexpr std::size_t padding = 64;

  Buffer() = default;
  explicit Buffer(std::string_view text) { append(text.data(), text.size()); }

  /// Memory of somebody else's that stays alive with `owner`; it must have the padding behind it.
  Buffer(const char* data, std::size_t size, std::shared_ptr<void> owner) : borrowed_(data), size_(size), owner_(std::move(owner)) {}

  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer gone(std::move(other));
    swap(gone);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() = default;

  const char* data() const noexcept { return borrowed_ != nullptr ? borrowed_ : memory_.get(); }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view view() const noexcept { return {data(), size_}; }
  std::string str() const { return std::string(view()); }

  /// Room for at least `wanted` bytes, and up to an eighth more: pages differ in size by little, and memory that the last one gave
  /// back fits the next only if their sizes are rounded alike. Else the heap fills with gaps.
  void reserve(std::size_t wanted) {
    if (wanted <= capacity_) return;
    const std::size_t step = std::max<std::size_t>(std::bit_floor(wanted) / 8, padding);
    wanted = (wanted + padding + step - 1) / step * step - padding;
    std::unique_ptr<char[]> larger(new char[wanted + padding]);  // not value-initialised: it is about to be written
    if (size_ != 0) std::memcpy(larger.get(), data(), size_);
    std::memset(larger.get() + size_, 0, padding);
    memory_ = std::move(larger);
    capacity_ = wanted;
    borrowed_ = nullptr;
    owner_.reset();
  }

  void append(const char* bytes, std::size_t count) {
    if (count == 0) return;
    if (size_ + count > capacity_) reserve(size_ + count + (size_ + count) / 2);
    std::memcpy(memory_.get() + size_, bytes, count);
    size_ += count;
    std::memset(memory_.get() + size_, 0, padding);
  }

  /// Forgets the bytes, keeps the memory.
  void clear() noexcept {
    size_ = 0;
    borrowed_ = nullptr;
    owner_.reset();
  }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(borrowed_, other.borrowed_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(owner_, other.owner_);
  }

  std::unique_ptr<char[]> memory_;
  const char* borrowed_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::shared_ptr<void> owner_;
};

}  // namespace switchgear

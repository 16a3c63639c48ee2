// The structural index behind a JsonPage, and a cursor over it; shared by the files of this folder that read JSON (json_*.cpp).
//
// simdjson's first stage finds, at some GB/s, where every bracket, colon, comma and scalar begins, and checks UTF-8 and the quotes. The
// grammar between them is checked here, where each token is looked at once for what it is wanted for.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/data/json_page.hpp"

namespace switchgear {

using JsonIndex = std::unique_ptr<simdjson::internal::dom_parser_implementation>;

/// A place in the index. Tokens are: { } [ ] : , and scalars. Behind the last one there is a NUL for ever.
class JsonCursor {
 public:
  JsonCursor() = default;
  JsonCursor(std::string_view text, const std::uint32_t* index, std::uint32_t count) : text_(text.data()), index_(index), count_(count) {}

  char front() const noexcept { return text_[index_[at_]]; }
  bool at_end() const noexcept { return at_ >= count_; }
  const char* position() const noexcept { return text_ + index_[at_]; }
  /// Behind the token before this one, which has to be a bracket.
  const char* behind_bracket() const noexcept { return text_ + index_[at_ - 1] + 1; }
  void advance(std::uint32_t tokens = 1) noexcept { at_ = at_ + tokens < count_ ? at_ + tokens : count_; }

  bool take(char c) noexcept {
    if (front() != c) return false;
    advance();
    return true;
  }

  /// The token under the cursor without the spaces behind it: a whole scalar, or one bracket, colon or comma.
  std::string_view token() const noexcept {
    const char* begin = position();
    const char* end = text_ + (at_ + 1 < count_ ? index_[at_ + 1] : index_[count_]);
    while (end > begin && static_cast<unsigned char>(end[-1]) <= 0x20) --end;
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  /// Is this a member's name with its colon? Then its text between the quotes, as it stands, and the cursor on the value.
  bool take_name(std::string_view& name) noexcept {
    if (front() != '"') return false;
    const std::string_view quoted = token();
    advance();
    if (!take(':') || quoted.size() < 2) return false;
    name = quoted.substr(1, quoted.size() - 2);
    return true;
  }

  /// Passes over a value and gives its text. False where brackets do not close; what stands between them is not looked at.
  bool take_value(std::string_view& text) noexcept {
    const char* begin = position();
    int depth = 0;
    std::string_view last;
    do {
      last = token();
      const char c = front();
      if (at_end()) return false;
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      advance();
    } while (depth > 0);
    text = {begin, static_cast<std::size_t>(last.data() + last.size() - begin)};
    return depth == 0 && !text.empty() && text.front() != ',' && text.front() != ':';
  }

  /// As take_value, for the many values that nobody wants.
  bool skip_value() noexcept {
    char c = front();
    if (c != '{' && c != '[') {
      const bool scalar = !at_end() && c != '}' && c != ']' && c != ',' && c != ':';
      advance();
      return scalar;
    }
    std::uint32_t at = at_ + 1;
    for (int depth = 1; depth > 0; ++at) {
      if (at >= count_) return false;
      c = text_[index_[at]];
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
    }
    at_ = at;
    return true;
  }

 private:
  const char* text_ = nullptr;
  const std::uint32_t* index_ = nullptr;
  std::uint32_t at_ = 0;
  std::uint32_t count_ = 0;
};

struct JsonPage::Document {
  Buffer body;
  std::string_view text;  ///< the body without a byte order mark
  JsonIndex index;
  JsonCursor records;             ///< on the first token inside the records' array
  std::string_view records_text;  ///< that array as it stands
  std::vector<bool> left_out;     ///< positions of records that do not become columns; may be shorter than the array

  JsonCursor cursor() const noexcept { return {text, index->structural_indexes.get(), index->n_structural_indexes}; }

  /// What a JSON string means, from behind its first quote (up to the next one that is not escaped; Buffer::padding bytes behind it must be
  /// readable); false for a wrong escape or half a surrogate pair.
  bool unescape(std::string_view raw, std::string& plain) const;

  /// Throws Error(protocol.json): the text breaks off or breaks the grammar where `cursor` is.
  [[noreturn]] void fail(const JsonCursor& cursor, std::string_view where = {}) const;

  /// Calls `visit(JsonCursor)` with the cursor on each record.
  template <class Visit>
  void for_each_record(Visit&& visit) const {
    JsonCursor at = records;
    if (at.front() == ']') return;
    do {
      visit(at);
      if (!at.skip_value()) fail(at);
    } while (at.take(','));
    if (at.front() != ']') fail(at);
  }

  /// Throws Error(protocol.json) for text that could not even be indexed.
  [[noreturn]] void fail_index(simdjson::error_code code) const;
};

/// Text for a message: printable, valid UTF-8, at most `most` bytes.
std::string excerpt(std::string_view text, std::size_t most = 60);

}  // namespace switchgear

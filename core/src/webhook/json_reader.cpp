#include "json_reader.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "refusal.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/utf8.hpp"

namespace switchgear::webhook_detail {
namespace {

constexpr std::uint64_t highs = 0x8080808080808080;

std::uint64_t word_at(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

bool is_ascii(std::string_view text) noexcept {
  std::size_t at = 0;
  for (; at + 32 <= text.size(); at += 32) {
    const char* bytes = text.data() + at;
    if (((word_at(bytes) | word_at(bytes + 8) | word_at(bytes + 16) | word_at(bytes + 24)) & highs) != 0) return false;
  }
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

constexpr bool ends_run(char c) noexcept { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

/// Where the first quote, backslash or control character is from `at` on; the text's size if there is none.
std::size_t end_of_run(std::string_view text, std::size_t at) noexcept {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i either = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
    const auto marks = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(either, control)));
    if (marks != 0) return at + static_cast<std::size_t>(std::countr_zero(marks));
  }
#endif
  while (at < text.size() && !ends_run(text[at])) ++at;
  return at;
}

void append_utf8(std::string& text, unsigned code) {
  const auto add = [&text](unsigned byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0U | code >> 6U);
    add(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    add(0xE0U | code >> 12U);
    add(0x80U | (code >> 6U & 0x3FU));
    add(0x80U | (code & 0x3FU));
  } else {
    add(0xF0U | code >> 18U);
    add(0x80U | (code >> 12U & 0x3FU));
    add(0x80U | (code >> 6U & 0x3FU));
    add(0x80U | (code & 0x3FU));
  }
}

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

JsonReader::JsonReader(std::string_view text, int max_depth) : text_(text), max_depth_(max_depth), ascii_(is_ascii(text)) {
  if (ascii_) return;
  at_ = first_invalid_utf8(text);
  if (at_ != text.size()) fail("the text is not UTF-8");
  at_ = 0;
}

void JsonReader::fail(const char* why) const {
  throw Error(Category::protocol, "json",
              "broken JSON at byte " + std::to_string(at_) + " of " + std::to_string(text_.size()) + ": " + why +
                  (at_ < text_.size() ? ", at '" + shown(text_.substr(at_), 20) + "'" : ""))
      .with_hint("the sender has to write JSON in UTF-8 (RFC 8259)");
}

void JsonReader::open(bool object) {
  if (depth_ == max_depth_) fail("it is nested too deeply");
  objects_[static_cast<std::size_t>(++depth_)] = object;
  ++at_;
}

void JsonReader::enter_object() {
  if (peek() != '{') fail("an object is expected");
  open(true);
  first_ = true;
}

bool JsonReader::next_key(std::string_view& name) {
  if (first_ ? take('}') : !take(',')) {
    if (!first_) need('}', "a comma or the object's end is missing");
    --depth_;
    first_ = false;
    return false;
  }
  first_ = false;
  if (peek() != '"') fail("a name is missing");
  bool ascii = false;
  name = string(ascii);
  need(':', "a colon is missing");
  return true;
}

void JsonReader::enter_array() {
  if (peek() != '[') fail("an array is expected");
  open(false);
  first_ = true;
}

bool JsonReader::next_item() {
  if (first_ ? take(']') : !take(',')) {
    if (!first_) need(']', "a comma or the array's end is missing");
    --depth_;
    first_ = false;
    return false;
  }
  first_ = false;
  return true;
}

unsigned JsonReader::hex4() {
  unsigned code = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const char lower = static_cast<char>(c | 0x20);
    if (is_digit(c)) {
      code = code * 16 + static_cast<unsigned>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      code = code * 16 + static_cast<unsigned>(lower - 'a' + 10);
    } else {
      fail("a wrong escape");
    }
    ++at_;
  }
  return code;
}

std::string_view JsonReader::string(bool& ascii) {
  const std::size_t from = ++at_;
  at_ = end_of_run(text_, at_);
  ascii = ascii_;
  if (at_ == text_.size()) fail("a text does not end");
  if (text_[at_] != '"') return unescaped(from, ascii);
  return text_.substr(from, at_++ - from);
}

std::string_view JsonReader::unescaped(std::size_t from, bool& ascii) {
  plain_.assign(text_, from, at_ - from);
  while (text_[at_] != '"') {
    if (text_[at_] != '\\') fail("a control character in a text");
    ++at_;
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
    const std::size_t simple = c == '\0' ? std::string_view::npos : names.find(c);
    ++at_;
    if (simple != std::string_view::npos) {
      plain_.push_back(values[simple]);
    } else if (c == 'u') {
      unsigned code = hex4();
      if (code >= 0xD800 && code < 0xDC00) {
        if (text_.substr(at_, 2) != "\\u") fail("half a surrogate pair");
        at_ += 2;
        const unsigned low = hex4();
        if (low < 0xDC00 || low > 0xDFFF) fail("half a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
      } else if (code >= 0xDC00 && code <= 0xDFFF) {
        fail("half a surrogate pair");
      }
      ascii = ascii && code < 0x80;
      append_utf8(plain_, code);
    } else {
      fail("a wrong escape");
    }
    const std::size_t run = at_;
    at_ = end_of_run(text_, at_);
    if (at_ == text_.size()) fail("a text does not end");
    plain_.append(text_, run, at_ - run);
  }
  ++at_;
  return plain_;
}

std::string_view JsonReader::number(bool& whole) {
  const std::size_t from = at_;
  const auto digits = [this] {
    const std::size_t before = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return at_ != before;
  };
  const auto take_here = [this](char c) { return at_ < text_.size() && text_[at_] == c && (++at_, true); };
  whole = true;
  take_here('-');
  if (!take_here('0') && !digits()) fail("a wrong number");
  if (take_here('.')) {
    whole = false;
    if (!digits()) fail("a wrong number");
  }
  if (take_here('e') || take_here('E')) {
    whole = false;
    if (!take_here('+')) take_here('-');
    if (!digits()) fail("a wrong number");
  }
  return text_.substr(from, at_ - from);
}

void JsonReader::literal(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) fail("no value");
  at_ += word.size();
}

void JsonReader::scalar(JsonSink* sink) {
  bool flag = false;
  switch (text_[at_]) {
    case '"': {
      const std::string_view text = string(flag);
      if (sink != nullptr) sink->string(text, flag);
      return;
    }
    case 't':
      literal("true");
      if (sink != nullptr) sink->boolean(true);
      return;
    case 'f':
      literal("false");
      if (sink != nullptr) sink->boolean(false);
      return;
    case 'n':
      literal("null");
      if (sink != nullptr) sink->null();
      return;
    default: {
      if (text_[at_] != '-' && !is_digit(text_[at_])) fail("no value");
      const std::string_view token = number(flag);
      if (sink != nullptr) sink->number(token, flag);
    }
  }
}

/// Behind a value: closes what ends here. False once the depth is `floor`; true with a further value due.
bool JsonReader::close_or_go_on(JsonSink* sink, int floor) {
  for (;;) {
    if (depth_ == floor) return false;
    const bool object = objects_[static_cast<std::size_t>(depth_)];
    if (take(',')) {
      if (!object) return true;
      if (peek() != '"') fail("a name is missing");
      bool ascii = false;
      const std::string_view name = string(ascii);
      if (sink != nullptr) sink->key(name, ascii);
      need(':', "a colon is missing");
      return true;
    }
    need(object ? '}' : ']', object ? "a comma or the object's end is missing" : "a comma or the array's end is missing");
    --depth_;
    if (sink != nullptr) object ? sink->end_object() : sink->end_array();
  }
}

void JsonReader::read(JsonSink* sink) {
  const int floor = depth_;
  bool value_due = false;
  do {
    value_due = false;
    const char c = peek();
    if (at_ == text_.size()) fail("the text ends where a value is due");
    if (c != '{' && c != '[') {
      scalar(sink);
      continue;
    }
    const bool object = c == '{';
    open(object);
    if (sink != nullptr) object ? sink->begin_object() : sink->begin_array();
    if (peek() == (object ? '}' : ']')) continue;  // closed below
    if (object) {
      if (peek() != '"') fail("a name is missing");
      bool ascii = false;
      const std::string_view name = string(ascii);
      if (sink != nullptr) sink->key(name, ascii);
      need(':', "a colon is missing");
    }
    value_due = true;
  } while (value_due || close_or_go_on(sink, floor));
}

std::string_view JsonReader::read_text(JsonSink* sink) {
  peek();
  const std::size_t from = at_;
  read(sink);
  return text_.substr(from, at_ - from);
}

void JsonReader::end() {
  if (peek() != '\0' || at_ != text_.size()) fail("something follows behind the value");
}

}  // namespace switchgear::webhook_detail

namespace switchgear {

void read_json(std::string_view text, JsonSink& sink, int max_depth) {
  webhook_detail::JsonReader reader(text, max_depth);
  reader.read(&sink);
  reader.end();
}

}  // namespace switchgear

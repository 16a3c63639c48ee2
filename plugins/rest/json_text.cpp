#include "json_text.hpp"

#include <algorithm>
#include <cstdint>

#include "switchgear/sdk/text.hpp"

namespace switchgear::rest {
namespace {

constexpr std::size_t deepest = 512;
constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view bom = "\xEF\xBB\xBF";

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { skip_blanks(); }

  bool at_end() const { return at_ >= text_.size(); }
  std::size_t place() const { return at_; }
  char peek() const { return at_end() ? '\0' : text_[at_]; }

  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    skip_blanks();
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) fail(std::string("expected '") + wanted + "'");
  }

  /// The value here, as it stands; goes on behind it.
  std::string_view value() {
    const std::size_t begin = at_;
    if (at_end()) fail("a value is missing");
    if (peek() == '"') {
      skip_text();
    } else if (peek() == '{' || peek() == '[') {
      skip_nested();
    } else {
      skip_word();
    }
    const std::string_view found = text_.substr(begin, at_ - begin);
    skip_blanks();
    return found;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw JsonError("no JSON: " + what + " at byte " + std::to_string(at_) + ", before '" + std::string(text_.substr(at_, 20)) + "'");
  }

 private:
  void skip_blanks() {
    if (at_ == 0 && text_.substr(0, bom.size()) == bom) at_ = bom.size();
    while (at_ < text_.size() && blanks.find(text_[at_]) != std::string_view::npos) ++at_;
  }

  void skip_text() {
    const std::size_t begin = at_;
    for (++at_;; ++at_) {
      at_ = text_.find_first_of("\"\\", at_);
      if (at_ == std::string_view::npos) {
        at_ = begin;
        fail("a text does not end");
      }
      if (text_[at_] == '"') break;
      ++at_;
    }
    ++at_;
  }

  void skip_nested() {
    std::string open;
    const std::size_t begin = at_;
    while (!at_end()) {
      const char c = text_[at_];
      if (c == '"') {
        skip_text();
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') {
        if (open.size() == deepest) fail("it nests deeper than " + std::to_string(deepest));
        open.push_back(c == '{' ? '}' : ']');
      } else if (c == '}' || c == ']') {
        if (open.back() != c) fail(std::string("'") + c + "' closes what it did not open");
        open.pop_back();
        if (open.empty()) return;
      }
    }
    at_ = begin;
    fail("it does not end");
  }

  void skip_word() {
    const std::size_t begin = at_;
    constexpr std::string_view ends = ",:]} \t\r\n\"{[";
    at_ = std::min(text_.find_first_of(ends, at_), text_.size());
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (word == "null" || word == "true" || word == "false" || is_number(word)) return;
    at_ = begin;
    fail("a value is missing");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Calls visit(name, value) for each member until it returns true.
template <class Visit>
void each_member(std::string_view object, Visit visit) {
  Scanner scan(object);
  scan.expect('{');
  if (scan.take('}')) return;
  while (true) {
    if (scan.peek() != '"') scan.fail("a member's name is missing");
    const std::string_view name = scan.value();
    scan.expect(':');
    if (visit(name, scan.value())) return;
    if (scan.take('}')) return;
    scan.expect(',');
  }
}

template <class Visit>
void each_item(std::string_view array, Visit visit) {
  Scanner scan(array);
  scan.expect('[');
  if (scan.take(']')) return;
  while (true) {
    if (visit(scan.value())) return;
    if (scan.take(']')) return;
    scan.expect(',');
  }
}

std::uint32_t hex_code(std::string_view digits) {
  std::uint32_t code = 0;
  if (digits.size() < 4) throw JsonError("no JSON: a \\u escape is cut off");
  for (const char c : digits.substr(0, 4)) {
    const bool digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!digit && (lower < 'a' || lower > 'f')) throw JsonError("no JSON: '\\u" + std::string(digits.substr(0, 4)) + "' is no escape");
    code = code * 16 + static_cast<std::uint32_t>(digit ? c - '0' : lower - 'a' + 10);
  }
  return code;
}

/// Appends what the escape at `at` (behind its backslash) stands for; the place behind it.
std::size_t unescape(std::string_view raw, std::size_t at, std::string& out) {
  constexpr std::string_view from = "bfnrt\"\\/";
  constexpr std::string_view to = "\b\f\n\r\t\"\\/";
  if (at >= raw.size()) throw JsonError("no JSON: a text ends in a backslash");
  if (const std::size_t known = from.find(raw[at]); known != std::string_view::npos) {
    out.push_back(to[known]);
    return at + 1;
  }
  if (raw[at] != 'u') throw JsonError(std::string("no JSON: '\\") + raw[at] + "' is no escape");
  std::uint32_t code = hex_code(raw.substr(at + 1));
  at += 5;
  if (code >= 0xD800 && code < 0xDC00 && raw.substr(at, 2) == "\\u") {
    const std::uint32_t low = hex_code(raw.substr(at + 2));
    if (low >= 0xDC00 && low < 0xE000) {
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
      at += 6;
    }
  }
  if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;  // half a pair stands for no character
  sdk::detail::append_utf8(out, code);
  return at;
}

std::string decoded(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t at = 1; at + 1 < raw.size();) {
    if (raw[at] == '\\') {
      at = unescape(raw.substr(0, raw.size() - 1), at + 1, out);
    } else {
      out.push_back(raw[at++]);
    }
  }
  return out;
}

std::optional<std::size_t> index_of(std::string_view token) {
  if (token.empty() || token.size() > 9 || (token.size() > 1 && token[0] == '0')) return std::nullopt;
  std::size_t index = 0;
  for (const char c : token) {
    if (c < '0' || c > '9') return std::nullopt;
    index = index * 10 + static_cast<std::size_t>(c - '0');
  }
  return index;
}

std::optional<std::string_view> step(std::string_view value, std::string_view token) {
  std::optional<std::string_view> found;
  if (value.substr(0, 1) == "{") {
    each_member(value, [&](std::string_view name, std::string_view member) {
      const std::string_view bare = name.substr(1, name.size() - 2);
      const bool same = bare.find('\\') == std::string_view::npos ? bare == token : decoded(name) == token;
      if (same) found = member;
      return same;
    });
  } else if (value.substr(0, 1) == "[") {
    std::optional<std::size_t> left = index_of(token);
    if (!left) return std::nullopt;
    each_item(value, [&](std::string_view item) {
      if (*left == 0) found = item;
      return (*left)-- == 0;
    });
  }
  return found;
}

/// The value at the beginning, without what precedes it. What follows is not looked at.
std::string_view trimmed(std::string_view json) {
  const Scanner scan(json);
  return json.substr(scan.place());
}

}  // namespace

std::optional<std::string_view> find(std::string_view json, std::string_view pointer) {
  const auto tokens = pointer_tokens(pointer);
  if (!tokens) throw JsonError("'" + std::string(pointer) + "' is no JSON pointer");
  std::string_view value = trimmed(json);
  for (const std::string& token : *tokens) {
    const auto found = step(value, token);
    if (!found) return std::nullopt;
    value = *found;
  }
  if (tokens->empty()) return Scanner(value).value();
  return value;
}

std::vector<std::string_view> items(std::string_view array) {
  std::vector<std::string_view> found;
  each_item(array, [&](std::string_view item) { return (found.push_back(item), false); });
  return found;
}

std::vector<std::pair<std::string, std::string_view>> members(std::string_view object) {
  std::vector<std::pair<std::string, std::string_view>> found;
  each_member(object, [&](std::string_view name, std::string_view value) { return (found.emplace_back(decoded(name), value), false); });
  return found;
}

std::string text_of(std::string_view value) {
  if (value == "null") return {};
  return value.size() >= 2 && value.front() == '"' ? decoded(value) : std::string(value);
}

std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (byte < 0x20) {
      out.append("\\u00").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::string_view whole_value(std::string_view text) {
  Scanner scan(text);
  const std::string_view value = scan.value();
  if (!scan.at_end()) scan.fail("the text goes on after the value");
  return value;
}

bool is_something(std::optional<std::string_view> value) {
  if (!value) return false;
  const char first = value->empty() ? '\0' : value->front();
  if (first == '[' || first == '{') return value->find_first_not_of(blanks, 1) != value->size() - 1;
  if (first == '"') {
    const std::string text = text_of(*value);
    return !text.empty() && text != "-" && text != "false" && text != "N";
  }
  if (is_number(*value)) return value->substr(0, value->find_first_of("eE")).find_first_of("123456789") != std::string_view::npos;
  return *value == "true";
}

bool is_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const bool zero = at < text.size() && text[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

std::optional<std::vector<std::string>> pointer_tokens(std::string_view pointer) {
  std::vector<std::string> tokens;
  if (pointer.empty()) return tokens;
  if (pointer.front() != '/') return std::nullopt;
  for (std::size_t at = 0; at < pointer.size(); ++at) {
    const char c = pointer[at];
    if (c == '/') {
      tokens.emplace_back();
    } else if (c != '~') {
      tokens.back().push_back(c);
    } else {
      const char escape = ++at < pointer.size() ? pointer[at] : '\0';
      if (escape != '0' && escape != '1') return std::nullopt;
      tokens.back().push_back(escape == '0' ? '~' : '/');
    }
  }
  return tokens;
}

std::string pointer_token(std::string_view name) {
  std::string token;
  for (const char c : name) {
    if (c == '~') {
      token += "~0";
    } else if (c == '/') {
      token += "~1";
    } else {
      token.push_back(c);
    }
  }
  return token;
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) list.append(list.size() > 1 ? "," : "").append(quoted(text));
  return list + "]";
}

}  // namespace switchgear::rest

#include "structured_field.hpp"

#include <charconv>

namespace switchgear {
namespace {

constexpr std::size_t longest_text = 4096;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_token_char(char c) { return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~:/").find(c) != std::string_view::npos; }

struct BareItem {
  std::string_view text;
  std::optional<std::int64_t> integer;
  bool token = false;
};

class ListReader {
 public:
  explicit ListReader(std::string_view text) : rest_(text) {}

  std::optional<std::vector<FieldItem>> read() {
    std::vector<FieldItem> items;
    skip(" ");
    while (!rest_.empty()) {
      items.push_back(member());
      skip(" \t");
      if (rest_.empty() || !ok_) break;
      expect(',');
      skip(" \t");
      if (rest_.empty()) ok_ = false;  // a comma with nothing behind it
      if (!ok_) break;
    }
    if (!ok_) return std::nullopt;
    return items;
  }

 private:
  FieldItem member() {
    const BareItem head = bare_item();
    FieldItem item;
    item.name = head.text;
    if (head.token && take('=')) {
      const BareItem value = bare_item();
      item.value = value.integer;
      if (!value.integer) ok_ = false;
    }
    while (ok_ && take(';')) {
      skip(" ");
      const std::string_view key = take_while([first = true](char c) mutable {
        const bool fits = is_lower(c) || c == '*' || (!first && (is_digit(c) || c == '_' || c == '-' || c == '.'));
        first = false;
        return fits;
      });
      if (key.empty()) ok_ = false;
      if (ok_ && take('=')) {
        const BareItem value = bare_item();
        if (value.integer) item.parameters.emplace_back(key, *value.integer);
      }
    }
    return item;
  }

  BareItem bare_item() {
    if (rest_.empty()) return fail();
    const char c = rest_.front();
    if (c == '"') return quoted('"', true);
    if (c == ':') return quoted(':', false);
    if (c == '?') return boolean();
    if (c == '-' || is_digit(c)) return number();
    if (!is_alpha(c) && c != '*') return fail();
    BareItem item;
    item.text = take_while(is_token_char);
    item.token = true;
    return item;
  }

  BareItem quoted(char end, bool escapes) {
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] < ' ' || rest_[i] > '~') return fail();
      if (escapes && rest_[i] == '\\') {
        if (++i >= rest_.size() || (rest_[i] != '"' && rest_[i] != '\\')) return fail();
      } else if (rest_[i] == end) {
        BareItem item;
        item.text = rest_.substr(1, i - 1);
        rest_.remove_prefix(i + 1);
        return item;
      }
    }
    return fail();
  }

  BareItem boolean() {
    if (rest_.size() < 2 || (rest_[1] != '0' && rest_[1] != '1')) return fail();
    BareItem item;
    item.text = rest_.substr(0, 2);
    rest_.remove_prefix(2);
    return item;
  }

  BareItem number() {
    const bool negative = take('-');
    BareItem item;
    item.text = take_while(is_digit);
    if (item.text.empty() || item.text.size() > 15) return fail();
    if (take('.')) {  // a decimal is well-formed, but no count
      const std::string_view fraction = take_while(is_digit);
      if (fraction.empty() || fraction.size() > 3 || item.text.size() > 12) return fail();
      return item;
    }
    std::int64_t value = 0;
    std::from_chars(item.text.data(), item.text.data() + item.text.size(), value);
    item.integer = negative ? -value : value;
    return item;
  }

  template <class Predicate>
  std::string_view take_while(Predicate fits) {
    std::size_t count = 0;
    while (count < rest_.size() && fits(rest_[count])) ++count;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!take(c)) ok_ = false;
  }

  void skip(std::string_view blanks) {
    const std::size_t end = rest_.find_first_not_of(blanks);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
  }

  BareItem fail() {
    ok_ = false;
    return {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::optional<std::int64_t> FieldItem::parameter(std::string_view key) const noexcept {
  std::optional<std::int64_t> found;
  for (const auto& [name_of, number] : parameters) {
    if (name_of == key) found = number;  // the last one counts (RFC 9651, 4.2.3.2)
  }
  return found;
}

std::optional<std::vector<FieldItem>> parse_structured_list(std::string_view text) {
  if (text.size() > longest_text) return std::nullopt;
  return ListReader(text).read();
}

}  // namespace switchgear

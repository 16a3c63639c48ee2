#include "json_scan.hpp"

#include <nlohmann/json.hpp>

namespace switchgear::odata {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool take(char wanted) {
    space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  /// The value that comes next; empty: there is none, or it does not end.
  std::string_view value() {
    space();
    const std::size_t begin = at_;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!text()) return {};
        if (depth == 0) break;
        continue;
      }
      if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (depth == 0) break;  // of what is around it
        if (--depth == 0) {
          ++at_;
          break;
        }
      } else if (depth == 0 && (c == ',' || c == ':' || is_space(c))) {
        break;
      }
      ++at_;
    }
    return depth > 0 && at_ == text_.size() ? std::string_view() : text_.substr(begin, at_ - begin);
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

  void space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  bool text() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return true;
      }
    }
    at_ = text_.size();
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool scan_members(std::string_view object, const std::function<bool(const std::string&, std::string_view)>& take) {
  Scanner scanner(object);
  if (!scanner.take('{')) return false;
  if (scanner.take('}')) return true;
  do {
    const std::string_view name = scanner.value();
    if (name.empty() || name.front() != '"' || !scanner.take(':')) return false;
    const std::string_view value = scanner.value();
    if (value.empty()) return false;
    if (!take(json_text(name), value)) return true;
  } while (scanner.take(','));
  return scanner.take('}');
}

bool scan_items(std::string_view array, const std::function<void(std::string_view)>& take) {
  Scanner scanner(array);
  if (!scanner.take('[')) return false;
  if (scanner.take(']')) return true;
  do {
    const std::string_view item = scanner.value();
    if (item.empty()) return false;
    take(item);
  } while (scanner.take(','));
  return scanner.take(']');
}

std::string json_text(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return std::string(value);
  if (value.find('\\') == std::string_view::npos) return std::string(value.substr(1, value.size() - 2));
  const auto text = nlohmann::json::parse(value.begin(), value.end(), nullptr, false);
  return text.is_string() ? text.get<std::string>() : std::string(value);
}

}  // namespace switchgear::odata

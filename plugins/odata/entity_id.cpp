#include "entity_id.hpp"

namespace switchgear::odata {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex(text[i + 1]) : -1;
    const int low = high >= 0 ? hex(text[i + 2]) : -1;
    if (low < 0) {
      plain.push_back(text[i]);
      continue;
    }
    plain.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return plain;
}

/// What is between the last parentheses that the text ends with; nothing: there are none. Those within quotes are a value's.
std::optional<std::string_view> predicate(std::string_view text) {
  std::size_t open = std::string_view::npos;
  bool in_quotes = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\'') in_quotes = !in_quotes;  // a doubled one is left and entered again
    if (in_quotes) continue;
    if (c == '(') open = i;
    if (c == ')' && i + 1 == text.size() && open != std::string_view::npos) return text.substr(open + 1, i - open - 1);
  }
  return std::nullopt;
}

/// The literal as its text: 'it''s' and duration'PT1S' without quotes, all else as it is.
std::optional<KeyLiteral> literal(std::string_view text) {
  const std::size_t quote = text.find('\'');
  if (quote == std::string_view::npos) return text.empty() ? std::nullopt : std::optional(KeyLiteral{std::string(text), false});
  if (text.size() < quote + 2 || text.back() != '\'') return std::nullopt;
  KeyLiteral found{{}, true};
  for (std::size_t i = quote + 1; i + 1 < text.size(); ++i) {
    found.text.push_back(text[i]);
    if (text[i] != '\'') continue;
    if (i + 2 >= text.size() || text[i + 1] != '\'') return std::nullopt;
    ++i;
  }
  return found;
}

bool is_name(std::string_view text) { return !text.empty() && text.find_first_of("'()/ ") == std::string_view::npos; }

std::optional<EntityKey> read_predicate(std::string_view inside) {
  EntityKey key;
  std::size_t begin = 0;
  bool in_quotes = false;
  for (std::size_t i = 0; i <= inside.size(); ++i) {
    if (i < inside.size() && inside[i] == '\'') in_quotes = !in_quotes;
    if (i < inside.size() && (in_quotes || inside[i] != ',')) continue;
    std::string_view part = inside.substr(begin, i - begin);
    begin = i + 1;
    const std::size_t equals = part.find('=');
    if (equals != std::string_view::npos && is_name(part.substr(0, equals))) {
      key.names.emplace_back(part.substr(0, equals));
      part.remove_prefix(equals + 1);
    }
    auto value = literal(part);
    if (!value) return std::nullopt;
    key.values.push_back(std::move(*value));
  }
  const bool unnamed = key.names.empty() && key.values.size() == 1;
  if (!unnamed && key.names.size() != key.values.size()) return std::nullopt;
  return key;
}

}  // namespace

std::optional<EntityKey> key_in_id(std::string_view id) {
  const std::string text = decoded(id);
  if (const auto inside = predicate(text)) return read_predicate(*inside);
  const std::size_t slash = text.rfind('/');
  const std::string last = slash == std::string::npos ? text : text.substr(slash + 1);
  if (last.empty() || last.find_first_of("()'?#") != std::string::npos) return std::nullopt;
  return EntityKey{{}, {{last, false}}};
}

}  // namespace switchgear::odata

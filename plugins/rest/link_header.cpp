#include "link_header.hpp"

#include <algorithm>

#include "switchgear/sdk/text.hpp"

namespace switchgear::rest {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

/// A token, or a quoted text with its backslashes resolved; `rest` goes on behind it.
std::string parameter_value(std::string_view& rest) {
  std::string value;
  if (rest.substr(0, 1) != "\"") {
    const std::size_t end = std::min(rest.find_first_of(";, \t"), rest.size());
    value = rest.substr(0, end);
    rest.remove_prefix(end);
    return value;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
    value.push_back(rest[at]);
  }
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return value;
}

/// `rel` is a list of relations with blanks between.
bool names(std::string_view relations, std::string_view wanted) {
  while (!(relations = without_blanks(relations)).empty()) {
    const std::size_t end = std::min(relations.find_first_of(blanks), relations.size());
    if (sdk::detail::equal_ignoring_case(relations.substr(0, end), wanted)) return true;
    relations.remove_prefix(end);
  }
  return false;
}

/// Reads the parameters of one link; true if its relation is the wanted one. Of several `rel` the first counts.
bool read_parameters(std::string_view& rest, std::string_view wanted) {
  bool found = false;
  bool seen_rel = false;
  while (!(rest = without_blanks(rest)).empty() && rest.front() == ';') {
    rest = without_blanks(rest.substr(1));
    const std::size_t end = std::min(rest.find_first_of("=;, \t"), rest.size());
    const std::string_view name = rest.substr(0, end);
    rest = without_blanks(rest.substr(end));
    if (rest.substr(0, 1) != "=") continue;
    rest = without_blanks(rest.substr(1));
    const std::string value = parameter_value(rest);
    if (seen_rel || !sdk::detail::equal_ignoring_case(name, "rel")) continue;
    seen_rel = true;
    found = names(value, wanted);
  }
  return found;
}

}  // namespace

std::optional<std::string> link_target(std::string_view header, std::string_view relation) {
  std::string_view rest = header;
  while (!(rest = without_blanks(rest)).empty()) {
    if (rest.front() == ',') {
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t end = rest.front() == '<' ? rest.find('>') : std::string_view::npos;
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view target = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (read_parameters(rest, relation)) return std::string(target);
    rest = without_blanks(rest);
    if (!rest.empty() && rest.front() != ',') return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace switchgear::rest

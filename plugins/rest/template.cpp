#include "template.hpp"

#include <algorithm>
#include <stdexcept>

namespace switchgear::rest {

Template Template::parse(std::string_view text) {
  Template made;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) made.parts_.push_back({false, std::move(plain)});
    plain.clear();
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      plain.push_back(c);
      ++at;
    } else if (c == '}') {
      throw std::invalid_argument("'}' closes nothing in '" + std::string(text) + "' (write }} for a brace)");
    } else if (c == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos)
        throw std::invalid_argument("'{' is never closed in '" + std::string(text) + "' (write {{ for a brace)");
      const std::string_view name = text.substr(at + 1, end - at - 1);
      if (name.empty() || name.find('{') != std::string_view::npos)
        throw std::invalid_argument("a place has no name in '" + std::string(text) + "'");
      flush();
      made.parts_.push_back({true, std::string(name)});
      at = end;
    } else {
      plain.push_back(c);
    }
  }
  flush();
  return made;
}

std::string Template::render(const Values& values, Encoding encoding) const {
  std::string out;
  for (const Part& part : parts_) {
    if (!part.is_place) {
      out += part.text;
      continue;
    }
    const std::optional<std::string> value = values(part.text);
    if (!value) throw std::out_of_range(part.text);
    out += encoding == Encoding::path ? encoded_segment(*value) : *value;
  }
  return out;
}

std::vector<std::string> Template::names() const {
  std::vector<std::string> found;
  for (const Part& part : parts_) {
    if (part.is_place) found.push_back(part.text);
  }
  return found;
}

std::optional<std::string> Template::sole_name() const {
  if (parts_.size() != 1 || !parts_.front().is_place) return std::nullopt;
  return parts_.front().text;
}

std::string encoded_segment(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view marks = "-._~";
  // "." and ".." would be taken for steps through the tree, encoded or not, were they left as they are.
  const bool dots = !text.empty() && text.find_first_not_of('.') == std::string_view::npos;
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
    if (plain && !dots) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append("%").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    }
  }
  return out;
}

}  // namespace switchgear::rest

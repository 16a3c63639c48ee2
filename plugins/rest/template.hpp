// Texts with places to fill in: "/assets/{id}/meters". "{{" and "}}" are braces.
//
// Immutable once parsed; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchgear::rest {

enum class Encoding {
  none,
  path,  ///< what is filled in is percent-encoded as one segment (RFC 3986): a slash in a key is no separator
};

class Template {
 public:
  Template() = default;

  /// Throws std::invalid_argument for a brace without its partner and for a place without a name.
  static Template parse(std::string_view text);

  /// The value of a place; nothing where there is none, which render() reports.
  using Values = std::function<std::optional<std::string>(std::string_view)>;

  /// Throws std::out_of_range with the name of a place that has no value.
  std::string render(const Values& values, Encoding encoding = Encoding::none) const;

  std::vector<std::string> names() const;
  bool empty() const noexcept { return parts_.empty(); }

  /// The one place that the text consists of, if that is so: its value may keep its type.
  std::optional<std::string> sole_name() const;

 private:
  struct Part {
    bool is_place = false;
    std::string text;  ///< or the name
  };
  std::vector<Part> parts_;
};

/// As one segment of a path: all but unreserved characters are encoded, and so is a segment of dots alone.
std::string encoded_segment(std::string_view text);

}  // namespace switchgear::rest

// JSON as text: values are found, cut out and put together as they stand, so that no digit of a number and no escape of a text changes.
//
// Pure functions on borrowed text; any thread. They read no more than they are asked for and check no more than they read: brackets match,
// texts end. The host parses every page in full afterwards. All throw JsonError for text that is no JSON where they looked.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchgear::rest {

class JsonError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// The value that a JSON pointer (RFC 6901) leads to, as it stands; nothing where it leads nowhere.
std::optional<std::string_view> find(std::string_view json, std::string_view pointer);

/// The items of an array, as they stand.
std::vector<std::string_view> items(std::string_view array);

/// The members of an object, in their order: names decoded, values as they stand.
std::vector<std::pair<std::string, std::string_view>> members(std::string_view object);

/// A text decoded; anything else as it stands. Null is the empty text.
std::string text_of(std::string_view value);

/// A text as a JSON value.
std::string quoted(std::string_view text);

/// `value` with nothing around it; JsonError unless the whole of it is one value.
std::string_view whole_value(std::string_view text);

/// Is there something: not null, false, 0, "", "-", "false", "N", an empty list or object? Nothing is nothing.
bool is_something(std::optional<std::string_view> value);

/// A number as JSON writes it.
bool is_number(std::string_view text);

/// The tokens of a pointer, decoded; nothing for text that is no pointer.
std::optional<std::vector<std::string>> pointer_tokens(std::string_view pointer);

/// A token as it stands in a pointer.
std::string pointer_token(std::string_view name);

/// `["a","b"]`
std::string json_list(const std::vector<std::string>& texts);

}  // namespace switchgear::rest

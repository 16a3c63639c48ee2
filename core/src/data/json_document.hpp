// The simdjson document behind a JsonPage; shared by the files of this folder that read it (json_*.cpp).
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "switchgear/base/error.hpp"
#include "switchgear/data/json_page.hpp"

namespace switchgear {

namespace ondemand = simdjson::ondemand;

struct JsonPage::Document {
  Buffer body;
  std::string_view text;  ///< the body without a byte order mark
  ondemand::parser parser;
  ondemand::document document;
  bool iterated = false;  ///< `document` is set

  /// Throws Error(protocol.json) for `code`, naming the byte and what stands there.
  [[noreturn]] void fail(simdjson::error_code code, std::string_view where = {});

  /// The records' array, from its beginning.
  ondemand::array records(const std::string& pointer);

  template <class T>
  T get(simdjson::simdjson_result<T> result, std::string_view where = {}) {
    T value;
    if (const simdjson::error_code code = std::move(result).get(value); code != simdjson::SUCCESS) fail(code, where);
    return value;
  }
};

/// The token at the front of a value without the spaces behind it: a whole scalar, or the bracket that opens something.
inline std::string_view token_of(ondemand::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= 0x20) token.remove_suffix(1);
  return token;
}

/// Text for a message: printable, valid UTF-8, at most `most` bytes.
std::string excerpt(std::string_view text, std::size_t most = 60);

}  // namespace switchgear

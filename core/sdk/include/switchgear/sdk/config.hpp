// The configuration of a connection. The host has checked it against the manifest and filled in the defaults before a connector
// sees it, so a getter throws (Error, config) only for a name that the manifest does not have.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "switchgear/sdk/abi.h"
#include "switchgear/sdk/error.hpp"
#include "switchgear/sdk/text.hpp"

namespace switchgear::sdk {

namespace detail {

template <class Parse>
auto number(std::string_view name, const std::string& text, const char* what, Parse parse) {
  char* end = nullptr;
  errno = 0;
  const auto value = parse(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size() || errno == ERANGE) {
    throw Error(Category::config, "'" + std::string(name) + "' is '" + text + "', not " + what);
  }
  return value;
}

}  // namespace detail

class Config {
 public:
  Config() = default;
  explicit Config(const sg_open_request& request) : connection_id_(detail::str(request.connection_id)) {
    for (std::uint64_t i = 0; i < request.n_config; ++i) {
      values_.emplace(detail::str(request.config[i].name), detail::str(request.config[i].value));
    }
  }

  const std::string& connection_id() const noexcept { return connection_id_; }

  /// False for an optional key that was not given and has no default.
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }

  const std::string& str(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      throw Error(Category::config,
                  "there is no '" + std::string(name) + "' in the configuration: the manifest's \"config\" has to declare it");
    }
    return found->second;
  }
  std::string str(std::string_view name, std::string_view fallback) const { return has(name) ? str(name) : std::string(fallback); }

  std::int64_t integer(std::string_view name) const {
    return detail::number(name, str(name), "a whole number", [](const char* text, char** end) { return std::strtoll(text, end, 10); });
  }
  double real(std::string_view name) const {
    return detail::number(name, str(name), "a number", [](const char* text, char** end) { return std::strtod(text, end); });
  }
  bool boolean(std::string_view name) const {
    const std::string& text = str(name);
    if (text == "true") return true;
    if (text == "false") return false;
    throw Error(Category::config, "'" + std::string(name) + "' is '" + text + "', not true or false");
  }

  /// A value of type "json", as JSON text.
  const std::string& json(std::string_view name) const { return str(name); }

 private:
  std::string connection_id_;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace switchgear::sdk

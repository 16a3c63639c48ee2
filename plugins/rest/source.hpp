// Where a description comes from, and what a connection's configuration makes of it.
//
// Plain values. All throw sdk::Error(config).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "description.hpp"
#include "switchgear/sdk/config.hpp"

namespace switchgear::rest {

/// The description that `given` means: TOML itself (it holds a line break or a '='), the path of a file (it holds a '/' or ends in
/// ".toml"), or the name of one in `folder`, where the shipped ones lie.
Description find_description(const std::string& given, const std::string& folder);

/// Values of the description's variables, by name.
using Variables = std::map<std::string, std::string, std::less<>>;

/// From `json`, an object of texts, and the defaults. Refuses names that the description does not have, and variables without a value.
Variables variables_of(const Description& description, const std::string& json);

/// `url` of the configuration, else the description's with its variables filled in; without a slash at its end.
std::string base_url(const Description& description, const std::string& configured, const Variables& variables);

}  // namespace switchgear::rest

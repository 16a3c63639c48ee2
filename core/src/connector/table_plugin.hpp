// A connector's C table as a Plugin. The table and its code live as long as the process.
#pragma once

#include <memory>
#include <string>

#include "switchgear/connector/manifest.hpp"
#include "switchgear/connector/plugin.hpp"
#include "switchgear/sdk/abi.h"

namespace switchgear {

/// Throws Error(plugin, "abi") for a table smaller than any of this major version ever was, or one without its mandatory functions.
std::shared_ptr<Plugin> make_table_plugin(const sg_connector& table, Manifest manifest, std::string path);

}  // namespace switchgear

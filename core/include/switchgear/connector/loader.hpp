// Brings connectors into the process: shared libraries, which are checked before any of their code runs.
//
// A library is loaded once, whatever path leads to it, and never unloaded. All functions may be called from any thread, and throw
// Error(plugin) with the file, what is wrong with it and what to do; `plugin.unsafe` for a file that others could have written.
#pragma once

#include <memory>
#include <string>

#include "switchgear/connector/manifest.hpp"
#include "switchgear/connector/plugin.hpp"
#include "switchgear/sdk/abi.h"

namespace switchgear {

/// The manifest in the library's .sgmanifest section, read without loading the library.
Manifest inspect_connector(const std::string& path);

/// `sha256`: the library's expected digest in hexadecimal; empty: not pinned.
std::shared_ptr<Plugin> load_connector(const std::string& path, const std::string& sha256 = {});

/// The digest that load_connector compares with.
std::string file_sha256(const std::string& path);

/// A connector that is linked into the program. Its manifest is its table's.
std::shared_ptr<Plugin> linked_connector(const sg_abi& abi, sg_connector_entry_fn entry);

}  // namespace switchgear

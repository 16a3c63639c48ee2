// Finds connectors by name: which shared libraries there are, what their manifests call them, and which one wins.
//
// The search order: SWITCHGEAR_PLUGIN_PATH, the paths given by packages (Python's entry points), the user's data folder, the bundled ones.
// Each place is a folder, in which every *.so with a manifest counts, or one file. A name's first place wins. Folders are read anew at each
// call, so that a connector that was just installed is found. Immutable; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/connector/manifest.hpp"
#include "switchgear/connector/plugin.hpp"

namespace switchgear {

struct ConnectorPlace {
  std::string path;    ///< folder or file
  std::string origin;  ///< who named it: "SWITCHGEAR_PLUGIN_PATH", "entry point x", "user", "bundled"
};

struct FoundConnector {
  std::string path;
  std::string origin;
  std::optional<Manifest> manifest;
  std::optional<Error> problem;  ///< instead of the manifest: why the file is no usable connector
  std::string shadowed_by;       ///< path of the one of the same name that wins; "" for the winner
};

class ConnectorRegistry {
 public:
  explicit ConnectorRegistry(std::vector<ConnectorPlace> places) : places_(std::move(places)) {}

  /// The places of this process, in their order. `entry_points` and `bundled` may be empty.
  static std::vector<ConnectorPlace> default_places(const std::vector<ConnectorPlace>& entry_points, const std::string& bundled);

  /// All that was found, broken and shadowed ones too; runs no connector's code.
  std::vector<FoundConnector> list() const;

  /// `name` of a manifest, or a path (anything with a '/' or ending in ".so"). Throws Error(config, "connector") for an unknown name,
  /// with every path that was tried and the nearest name; Error(plugin) for a library that can't be used.
  std::shared_ptr<Plugin> load(const std::string& name, const std::string& sha256 = {}) const;

  const std::vector<ConnectorPlace>& places() const noexcept { return places_; }

 private:
  std::vector<ConnectorPlace> places_;
};

}  // namespace switchgear

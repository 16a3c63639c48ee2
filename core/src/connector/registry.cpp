#include "switchgear/connector/registry.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "elf.hpp"
#include "switchgear/connector/loader.hpp"

namespace switchgear {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// XDG Base Directory Specification: a relative value is to be ignored.
std::string user_folder() {
  const std::string data = environment("XDG_DATA_HOME");
  if (!data.empty() && data.front() == '/') return data + "/switchgear/connectors";
  const std::string home = environment("HOME");
  return home.empty() ? std::string() : home + "/.local/share/switchgear/connectors";
}

bool is_library(const fs::path& path) { return path.extension() == ".so"; }

std::vector<std::string> files_of(const ConnectorPlace& place) {
  std::error_code ignored;
  if (!fs::is_directory(place.path, ignored)) {
    return fs::exists(place.path, ignored) ? std::vector<std::string>{place.path} : std::vector<std::string>();
  }
  std::vector<std::string> files;
  for (fs::directory_iterator item(place.path, ignored), end; !ignored && item != end; item.increment(ignored)) {
    if (is_library(item->path())) files.push_back(item->path().string());
  }
  std::sort(files.begin(), files.end());  // the order of a folder is nobody's choice
  return files;
}

/// Nothing for a sound library that is no connector, such as one that a connector needs.
std::optional<FoundConnector> look_at(const std::string& file, const std::string& origin) {
  FoundConnector found{file, origin, std::nullopt, std::nullopt, {}};
  try {
    const auto text = elf_section(file, ".sgmanifest");
    if (!text) return std::nullopt;
    found.manifest = Manifest::parse(*text, file);
  } catch (const Error& error) {
    found.problem = error;
  }
  return found;
}

Error unknown(const std::string& name, const std::vector<FoundConnector>& found, const std::vector<ConnectorPlace>& places) {
  std::vector<std::string> names;
  std::string broken;
  for (const FoundConnector& candidate : found) {
    if (candidate.manifest) names.push_back(candidate.manifest->name);
    if (candidate.problem) broken += "; " + candidate.problem->message;
  }
  std::string tried;
  std::error_code ignored;
  for (const ConnectorPlace& place : places) {
    tried +=
        (tried.empty() ? "" : ", ") + place.path + " (" + place.origin + (fs::exists(place.path, ignored) ? "" : ", does not exist") + ")";
  }
  std::string known;
  for (const std::string& one : names) {
    if (known.find("'" + one + "'") == std::string::npos) known += (known.empty() ? "'" : ", '") + one + "'";
  }
  const std::string suggestion = did_you_mean(name, names);
  return Error(Category::config, "connector",
               "there is no connector '" + name + "'" + (suggestion.empty() ? "." : suggestion) +
                   " Known: " + (known.empty() ? "none" : known) + ". Tried: " + (tried.empty() ? "no place at all" : tried) + broken)
      .with_hint("give the connector's name, the path of its .so file, or add its folder to SWITCHGEAR_PLUGIN_PATH");
}

}  // namespace

std::vector<ConnectorPlace> ConnectorRegistry::default_places(const std::vector<ConnectorPlace>& entry_points, const std::string& bundled) {
  std::vector<ConnectorPlace> places;
  const std::string listed = environment("SWITCHGEAR_PLUGIN_PATH");
  for (std::size_t begin = 0; begin < listed.size();) {
    const std::size_t end = std::min(listed.find(':', begin), listed.size());
    // An empty item would be the current folder: whoever started the process there would choose the code.
    if (end > begin) places.push_back({fs::absolute(listed.substr(begin, end - begin)).string(), "SWITCHGEAR_PLUGIN_PATH"});
    begin = end + 1;
  }
  places.insert(places.end(), entry_points.begin(), entry_points.end());
  if (const std::string folder = user_folder(); !folder.empty()) places.push_back({folder, "user"});
  if (!bundled.empty()) places.push_back({bundled, "bundled"});
  return places;
}

std::vector<FoundConnector> ConnectorRegistry::list() const {
  std::vector<FoundConnector> all;
  std::map<std::string, std::string> winners;
  for (const ConnectorPlace& place : places_) {
    for (const std::string& file : files_of(place)) {
      auto found = look_at(file, place.origin);
      if (!found) continue;
      if (found->manifest) {
        const auto [winner, first] = winners.emplace(found->manifest->name, file);
        if (!first) found->shadowed_by = winner->second;
      }
      all.push_back(std::move(*found));
    }
  }
  return all;
}

std::shared_ptr<Plugin> ConnectorRegistry::load(const std::string& name, const std::string& sha256) const {
  if (name.find('/') != std::string::npos || is_library(name)) return load_connector(fs::absolute(name).string(), sha256);
  const std::vector<FoundConnector> found = list();
  for (const FoundConnector& candidate : found) {
    if (candidate.manifest && candidate.manifest->name == name) return load_connector(candidate.path, sha256);
  }
  throw unknown(name, found, places_);
}

}  // namespace switchgear
